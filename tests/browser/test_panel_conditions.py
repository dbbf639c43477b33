"""Conditions, trigger and settings of a flow in a real browser: what is built is what the server has."""

import json
import re
import subprocess
import sys

import pytest
from panel_page import Panel
from playwright.sync_api import expect
from tree_page import Tree

from flow_engine.testing.builders import flow, issue, step
from flow_engine.testing.served import ServedHost

SIGNED = {"event": "on_contract_signed", "condition": ""}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
	with ServedHost(tmp_path_factory.mktemp("conditions")) as server:
		server.api("documents.put", doctype="User", name="ann@example.com", full_name="Ann")
		yield server


@pytest.fixture
def opened(served, open_page, request):
	"""`opened(definition, label)` → the panel of that card of a new draft."""

	def make(definition, label, **options):
		title = request.node.name[:120]
		made = served.api("templates.create", template_name=title, flow_definition=definition)
		return Panel(Tree(open_page(**options), served, made["template"]["name"]), label)

	return make


def question(payload=None, trigger=SIGNED):
	return {**flow(step("ask", "condition", label="Ask", payload=payload or {})), "trigger": trigger}


# --- conditions ---------------------------------------------------------------------------------------------


def test_a_condition_is_built_of_rows_and_groups(opened):
	panel = opened(question(), "Ask")
	panel.button("+ Condition").click()
	panel.choose_value("contract status")
	operators = panel.field("Operator").locator("option").all_inner_texts()
	assert "is one of" in operators and "is more than" not in operators
	panel.field("Operator").select_option(label="is one of")
	panel.root.get_by_label("Inactive").check()
	panel.root.get_by_label("Unsigned").check()
	panel.button("+ Group").click()
	panel.choose_value("start date", 1)
	panel.root.get_by_label("Operator").nth(1).select_option(label="is at least")
	panel.root.get_by_label("Compared with", exact=True).last.fill("2026-04-01")
	panel.root.get_by_role("group", name="One of these holds").get_by_role(
		"button", name="+ Condition"
	).click()
	panel.choose_value("signed", 2)
	panel.root.get_by_label("Compared with", exact=True).last.select_option("No")
	expect(panel.tree.card("Ask").locator(".fe-summary")).to_contain_text("Status is one of")
	assert panel.step("Ask")["payload"] == {
		"all": [
			{"field": "doc.status", "op": "in", "value": "Unsigned, Inactive"},
			{
				"any": [
					{"field": "doc.start_date", "op": ">=", "value": "2026-04-01"},
					{"field": "doc.is_signed", "op": "==", "value": 0},
				]
			},
		]
	}
	panel.button("Remove this group").click()
	assert panel.step("Ask")["payload"] == {
		"all": [{"field": "doc.status", "op": "in", "value": "Unsigned, Inactive"}]
	}


def test_a_condition_asks_what_became_of_the_document_that_a_step_made(opened):
	job = step("job", "dispatch_job", label="Fibre installation", payload={"subject": "Install"})
	wait = step("wait", label="Two days", after=["job"], when=("after_delay", {"delay_days": 2}))
	ask = step("ask", "condition", label="Installation done?", after=["wait"])
	panel = opened({**flow(job, wait, ask), "trigger": SIGNED}, "Installation done?")
	panel.button("+ Condition").click()
	panel.choose_value("fibre installation status")
	chosen = panel.root.get_by_role("button", name=re.compile("^Value to look at"))
	expect(chosen).to_contain_text("Fibre installation › Status")
	panel.field("Operator").select_option(label="is")
	choices = panel.field("Compared with").locator("option").all_inner_texts()
	assert {"Open", "Scheduled", "Completed"} <= set(choices)
	panel.field("Compared with").select_option("Completed")
	card = panel.tree.card("Installation done?")
	expect(card.locator(".fe-summary")).to_have_text("Fibre installation › Status is Completed")
	assert panel.step("Installation done?")["payload"] == {
		"field": "steps.job.document.status",
		"op": "==",
		"value": "Completed",
	}


def test_searching_asks_the_server_for_no_document_that_a_field_names(opened):
	panel = opened(question(), "Ask")
	asked = []
	panel.page.on(
		"request", lambda sent: asked.append(sent.post_data) if "editor.fields" in sent.url else None
	)
	panel.button("+ Condition").click()
	panel.root.get_by_role("button", name=re.compile("^Value to look at")).click()
	search = panel.page.get_by_role("combobox", name="Search values")
	search.press_sequentially("party")
	expect(panel.page.get_by_role("option").first).to_contain_text("Party")
	# The customer is a group of its own.
	assert {json.loads(data)["doctype"] for data in asked} <= {"Customer"}


ROWS = {
	"all": [
		{"field": "doc.status", "op": "==", "value": "Active"},
		{"not": {"any": [{"field": "doc.grand_total", "op": ">", "value": 5000}]}},
	]
}


def test_rows_become_jsonlogic_and_the_same_rows_again(opened):
	panel = opened(question(ROWS), "Ask")
	expect(panel.root.get_by_label("Compared with", exact=True).first).to_have_value("Active")
	panel.button("Edit as JSONLogic").click()
	rule = panel.root.get_by_role("textbox", name="JSONLogic rule")
	assert list(json.loads(rule.input_value())) == ["and"]
	assert "logic" in panel.step("Ask")["payload"]
	panel.button("Edit as rows").click()
	assert panel.step("Ask")["payload"] == ROWS


def test_what_rows_cannot_show_stays_jsonlogic_and_says_so(opened):
	logic = {"some": [{"var": "doc.items"}, {">": [{"var": "qty"}, 2]}]}
	panel = opened(question({"logic": logic}), "Ask")
	panel.button("Edit as rows").click()
	expect(panel.root.get_by_role("status")).to_contain_text("it stays JSONLogic")
	rule = panel.root.get_by_role("textbox", name="JSONLogic rule")
	assert json.loads(rule.input_value()) == logic
	rule.fill('{"some": [')
	expect(panel.root).to_contain_text("Not valid JSON yet")
	expect(panel.root.get_by_role("tab", name="Step")).to_contain_text("1")
	rule.fill('{"some": [{"var": "doc.items"}, {">": [{"var": "qty"}, 3]}]}')
	assert panel.step("Ask")["payload"]["logic"]["some"][1] == {">": [{"var": "qty"}, 3]}


def test_filters_keep_rows_from_becoming_jsonlogic(opened):
	row = {"field": "{{doc.party_name|upper}}", "op": "==", "value": "ACME"}
	panel = opened(question(row), "Ask")
	expect(panel.root.locator(".fe-path .fe-token")).to_contain_text("· upper")
	panel.button("Edit as JSONLogic").click()
	expect(panel.root.get_by_role("status")).to_contain_text("they stay rows")
	expect(panel.page.get_by_role("button", name="Save", exact=True)).to_be_disabled()


# --- the trigger --------------------------------------------------------------------------------------------


def open_trigger(opened, trigger):
	"""The trigger's panel; its card says a sentence, so it is found by its place."""
	panel = opened({**flow(issue("i", label="Ticket")), "trigger": trigger}, "Ticket")
	panel.page.locator(".fe-card.fe-trigger").click()
	expect(panel.field("When")).to_be_visible()
	return panel


def test_the_trigger_is_chosen_as_a_sentence(opened):
	panel = open_trigger(opened, {"event": "manual", "condition": ""})
	panel.field("When").select_option(label="A contract is signed")
	expect(panel.root.get_by_role("heading")).to_have_text("When a contract is signed")
	panel.button("+ Condition").click()
	panel.choose_value("contract status")
	panel.field("Compared with").select_option("Active")
	expect(panel.root.get_by_role("heading")).to_contain_text("if Status is Active")
	assert panel.trigger() == {
		"event": "on_contract_signed",
		"condition": {"field": "doc.status", "op": "==", "value": "Active"},
	}


def test_any_document_and_any_of_its_events_starts_a_flow(opened):
	panel = open_trigger(opened, {"event": "on_contract_signed", "condition": ""})
	panel.field("When").select_option(label="Something happens to a document…")
	expect(panel.field("Document type")).to_have_value("Contract")
	panel.field("What happens").select_option(label="has a field changed")
	expect(panel.place("trigger.field")).to_contain_text("Choose the field")
	panel.field("Field").fill("sta")
	panel.page.get_by_role("option", name=re.compile("^Status")).click()
	panel.place("trigger.to").get_by_label("To", exact=True).select_option("Active")
	expect(panel.place("trigger.field")).not_to_contain_text("Choose the field")
	assert panel.trigger() == {
		"event": "doc_event",
		"condition": "",
		"doctype": "Contract",
		"doc_event": "field_change",
		"field": "status",
		"to": "Active",
	}
	panel.field("What happens").select_option(label="is created")
	assert panel.trigger() == {
		"event": "doc_event",
		"condition": "",
		"doctype": "Contract",
		"doc_event": "after_insert",
	}


def test_examples_join_the_condition_that_is_there(opened):
	there = {"field": "doc.status", "op": "==", "value": "Active"}
	panel = open_trigger(opened, {"event": "on_contract_signed", "condition": there})
	panel.root.get_by_text("Examples").click()
	panel.button("It is signed").click()
	assert panel.trigger()["condition"] == {
		"all": [there, {"field": "doc.is_signed", "op": "==", "value": 1}]
	}


# --- settings -----------------------------------------------------------------------------------------------


def test_settings_and_variables_of_the_flow(opened, served):
	panel = opened(flow(issue("i", label="Ticket"), variables={"group": "Installers"}), "Ticket")
	panel.page.get_by_role("button", name="More", exact=True).click()
	panel.page.get_by_role("menuitem", name="Settings of the flow").click()
	panel.field("Category").select_option(label="Billing")
	panel.field("Description").fill("What it is for")
	panel.tab("Running")
	panel.field("When it is started again for the same document").select_option(
		label="Cancel the one that is running"
	)
	panel.field("Acts as").fill("ann")
	panel.page.get_by_role("option", name=re.compile("ann@example.com")).click()
	panel.field("Pause it after this many failures in a row").fill("7")
	panel.tab("Variables")
	panel.button("+ Variable").click()
	panel.root.get_by_label("Name", exact=True).last.fill("limit")
	panel.root.get_by_label("Type").last.select_option("Number")
	panel.root.get_by_label("Value", exact=True).last.fill("5000")
	panel.button("+ Variable").click()
	panel.root.get_by_label("Name", exact=True).last.fill("limit")
	expect(panel.root).to_contain_text("“limit” stands here twice")
	panel.root.get_by_role("button", name="Remove limit").last.click()
	panel.tree.save()
	made = served.get("templates.get", name=panel.tree.name)["template"]
	assert made["flow_definition"]["variables"] == {"group": "Installers", "limit": 5000}
	assert (made["category"], made["description"]) == ("billing", "What it is for")
	assert (made["concurrency"], made["run_as"], made["failure_limit"]) == ("replace", "ann@example.com", "7")


# --- flows that may not be changed --------------------------------------------------------------------------


def test_a_system_flow_is_shown_and_cannot_be_changed(tmp_path, open_page):
	with ServedHost(tmp_path) as server:
		# Shipped flows are put in by the command, into the server's own file.
		command = [sys.executable, "-m", "flow_engine.cli", "seed", "--db", str(server.database)]
		subprocess.run(command, check=True, capture_output=True)
		found = server.get("templates.list")["templates"]
		template = next(one["name"] for one in found if one["template_name"] == "quotation_reminder")
		panel = Panel(Tree(open_page(), server, template), "Day 3: the first reminder")
		expect(panel.field("Subject")).to_have_attribute("readonly", "")
		expect(panel.field("Channel")).to_be_disabled()
		for tab in ("When", "Errors & retry", "Note", "Step"):
			panel.tab(tab)
			for control in panel.root.locator("input, select, textarea").all():
				assert control.get_attribute("readonly") is not None or control.is_disabled()
		names = [button.inner_text() for button in panel.root.locator(".fe-frame-body button").all()]
		assert not [name for name in names if name in ("{ }", "✎", "×", "+ add")]
		panel = Panel(panel.tree, "Day 3: is it still open?")
		expect(panel.root.get_by_role("button", name=re.compile("^Value to look at"))).to_be_disabled()
		expect(panel.root.get_by_role("button", name="Edit as JSONLogic")).to_have_count(0)
