"""axe-core on lists, runs and test runs: light and dark, wide and narrow, with their dialogs open."""

import pytest
from playwright.sync_api import expect
from test_access import serious

from flow_engine.testing.builders import flow, issue, step
from flow_engine.testing.served import ServedHost


@pytest.fixture(scope="module")
def served(tmp_path_factory):
	with ServedHost(tmp_path_factory.mktemp("access")) as server:
		server.api("documents.put", doc={"doctype": "Issue", "name": "ISS-1", "priority": "High"})
		definition = flow(
			step("ask", label="Approve", when=("manual", {"timeout_hours": 4})),
			step(
				"high",
				"condition",
				label="Is it urgent?",
				after=["ask"],
				payload={"field": "doc.priority", "op": "==", "value": "High"},
			),
			issue("tell", "By {{steps.ask.result.input.by}}", parent="high", branch="yes", label="Tell"),
			step("later", label="A week later", after=["tell"], when=("after_delay", {"delay_days": 7})),
			step("gone", "erp_update", label="Close it", payload=missing()),
		)
		definition["trigger"]["doctype"] = "Issue"
		server.template = server.flow("Approval", definition)["name"]
		about = {"doctype": "Issue", "docname": "ISS-1"}
		server.started = server.api("runs.start", template="Approval", wait_seconds=20, **about)["run"]
		yield server


def missing():
	return {"doctype": "Gadget", "docname_ref": "GAD-404", "fields_json": {"status": "Closed"}}


def on(step_id):
	return lambda page: page.locator(f'.fe-card[data-step="{step_id}"]').click()


def pressed(name):
	return lambda page: page.get_by_role("button", name=name, exact=True).first.click()


def attempts(page):
	on("gone")(page)
	page.get_by_text("Attempts and log").click()
	expect(page.get_by_text("Attempt 1", exact=False)).to_be_visible()


def tried(tab):
	def show(page):
		pressed("Test run")(page)
		panel = page.get_by_role("complementary")
		panel.get_by_label("sample values").check()
		panel.get_by_role("button", name="Run the test").click()
		panel.get_by_role("tab", name=tab).click()
		on("high")(page)

	return show


def chosen(page):
	page.get_by_label("Choose all that are shown").check()


SHOWN = {
	"flows": ("/", lambda page: expect(page.locator(".fe-flow-row")).to_have_count(1)),
	"beginning": ("/", pressed("New flow")),
	"runs": ("/runs", lambda page: expect(page.locator(".fe-run-row")).to_have_count(1)),
	"chosen runs": ("/runs?doctype=Issue", chosen),
	"a run": ("/runs/{run}", lambda page: expect(page.locator(".fe-attention")).to_be_visible()),
	"a waiting step": ("/runs/{run}", on("ask")),
	"a failed step": ("/runs/{run}", attempts),
	"firing": ("/runs/{run}", pressed("Confirm: Approve")),
	"cancelling": ("/runs/{run}", pressed("Cancel the run")),
	"setting up a test run": ("/templates/{template}", pressed("Test run")),
	"a test run": ("/templates/{template}", tried("What happens")),
	"its effects": ("/templates/{template}", tried("Sent and written")),
}


LOOKS = ((1360, "light"), (1360, "dark"), (375, "dark"))
# Flows are built, and tried, at a desk; runs are read anywhere.
CASES = [
	(what, *look) for what in SHOWN for look in LOOKS if look[0] > 640 or "template" not in SHOWN[what][0]
]


@pytest.mark.parametrize(("what", "width", "scheme"), CASES)
def test_nothing_serious_is_wrong_with(served, open_page, what, width, scheme):
	path, show = SHOWN[what]
	page = open_page(width=width, height=900, scheme=scheme)
	page.goto(served.url + path.format(run=served.started, template=served.template))
	show(page)
	assert serious(page) == []
