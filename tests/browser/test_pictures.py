"""The pictures of the README and the documents, taken of what the page shows. `make pictures` puts them
into docs/images; as a test they go to a folder of the test's."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tree_page import Tree

from flow_engine.testing.builders import step
from flow_engine.testing.served import ServedHost

CONTRACT = {
	"doctype": "Contract",
	"name": "CON-2026-0042",
	"party_type": "Customer",
	"party_name": "ACME",
	"status": "Active",
	"start_date": "2030-03-20",
	"contract_value": 8200,
}
CUSTOMER = {
	"doctype": "Customer",
	"name": "ACME",
	"customer_name": "ACME",
	"mobile_no": "+33 6 12 34 56 78",
	"email_id": "marie@acme.example",
}


def onboarding():
	big = {"field": "doc.contract_value", "op": ">", "value": 5000}
	active = {"field": "doc.status", "op": "==", "value": "Active"}
	done = {"field": "steps.install.result.status", "op": "==", "value": "Completed"}
	steps = [
		step(
			"install",
			"dispatch_job",
			label="Fibre installation",
			when="on_flow_start",
			payload={
				"subject": "Installation {{customer.customer_name}}",
				"job_type": "Installation",
				"priority": "medium",
				"duration_h": 2,
			},
		),
		step(
			"tell",
			"notify",
			label="Tell the customer",
			after=["install"],
			payload={
				"channel": "sms",
				"to": "{{customer.mobile_no}}",
				"body": "Your installation is planned for {{doc.start_date|date}}.",
			},
		),
		step(
			"wait",
			label="Two days before the start",
			after=["tell"],
			when=("on_date", {"at": "{{doc.start_date}}", "offset_days": -2}),
		),
		step("done", "condition", label="Installation done?", after=["wait", "install"], payload=done),
		step(
			"welcome",
			"notify",
			label="Welcome and survey",
			parent="done",
			branch="yes",
			payload={
				"channel": "email",
				"to": "{{customer.email_id}}",
				"subject": "Welcome aboard",
				"body": "How was it?",
			},
		),
		step(
			"escalate",
			"issue",
			label="Escalate to the field lead",
			parent="done",
			branch="no",
			payload={"subject": "Installation late for {{customer.customer_name}}", "priority": "High"},
		),
		step(
			"date",
			label="New date agreed",
			parent="done",
			branch="no",
			after=["escalate"],
			when=("manual", {"timeout_hours": 48, "role": "Field lead"}),
		),
		step(
			"activate",
			"subscription_activate",
			label="Activate the subscription",
			after=["welcome", "date"],
			payload={"subscription_ref": "{{variables.subscription}}"},
		),
	]
	return {
		"version": 1,
		"trigger": {"event": "on_contract_signed", "condition": {"all": [big, active]}},
		"variables": {"subscription": ""},
		"steps": steps,
	}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
	with ServedHost(tmp_path_factory.mktemp("pictures")) as server:
		for document in (CUSTOMER, CONTRACT):
			server.api("documents.put", **document)
		server.flow("Contract onboarding", onboarding())
		yield server


REPORT = {
	"type": "object",
	"required": ["region"],
	"properties": {
		"region": {"type": "string", "enum": ["north", "south"], "title": "Region"},
		"top": {"type": "integer", "minimum": 1, "title": "How many lines"},
	},
}


@pytest.fixture(scope="module")
def scheduled(served):
	"""Schedules of two flows; the name of one of them."""
	steps = step(
		"tell",
		"notify",
		label="Send it",
		payload={
			"channel": "email",
			"to": "{{variables.region}}@acme.example",
			"subject": "Report",
			"body": "Here it is.",
		},
	)
	report = {
		"version": 1,
		"trigger": {"event": "manual", "condition": ""},
		"variables": {},
		"steps": [steps],
	}
	regional = served.flow("Regional report", {**report, "payload_schema": REPORT})["name"]
	renewal = served.flow("Renewal check", report)["name"]
	north = {"flow_template": regional, "payload": {"region": "north", "top": 10}}
	active = {"fan_out_doctype": "Contract", "fan_out_filters": [["status", "=", "Active"]]}
	business_days = {"timezone": "America/Toronto", "cron": "30 2 * * *", "day_policy": "skip"}
	once = {"schedule_type": "once", "run_at": "2031-03-31T17:00", "timezone": "Asia/Kolkata"}
	south = {"flow_template": regional, "payload": {"region": "south"}, "timezone": "Europe/Paris"}
	rows = (
		{"schedule_name": "North, on business days", **business_days, **north},
		{"schedule_name": "South, Mondays", "cron": "0 9 * * 1", **south},
		{
			"schedule_name": "Every active contract",
			"cron": "0 6 1 * *",
			"timezone": "Europe/Paris",
			"flow_template": renewal,
			**active,
		},
		{"schedule_name": "End of the trial", "flow_template": renewal, **once},
	)
	made = [served.api("schedules.create", values=values)["schedule"]["name"] for values in rows]
	served.api("schedules.pause", name=made[1], reason="Until spring")
	return made[0]


@pytest.fixture
def picture(tmp_path):
	"""`picture(page, name)` takes one; a page that shows nothing makes a file too small to be one."""
	folder = Path(os.environ.get("PICTURES") or tmp_path)

	def take(page, name):
		path = folder / name
		page.screenshot(path=path, animations="disabled", caret="hide")
		assert path.stat().st_size > 15_000

	return take


def trial(tree):
	"""The test run on the real contract, drawn along the tree."""
	page = tree.page
	page.locator(".fe-header-actions .fe-button").filter(has_text="Test run").click()
	panel = page.get_by_role("complementary")
	panel.get_by_role("combobox").first.fill("CON-2026-0042")
	page.get_by_role("option", name="CON-2026-0042").first.click()
	panel.get_by_role("button", name="Run the test").click()
	expect(page.locator("#fe-card-install.fe-tone-done")).to_be_visible()


def test_the_editor_with_a_step_open(served, open_page, picture):
	tree = Tree(open_page(height=1000), served, "Contract onboarding")
	tree.card("Installation done?").click()
	expect(tree.page.get_by_role("complementary")).to_be_visible()
	picture(tree.page, "editor.png")


def test_the_editor_after_a_test_run_in_the_dark(served, open_page, picture):
	tree = Tree(open_page(height=1000, scheme="dark"), served, "Contract onboarding")
	trial(tree)
	picture(tree.page, "editor-test-run-dark.png")


def test_the_editor_in_french(served, open_page, picture):
	tree = Tree(open_page(height=1000, locale="fr-FR"), served, "Contract onboarding")
	tree.page.locator("#fe-card-tell").click()
	expect(tree.page.get_by_role("button", name="Annuler", exact=True)).to_be_visible()
	picture(tree.page, "editor-french.png")


def test_a_run_on_a_phone(served, open_page, picture):
	answer = served.api(
		"runs.start",
		template="Contract onboarding",
		doctype="Contract",
		docname="CON-2026-0042",
		wait_seconds=20,
	)
	page = open_page(width=375, height=760)
	page.goto(f"{served.url}/runs/{answer['run']}")
	expect(page.locator("#fe-card-install")).to_be_visible()
	picture(page, "run-phone.png")


def test_the_list_of_schedules(served, scheduled, open_page, picture):
	page = open_page(height=420)
	page.goto(f"{served.url}/schedules")
	expect(page.locator(".fe-schedule-row")).to_have_count(4)
	picture(page, "schedules.png")


def test_a_schedule_while_it_is_changed(served, scheduled, open_page, picture):
	page = open_page(width=1000, height=1000, timezone_id="Europe/Paris")
	page.goto(f"{served.url}/schedules/{scheduled}")
	page.get_by_role("button", name="Change…").click()
	expect(page.get_by_role("dialog").get_by_label("How many lines")).to_be_visible()
	expect(page.get_by_role("dialog").get_by_text("left out: a weekend").first).to_be_visible()
	picture(page, "schedule-form.png")


def test_two_versions_on_one_tree(served, open_page, picture):
	template = served.flow("Contract onboarding, changed", onboarding())["name"]
	changed = onboarding()
	steps = {one["id"]: one for one in changed["steps"]}
	steps["tell"]["payload"] = {**steps["tell"]["payload"], "body": "We come on {{doc.start_date|date}}."}
	steps["done"]["depends_on"] = ["install", "tell"]
	changed["steps"].remove(steps["wait"])
	changed["steps"].append(
		step(
			"thank", "notify", label="Say thank you", after=["activate"], payload=steps["welcome"]["payload"]
		)
	)
	served.api("templates.update", name=template, flow_definition=changed)
	tree = Tree(open_page(height=1000), served, template)
	tree.page.get_by_role("button", name="Draft: ").click()
	compared = tree.page.get_by_role("region", name="Two versions compared")
	expect(compared.locator("#fe-card-wait.fe-tone-failed")).to_be_visible()
	compared.locator("#fe-card-tell").click()
	expect(compared.locator("ins")).to_contain_text("We come on")
	picture(tree.page, "versions.png")
