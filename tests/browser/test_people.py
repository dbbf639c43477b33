"""People in the editor and in runs: who may start, who is asked and confirms; conditions typed as text."""

import re

import pytest
from panel_page import Panel
from playwright.sync_api import expect
from tree_page import Tree

from flow_engine.testing.builders import flow, step
from flow_engine.testing.served import ServedHost


@pytest.fixture(scope="module")
def served(tmp_path_factory):
	with ServedHost(tmp_path_factory.mktemp("people")) as server:
		yield server


@pytest.fixture(params=[(1360, 900, "light"), (375, 720, "dark")], ids=["desk", "phone"])
def page(request, open_page):
	width, height, scheme = request.param
	return open_page(width=width, height=height, scheme=scheme)


def open_flow(page, served, name, *steps, **keys):
	made = served.api("templates.create", template_name=name, flow_definition={**flow(*steps), **keys})
	return Tree(page, served, made["template"]["name"])


def started(served, name, **people):
	made = served.flow(
		name, flow(step("ask", label="Approve", when=("manual", people)), step("b", after=["ask"]))
	)
	return served.api("runs.start", template=made["name"], wait_seconds=20)["run"]


def add_name(field, name):
	field.fill(name)
	field.press("Enter")


def test_who_may_start_and_who_is_asked_is_said_by_names(served, open_page):
	page = open_page()
	tree = open_flow(page, served, "Named", step("ask", label="Approve", when="manual"))
	page.get_by_role("button", name="More", exact=True).click()
	page.get_by_role("menuitem", name="Settings of the flow").click()
	page.get_by_role("tab", name="Running").click()
	for name in ("ann@example.com", "ben@example.com"):
		add_name(page.get_by_label("Only these people may start it by hand"), name)
	add_name(page.get_by_label("Only these roles may start it by hand"), "Auditor")
	page.get_by_role("button", name="Remove ben@example.com").click()
	tree.save()
	assert tree.stored()["starters"] == {"users": ["ann@example.com"], "roles": ["Auditor"]}
	panel = Panel(tree, "Approve")
	panel.tab("When")
	add_name(panel.field("Only these people"), "cid@example.com")
	assert panel.step("Approve")["trigger"] == {"type": "manual", "users": ["cid@example.com"]}
	expect(panel.root.locator(".fe-sentence")).to_contain_text("waits for one of cid@example.com")
	panel.button("Remove cid@example.com").click()
	assert panel.step("Approve")["trigger"] == {"type": "manual"}


def test_a_condition_is_typed_as_text_and_becomes_rows(served, open_page):
	page = open_page()
	ask = step("ask", label="Approve", when="manual")
	decide = step("decide", "condition", label="Is it approved?", after=["ask"])
	tree = open_flow(page, served, "Typed", ask, decide)
	panel = Panel(tree, "Is it approved?")
	panel.button("As text").click()
	panel.field("Condition as text").fill("is approved")
	panel.button("Read it").click()
	expect(panel.root.get_by_role("alert")).to_contain_text("This is no condition")
	panel.field("Condition as text").fill("in:APPROVED,OK")
	panel.field("Condition as text").press("Enter")
	expect(panel.root.get_by_role("group", name="Condition 1")).to_be_visible()
	stored = panel.step("Is it approved?")["payload"]
	assert stored == {"field": "steps.ask.result.input.answer", "op": "in", "value": ["APPROVED", "OK"]}


def test_text_that_the_server_did_not_understand_is_shown_as_what_it_is(served, open_page):
	page = open_page()
	condition = {"event": "on_issue_opened", "condition": "is open"}
	tree = open_flow(page, served, "Unread", step("a"), trigger=condition)
	panel = Panel(tree, tree.labels()[0])
	expect(panel.field("Condition as text")).to_have_value("is open")
	panel.field("Condition as text").fill("Open")
	panel.button("Read it").click()
	assert panel.trigger()["condition"] == {"field": "doc.status", "op": "==", "value": "Open"}


def test_a_step_is_confirmed_with_a_remark(served, page):
	run = started(served, f"Remarked {page.viewport_size['width']}")
	page.goto(f"{served.url}/runs/{run}")
	page.get_by_role("button", name="Confirm: Approve").first.click()
	dialog = page.get_by_role("dialog")
	dialog.get_by_label(re.compile("^Remark")).fill("Seen on paper")
	dialog.get_by_role("button", name="Confirm", exact=True).click()
	expect(page.locator(".fe-run-status")).to_have_text("Completed")
	trail = served.get("audit.list", run=run)["events"]
	assert [row["reason"] for row in trail if row["event_type"] == "run.step_fired"] == ["Seen on paper"]


def test_a_step_is_given_to_somebody_else(served, page):
	run = started(served, f"Given {page.viewport_size['width']}", assignee="ann@example.com")
	page.goto(f"{served.url}/runs/{run}")
	page.get_by_role("button", name="Give to somebody else: Approve").first.click()
	dialog = page.get_by_role("dialog")
	dialog.get_by_role("button", name="Give to somebody else").click()
	expect(dialog).to_be_visible()
	add_name(dialog.get_by_label("To whom"), "ben@example.com")
	dialog.get_by_role("button", name="Give to somebody else").click()
	expect(dialog).to_have_count(0)
	view = served.get("runs.get", run=run, user="ben@example.com")["run"]
	assert view["steps"][0]["allowed"] == ["complete"]
	assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
