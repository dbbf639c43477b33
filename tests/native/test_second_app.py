"""Another app adds a kind, an event and a context root, one hook each, and a flow uses all three.

The app lives in a folder of its own and is installed on the site by a sites folder of its own, so that no
other process of the bench is asked to import it; whatever happens, it is uninstalled at the end.
"""

# ruff: noqa: F811  (fixtures that are imported have the names of the arguments)
from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from conftest import unique
from flows import definition, step
from people import PASSWORD
from playwright.sync_api import expect
from processes import REPO, Bench
from site_python import SitePython
from test_desk import CHROMIUM, browser  # noqa: F401  (a fixture)

APP = "flow_demo_app"

FILES = {
	"__init__.py": '__version__ = "0.0.1"\n',
	"modules.txt": "Flow Demo App\n",
	"patches.txt": "",
	"flow_demo_app/__init__.py": "",
	"hooks.py": """
app_name = "flow_demo_app"
app_title = "Flow Demo App"
app_publisher = "Somebody"
app_description = "Adds to flows"
app_email = "somebody@example.com"
app_license = "MIT"
flow_engine_kinds = ["flow_demo_app.ring.KIND"]
flow_engine_events = ["flow_demo_app.events.EVENTS"]
flow_engine_context = {"fibre": "flow_demo_app.events.fibre"}
""",
	"events.py": """
EVENTS = [{"name": "on_demo_line_cut", "label": "A line is cut", "doctype": "Customer",
	"variables": ["street"]}]


def fibre(run):
	return {"length": 42, "of": run.get("name")}
""",
	"ring.py": """
from flow_engine.engine.kinds.base import Effect, Field, Kind
from flow_engine.engine.outcomes import Done


def ring(ctx):
	note = ctx.documents.insert("ToDo", {"description": str(ctx.payload["text"])})
	return Done({"doctype": "ToDo", "name": note["name"]}, (("ToDo", note["name"], "created"),))


KIND = Kind(
	name="demo_ring",
	label="Ring a bell",
	icon="bell",
	colour="#112233",
	effect=Effect.DATABASE,
	handle=ring,
	writes=("ToDo",),
	fields=(Field("text", "Text", "text", required=True),),
	help="Leaves a note.",
)
""",
}


@pytest.fixture(scope="module")
def demo(bench, site, tmp_path_factory):
	"""The site as processes see it that have the second app; gone again afterwards."""
	folder = tmp_path_factory.mktemp("second")
	for path, content in FILES.items():
		file = folder / "app" / APP / path
		file.parent.mkdir(parents=True, exist_ok=True)
		file.write_text(content.lstrip(), encoding="utf-8")
	bench_folder = folder / "bench"
	with_demo = Bench(bench.root, bench.site, folder, sites=sites_with(bench, bench_folder))
	with_demo.env["PYTHONPATH"] = f"{folder / 'app'}:{REPO}"
	# What is cached of hooks and modules stays apart as well.
	with_demo.env["FRAPPE_REDIS_CACHE"] = with_demo.env["FRAPPE_REDIS_QUEUE"]
	with_demo.start_queue()
	inside = None
	try:
		done = with_demo.command("install-app", APP)
		assert done.returncode == 0, done.stdout + done.stderr
		inside = SitePython(with_demo.python, with_demo.sites, with_demo.site, with_demo.env)
		inside.bench = with_demo
		yield inside
	finally:
		if inside:
			inside(FORGET, mark="Native demo")
			inside.stop()
		done = with_demo.command("uninstall-app", APP, "--yes", "--no-backup", "--force")
		with_demo.stop()
		site("frappe.clear_cache()")
		# Also when uninstalling broke off half-way, no trace of the app is left on the site.
		site(REMOVE_APP, app=APP)
		assert done.returncode == 0, done.stdout + done.stderr


def sites_with(bench: Bench, folder: Path) -> Path:
	"""A sites folder with one app more: the site and the assets in it are the bench's own."""
	sites = folder / "sites"
	sites.mkdir(parents=True)
	for name in ("assets", bench.site):
		(sites / name).symlink_to(bench.sites / name)
	(folder / "apps").symlink_to(bench.root / "apps")
	(folder / "env").symlink_to(bench.root / "env")
	(folder / "logs").mkdir()
	shutil.copy(bench.sites / "common_site_config.json", sites / "common_site_config.json")
	apps = (bench.sites / "apps.txt").read_text().split()
	(sites / "apps.txt").write_text("\n".join([*apps, APP]) + "\n")
	return sites


FORGET = """
for name in frappe.get_all("Flow Template", {"template_name": ("like", f"{mark}%")}, pluck="name"):
	frappe.db.set_value("Flow Template", name, "is_active", 0)
"""

REMOVE_APP = """
installed = [name for name in frappe.get_installed_apps() if name != app]
frappe.db.set_global("installed_apps", frappe.as_json(installed))
frappe.db.delete("Module Def", {"app_name": app})
frappe.db.delete("Installed Application", {"app_name": app})
frappe.db.commit()
frappe.clear_cache()
answer = frappe.get_installed_apps()
"""


def test_the_catalog_offers_what_the_other_app_brings(demo, site):
	offered = demo("__import__('flow_engine.api', fromlist=['catalog']).catalog()")
	assert next(k for k in offered["kinds"] if k["name"] == "demo_ring")["label"] == "Ring a bell"
	assert next(e for e in offered["events"] if e["name"] == "on_demo_line_cut")["doctype"] == "Customer"
	# Where the app is not, nothing of it is.
	plain = site("__import__('flow_engine.api', fromlist=['catalog']).catalog()")
	assert "demo_ring" not in {kind["name"] for kind in plain["kinds"]}


def test_a_flow_with_its_kind_event_and_context_runs(demo, customer):
	flow = definition(
		step(
			"ring",
			"demo_ring",
			payload={"text": "{{fibre.length}} m cut in {{variables.street}} for {{run.name}}"},
		),
		trigger={"event": "on_demo_line_cut", "condition": ""},
	)
	started = demo(
		"""
		import json
		from flow_engine.frappe_host.events import dispatch_event
		from flow_engine.frappe_host.jobs import drain
		frappe.get_doc({"doctype": "Flow Template", "template_name": name, "category": "other",
			"flow_definition": flow, "is_active": 1}).insert()
		frappe.db.commit()
		results = dispatch_event("on_demo_line_cut", "Customer", customer, customer,
			{"street": "rue Sherbrooke"})
		frappe.db.commit()
		drain()
		answer = results
		""",
		name=unique("demo"),
		flow=json.dumps(flow),
		customer=customer,
	)
	started = started if isinstance(started, list) else started["results"]
	run = next(entry["run"] for entry in started if entry.get("run"))
	assert demo("frappe.db.get_value('Flow Run', run, 'status')", run=run) == "completed"
	notes = demo(
		"frappe.get_all('ToDo', {'description': ('like', f'%{run}')}, ['name', 'description'])", run=run
	)
	assert [note["description"] for note in notes] == [f"42 m cut in rue Sherbrooke for {run}"]
	demo("frappe.delete_doc('ToDo', name, force=True)", name=notes[0]["name"])


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")
def test_the_desk_offers_its_kind_with_its_fields_and_its_event(demo, browser, people):
	context = browser.new_context(base_url=demo.bench.start_web(), locale="en-US")
	try:
		who = {"usr": people["manager"]["email"], "pwd": PASSWORD}
		assert context.request.post("/api/method/login", form=who).ok
		page = context.new_page()
		page.set_default_timeout(30_000)
		page.goto("/app/flow-template/new")
		page.get_by_label("When", exact=True).select_option(label="A line is cut")
		expect(page.get_by_role("tree")).to_contain_text("When a line is cut")
		page.locator(".fe-plus").first.click()
		page.get_by_role("option", name="Ring a bell").first.click()
		panel = page.get_by_role("complementary")
		expect(panel).to_contain_text("Leaves a note.")
		panel.get_by_label("Text", exact=True).fill("Cut at noon")
		panel.get_by_label("Text", exact=True).press("Tab")
		expect(page.locator(".fe-card", has_text="Ring a bell")).to_contain_text("Cut at noon")
	finally:
		context.close()


def test_a_misspelt_payload_of_its_kind_is_a_problem_like_any_other(demo):
	flow = definition(step("ring", "demo_ring", payload={"txt": "x"}))
	problems = demo(
		"""
		from flow_engine.frappe_host.host import get_host
		from flow_engine.service.templates import validate
		answer = validate(get_host().templates, flow)
		""",
		flow=flow,
	)
	assert {"missing_field", "unknown_key"} <= {problem["code"] for problem in problems}
