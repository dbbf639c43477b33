"""The editor in the desk: a flow is built, tried, published, and watched on a real contract."""

# ruff: noqa: F811  (fixtures that are imported have the names of the arguments)
from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import unique
from flows import definition, issue, step
from playwright.sync_api import Page, expect
from processes import eventually
from test_desk import CHROMIUM, HOSTILE, browser, desk, fits, picture  # noqa: F401  (fixtures)

# The editor reads the same on both of its pages, so it is read by the same means.
sys.path.append(str(Path(__file__).resolve().parent.parent / "browser"))
from by_keys import Keys, build_onboarding
from panel_page import Panel
from tree_page import Tree

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")
expect.set_options(timeout=30_000)
AXE = Path(__file__).resolve().parent.parent.parent / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture
def open_tree(desk, callers):
	"""`open_tree(name)` → the flow of that name in the form of the desk; without one, a new flow."""

	def get(path: str, **arguments):
		return callers["manager"].get(path, **arguments)[1]["message"]

	def make(name: str | None = None, page: Page | None = None) -> Tree:
		server = SimpleNamespace(url="", get=get)
		return Tree(page or desk("manager"), server, name, path=f"/app/flow-template/{name or 'new'}")

	return make


@pytest.fixture
def draft(callers):
	"""`draft(*steps, trigger=…)` → the name of a flow that is switched off."""

	def make(*steps, trigger=None, name="draft") -> str:
		body = callers["manager"].post(
			"templates.create",
			template_name=unique(name),
			category="other",
			flow_definition=definition(*steps, trigger=trigger),
		)[1]
		return body["message"]["template"]["name"]

	return make


@pytest.fixture(scope="module")
def contract_value(site):
	"""A field of its own that this company gave its contracts; forms and flows know it like any other."""
	site(
		"""
		from frappe.custom.doctype.custom_field.custom_field import create_custom_fields
		create_custom_fields({"Contract": [{"fieldname": "native_value", "label": "Contract Value",
			"fieldtype": "Currency", "insert_after": "party_name", "allow_on_submit": 1}]})
		"""
	)
	yield "native_value"
	site(
		"""
		frappe.delete_doc("Custom Field", "Contract-native_value", force=True)
		frappe.clear_cache(doctype="Contract")
		"""
	)


@pytest.fixture
def contract(site, customer, contract_value):
	"""`contract(value)` → the name of a draft of a contract that begins in ten days."""

	def make(value: float) -> str:
		return site(
			"""
			start = frappe.utils.add_days(frappe.utils.nowdate(), 10)
			answer = frappe.get_doc({"doctype": "Contract", "party_type": "Customer", "party_name": c,
				"start_date": start, "end_date": frappe.utils.add_days(start, 365),
				"contract_terms": "Fibre", "native_value": v}).insert().name
			""",
			c=customer,
			v=value,
		)

	return make


def sign(site, name: str) -> None:
	site(
		"""
		doc = frappe.get_doc("Contract", n)
		doc.update({"is_signed": 1, "signee": "Marie", "signed_on": frappe.utils.now()})
		doc.submit()
		""",
		n=name,
	)


def ready(page: Page) -> None:
	"""A dialog of the desk that is through with opening."""
	box = page.locator(".modal.show:visible").last
	expect(box).to_be_visible()
	expect(box).to_have_css("opacity", "1")
	page.wait_for_timeout(400)


def answer_desk(page: Page, **values: str) -> None:
	"""Fill the desk's own dialog and confirm it."""
	ready(page)
	box = page.locator(".modal.show:visible").last
	for name, value in values.items():
		box.locator(f"[data-fieldname={name}]").locator("input, textarea").first.fill(value)
	box.locator(".btn-modal-primary:visible").last.click()
	expect(box).to_be_hidden()


def choose(panel: Panel, typed: str, label: str) -> None:
	"""The left side of the newest condition, from the list of values that the site has."""
	panel.root.get_by_role("button", name=re.compile("^Value to look at")).last.click()
	search = panel.page.get_by_role("combobox", name="Search values")
	search.fill(typed)
	expect(panel.page.locator(".fe-values-label", has_text=label).first).to_be_visible()
	search.press("Enter")


def name_step(panel: Panel, label: str) -> None:
	field = panel.root.get_by_label("Name of the step", exact=True)
	field.fill(label)
	field.press("Tab")


# --- the whole day of an operator ---------------------------------------------------------------------------


def test_a_flow_is_built_by_mouse_published_and_watched_on_a_signed_contract(
	open_tree, contract_value, contract, site, callers, settled, worker, desk, email_account
):
	tree = open_tree()
	page = tree.page
	trigger = Panel(tree, "When somebody starts it")
	trigger.field("When").select_option(label="A contract is signed")
	trigger.button("+ Condition").click()
	choose(trigger, "contract value", "Contract Value")
	trigger.root.get_by_label("Operator").select_option(label="is more than")
	trigger.root.get_by_label("Compared with").fill("5000")
	trigger.root.get_by_label("Compared with").press("Tab")
	expect(tree.card("When a contract is signed")).to_contain_text("Contract Value")

	add_first(tree, "Dispatch job")
	job = Panel(tree, "Dispatch job")
	name_step(job, "Fibre installation")
	Panel(tree, "Fibre installation").field("Subject").fill("Installation {{customer.customer_name}}")
	tree.add("Add a step after Fibre installation", "Notify")
	tell = Panel(tree, "Notify")
	name_step(tell, "Tell the customer")
	tell = Panel(tree, "Tell the customer")
	tell.field("Channel").select_option("email")
	tell.field("To").fill("marie@example.com")
	tell.field("Subject").fill("Welcome")
	tell.field("Body").fill("Hello {{customer.customer_name}}")
	tree.add("Add a step after Tell the customer", re.compile("On a date"))
	name_step(Panel(tree, tree.labels()[-1]), "Two days before the start")
	wait = Panel(tree, "Two days before the start")
	wait.tab("When")
	at = wait.place("trigger.at")
	at.get_by_role("button", name="Use a value of the flow").click()
	at.get_by_role("textbox").fill("{{doc.start_date}}")
	at.get_by_role("textbox").press("Tab")
	wait.field("Before or after the date").select_option("days before")
	wait.field("Days").fill("2")
	wait.field("Days").press("Tab")
	tree.add("Add a step after Two days before the start", re.compile("person confirms"))
	name_step(Panel(tree, tree.labels()[-1]), "Is it installed?")
	tree.add("Add a step after Is it installed?", "Issue")
	name_step(Panel(tree, "Issue"), "Escalate")
	Panel(tree, "Escalate").field("Subject").fill("Installation late for {{customer.customer_name}}")

	tree.page.keyboard.press("Control+s")
	title = unique("Contract onboarding")
	answer_desk(page, template_name=title)
	page.wait_for_url(re.compile("/app/flow-template/FT-"))
	name = page.url.rsplit("/", 1)[-1]
	stored = callers["manager"].get("templates.get", name=name)[1]["message"]["template"]
	assert stored["problems"] == []
	assert stored["flow_definition"]["trigger"] == {
		"event": "on_contract_signed",
		"condition": {"field": "doc.native_value", "op": ">", "value": 5000},
	}
	page.get_by_role("button", name="Show all of it").click()
	picture(page, "desk-editor")

	# Tried on a real contract: nothing happens, everything is shown.
	trial = contract(9000)
	before = site("frappe.db.count('Dispatch Job')"), site("frappe.db.count('Email Queue')")
	page.get_by_role("button", name="Test run").click()
	side = page.get_by_role("complementary")
	side.get_by_label("Contract", exact=True).fill(trial)
	side.get_by_label("Contract", exact=True).press("Tab")
	side.get_by_role("button", name="Run the test").click()
	expect(tree.card("Escalate").locator(".fe-card-badge")).to_be_visible()
	expect(tree.card("Two days before the start").locator(".fe-card-badge")).to_be_visible()
	assert (site("frappe.db.count('Dispatch Job')"), site("frappe.db.count('Email Queue')")) == before
	picture(page, "desk-test-run")

	page.get_by_role("button", name="Publish…").click()
	answer_desk(page, note="First version")
	expect(page.locator(".fe-badge", has_text="Published v")).to_be_visible()
	switch = page.get_by_role("switch", name="On")
	if not switch.is_checked():
		switch.click()
		answer_desk(page)
	expect(switch).to_be_checked()

	small, large = contract(100), contract(9000)
	sign(site, small)
	sign(site, large)
	runs = callers["manager"].get("runs.list", template=name)[1]["message"]["runs"]
	assert [(run["context_docname"]) for run in runs] == [large]
	run = runs[0]["name"]
	by_label = {one["label"]: one["id"] for one in stored["flow_definition"]["steps"]}
	settled(run, "running", **{by_label["Two days before the start"]: "scheduled"})

	watching = desk("manager")
	watching.goto(f"/app/flow-run/{run}")
	shown = watching.get_by_role("tree")
	expect(shown).to_contain_text("Fibre installation")
	expect(watching.locator(".fe-card", has_text="Fibre installation").first).to_contain_text("DJ-")
	# What is due in days is done now, by hand; the open page follows.
	watching.locator(f"#fe-card-{by_label['Two days before the start']}").click()
	watching.get_by_role("button", name=re.compile("^Do it now: ")).first.click()
	watching.get_by_role("dialog").locator("footer button").last.click()
	settled(run, "running", **{by_label["Is it installed?"]: "waiting"})
	fire = watching.get_by_role("button", name="Confirm: Is it installed?").first
	expect(fire).to_be_visible(timeout=30_000)
	picture(watching, "desk-run")
	fire.click()
	watching.get_by_role("dialog").get_by_role("button", name="Confirm").click()
	settled(run, "completed")
	expect(watching.locator(".fe-run-status")).to_have_text("Completed", timeout=30_000)

	second = contract(7000)
	sign(site, second)
	other = callers["manager"].get("runs.list", template=name)[1]["message"]["runs"][0]["name"]
	settled(other, "running", **{by_label["Two days before the start"]: "scheduled"})
	watching.goto(f"/app/flow-run/{other}")
	watching.get_by_role("button", name="Cancel the run").click()
	box = watching.get_by_role("dialog")
	box.get_by_label("Reason").fill("ordered twice")
	box.get_by_role("button", name="Cancel the run").click()
	settled(other, "cancelled")
	callers["manager"].post("templates.update", name=name, is_active=0)


def test_the_editor_follows_the_language_and_the_theme_of_its_user(desk, site, people):
	name = site("frappe.db.get_value('Flow Template', {'template_name': 'residential_onboarding'})")
	email = people["manager"]["email"]
	try:
		for language, theme, words in (
			("fr", "Light", "Quand un contrat est signé"),
			("en", "Dark", "When a"),
		):
			site(
				"""
				frappe.db.set_value("User", u, {"language": l, "desk_theme": t})
				frappe.clear_cache(user=u)
				""",
				u=email,
				l=language,
				t=theme,
			)
			page = desk("manager")
			page.goto(f"/app/flow-template/{name}")
			expect(page.get_by_role("tree")).to_contain_text(words)
			dark = page.evaluate("getComputedStyle(document.querySelector('.fe-card')).backgroundColor")
			assert (max(map(int, re.findall(r"\d+", dark)[:3])) < 100) == (theme == "Dark")
			page.locator(".fe-card").nth(2).click()
			picture(page, f"desk-editor-{language if theme == 'Light' else 'dark'}")
	finally:
		site('frappe.db.set_value("User", u, {"language": "en", "desk_theme": "Light"})', u=email)


def add_first(tree: Tree, kind: str) -> None:
	"""The first step of a flow that has none."""
	tree.page.locator(".fe-plus").first.click()
	tree.page.get_by_role("option", name=kind).first.click()


def test_the_same_flow_is_built_by_keys_alone(open_tree, desk, contract_value, callers):
	tree = open_tree(page=desk("admin"))
	page = tree.page
	build_onboarding(Keys(page), "contract value")
	tree.press("Control+s")
	ready(page)
	page.keyboard.type(unique("By keys"))
	tree.press("Enter")
	page.wait_for_url(re.compile("/app/flow-template/FT-"))
	name = page.url.rsplit("/", 1)[-1]
	stored = callers["manager"].get("templates.get", name=name)[1]["message"]["template"]
	assert stored["problems"] == []
	assert stored["flow_definition"]["trigger"]["condition"]["field"] == f"doc.{contract_value}"
	assert [one["label"] for one in stored["flow_definition"]["steps"]][-1] == "Escalate"


def test_twenty_edits_made_by_keys_are_undone(open_tree, draft):
	tree = open_tree(draft(issue("a", "First", label="A")))
	page = tree.page
	tree.card("A").focus()
	for _ in range(10):
		tree.press("a")
		expect(page.get_by_role("combobox", name="Search kinds of steps")).to_be_focused()
		page.keyboard.type("wait")
		tree.press("Enter")
		expect(page.get_by_role("dialog")).to_have_count(0)
		page.wait_for_function("document.activeElement.closest('.fe-side')")
		tree.press("Escape")
		page.wait_for_function("document.activeElement.classList.contains('fe-card')")
	for _ in range(10):
		tree.press("Control+d")
	# Not every card is in the page, only those near the window; every step is in what is saved.
	tree.save()
	assert len(tree.stored()["steps"]) == 21
	for _ in range(20):
		tree.press("Control+z")
	expect(page.locator(".fe-card")).to_have_count(2)
	tree.save()
	assert [one["label"] for one in tree.stored()["steps"]] == ["A"]
	page.reload()
	expect(page.locator(".fe-card")).to_have_count(2)


def test_the_second_of_two_who_edit_overwrites_nothing(open_tree, desk, draft):
	name = draft(issue("a", "First", label="A"))
	one, two = open_tree(name), open_tree(name, desk("admin"))
	for tree in (one, two):
		tree.card("A").click()
		tree.press("Escape", "Control+d")
	one.save()
	two.press("Control+s")
	expect(two.page.get_by_role("alert").first).to_contain_text(re.compile("saved", re.I))
	assert len(one.stored()["steps"]) == 2


def test_what_somebody_else_saved_is_shown_where_nothing_would_be_lost(open_tree, desk, draft):
	name = draft(issue("a", "First", label="A"))
	one, two = open_tree(name), open_tree(name, desk("admin"))
	two.card("A").click()
	two.press("Escape", "Control+d")
	two.save()
	# What the framework calls when it hears of a save; there is no socket server here to tell it.
	one.page.evaluate("cur_frm.debounced_reload_doc()")
	expect(one.page.locator(".fe-card")).to_have_count(3)
	one.card("A").click()
	one.press("Escape", "Control+d")
	one.save()
	assert len(one.stored()["steps"]) == 3


def test_what_people_wrote_is_text_however_long_and_in_whatever_direction(open_tree, draft):
	long = "x" * 140
	name = draft(
		issue("a", "s", label=HOSTILE),
		issue("b", "s", after=["a"], label=long),
		issue("c", "{{steps.a.result.name}} " + "مرحبا " * 1600, after=["b"], label="שלום 🛠"),
	)
	tree = open_tree(name)
	expect(tree.page.locator("#fe-card-a .fe-name")).to_have_text(HOSTILE)
	tree.page.locator("#fe-card-c").click()
	expect(tree.page.get_by_role("complementary")).to_contain_text("Runs after")
	assert tree.page.evaluate("window.hacked") is None
	assert tree.page.locator(".fe-editor img").count() == 0


def test_no_serious_problem_of_access(open_tree, draft):
	tree = open_tree(
		draft(
			step("ask", "condition", payload={"field": "doc.name", "op": "empty"}, label="Empty?"),
			issue("yes", "s", parent="ask", branch="yes", label="Yes step"),
		)
	)
	tree.card("Yes step").click()
	tree.page.add_script_tag(path=str(AXE))
	found = tree.page.evaluate(
		"""async () => (await axe.run('.fe-editor')).violations
		.filter((one) => ['serious', 'critical'].includes(one.impact))
		.map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`)"""
	)
	assert found == [], json.dumps(found, indent=1)


# --- from everywhere else -----------------------------------------------------------------------------------


def test_a_document_offers_its_flows_and_a_new_one_over_its_form(desk, site, customer, flow, settled, worker):
	template = flow(
		step("a", label="Look"),
		trigger={"event": "manual", "condition": "", "doctype": "Issue"},
		template_name=unique("By hand"),
	)
	subject = unique("Slow line")
	about = site(
		"frappe.get_doc({'doctype': 'Issue', 'subject': s, 'customer': c}).insert().name",
		s=subject,
		c=customer,
	)
	# ERPNext tells whoever may not read its support settings so, over every Issue; the admin may.
	page = desk("admin")
	page.goto(f"/app/issue/{about}")
	menu = page.locator(".inner-group-button", has_text="Flows")
	menu.locator("button").first.click()
	menu.get_by_text(re.compile("^Start: Native By hand")).click()
	ready(page)
	page.locator(".modal.show .btn-primary:visible").last.click()
	found = "frappe.db.get_value('Flow Run', {'flow_template': t, 'context_docname': d})"
	run = eventually(lambda: site(found, t=template, d=about), "the run")
	settled(run, "completed")
	page.reload()
	expect(page.locator(".timeline-item", has_text="By hand").first).to_contain_text("was completed")
	menu.locator("button").first.click()
	menu.get_by_text("New Flow for Issue").click()
	dialog = page.locator(".fe-desk-dialog:visible")
	expect(dialog.get_by_role("tree")).to_contain_text("When an Issue")
	dialog.get_by_role("button", name="Close the editor").click()
	expect(page.locator(".fe-desk-dialog:visible")).to_have_count(0)


def test_the_workspace_counts_what_runs_and_lists_what_is_overdue(desk):
	page = desk("manager")
	page.goto("/app/flow-engine")
	for title in ("Flows Running", "Flows Waiting", "Flows Failed Today", "Flow Incidents"):
		expect(page.locator(".number-widget-box", has_text=re.compile(title, re.I)).first).to_be_visible()
	expect(page.locator(".dashboard-widget-box, .chart-container").first).to_be_visible()
	picture(page, "desk-workspace")
	page.goto("/app/query-report/Overdue Flow Steps")
	expect(page.get_by_text("Overdue Flow Steps").first).to_be_visible()


def test_a_run_is_read_and_its_step_fired_on_a_phone(desk, flow, start, settled, worker):
	run = start(flow(step("ok", trigger="manual", label="Agree a date")))
	settled(run, "running", ok="waiting")
	page = desk("manager", width=375)
	page.goto(f"/app/flow-run/{run}")
	page.get_by_role("button", name="Confirm: Agree a date").first.click()
	assert fits(page)
	page.get_by_role("dialog").get_by_role("button", name="Confirm").click()
	settled(run, "completed")
