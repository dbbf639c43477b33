"""What a flow asks for, in a real browser: as rows or JSON; given in a form, refused beside the field."""

import re

import pytest
from panel_page import Panel
from playwright.sync_api import expect
from tree_page import Tree

from flow_engine.testing.builders import flow, issue
from flow_engine.testing.served import ServedHost

SCHEMA = {
	"type": "object",
	"properties": {
		"subject": {"type": "string", "title": "Subject", "minLength": 3},
		"floors": {"type": "integer", "title": "Floors", "default": 1},
		"kind": {"type": "string", "enum": ["New", "Move"], "title": "Kind"},
		"tags": {"type": "array", "items": {"type": "string"}, "title": "Tags"},
		"lines": {"type": "array", "items": {"type": "object"}, "title": "Lines"},
	},
	"required": ["subject"],
	"additionalProperties": False,
}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
	with ServedHost(tmp_path_factory.mktemp("payload")) as server:
		yield server


def starting(served, page, template):
	page.goto(f"{served.url}/templates/{template}")
	page.get_by_role("button", name=re.compile("^Runs")).first.click()
	page.get_by_role("button", name="Start a run…").click()


@pytest.mark.parametrize(("width", "height"), [(1360, 900), (375, 720)], ids=["desk", "phone"])
def test_a_flow_is_started_with_its_form_and_problems_stand_beside_their_fields(
	served, open_page, width, height
):
	definition = {**flow(issue("tell", "{{variables.subject}}")), "payload_schema": SCHEMA}
	template = served.flow(f"Asks {width}", definition)["name"]
	page = open_page(width=width, height=height)
	starting(served, page, template)
	form = page.locator(".fe-start-run")
	form.get_by_label("Subject").fill("a")
	form.get_by_label("Lines").fill('[{"a": 1}, 2]')
	form.get_by_label("Kind", exact=True).select_option("Move")
	form.get_by_label("Tags").fill("red\nblue")
	assert form.get_by_label("Floors").get_attribute("placeholder") == "1"
	page.get_by_role("button", name="Start", exact=True).click()
	subject = page.locator("[data-payload-field='subject']")
	expect(subject.locator(".fe-fault")).to_have_text("This needs at least 3 characters.")
	expect(page.locator("[data-payload-field='lines'] .fe-fault")).to_contain_text("[1]")
	expect(form.get_by_label("Subject")).to_have_attribute("aria-invalid", "true")
	assert served.get("runs.list", template=template)["runs"] == []
	form.get_by_label("Subject").fill("Leak")
	form.get_by_label("Lines").fill("[{")
	expect(page.get_by_role("button", name="Start", exact=True)).to_be_disabled()
	form.get_by_label("Lines").fill("[]")
	page.get_by_role("button", name="Edit as JSON").click()
	text = form.get_by_label("Payload as JSON")
	expect(text).to_have_value(
		'{\n  "subject": "Leak",\n  "lines": [],\n  "kind": "Move",\n'
		'  "tags": [\n    "red",\n    "blue"\n  ]\n}'
	)
	text.fill('{"subject": "Leak", "floors": 2, "tags": ["red"]}')
	page.get_by_role("button", name="Edit as a form").click()
	expect(form.get_by_label("Floors")).to_have_value("2")
	assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
	page.get_by_role("button", name="Start", exact=True).click()
	page.wait_for_url("**/runs/*")
	run = served.get("runs.list", template=template)["runs"][0]["name"]
	assert served.run(run)["variables"] == {"subject": "Leak", "floors": 2, "tags": ["red"]}


def test_what_a_flow_asks_for_is_edited_as_rows_and_as_json_and_is_read_by_its_steps(served, open_page):
	made = served.api("templates.create", template_name="Editing", flow_definition=flow(issue("tell")))
	page = open_page()
	tree = Tree(page, served, made["template"]["name"])
	page.get_by_role("button", name="More", exact=True).click()
	page.get_by_role("menuitem", name="Settings of the flow").click()
	page.get_by_role("tab", name="Payload").click()
	page.get_by_role("button", name="Ask for fields").click()
	row = page.locator(".fe-schema-row")
	row.get_by_label("Name").fill("floors")
	row.get_by_label("Type").select_option("Whole number")
	row.get_by_label("Required").check()
	row.get_by_role("button", name="More about").click()
	row.get_by_label("Label", exact=True).fill("Floors")
	row.get_by_label("When it is left out").fill("2")
	page.get_by_role("button", name="Edit as JSON").click()
	expect(page.get_by_label("Payload schema as JSON")).to_have_value(
		'{\n  "type": "object",\n  "properties": {\n    "floors": {\n      "type": "integer",\n'
		'      "title": "Floors",\n      "default": 2\n    }\n  },\n  "required": [\n    "floors"\n  ],\n'
		'  "additionalProperties": false\n}'
	)
	page.get_by_label("Payload schema as JSON").fill(
		'{"type": "object", "properties": {"floors": {"type": "integer", "title": "Floors", "default": "x"}}}'
	)
	expect(page.locator("[data-place='payload_schema'] .fe-fault")).to_have_text(
		"This must be a whole number."
	)
	page.get_by_role("button", name="Edit as rows").click()
	expect(row.locator(".fe-fault").first).to_have_text("This must be a whole number.")
	row.get_by_role("button", name="More about").click()
	row.get_by_label("When it is left out").fill("3")
	page.get_by_role("button", name="+ Field").click()
	page.locator(".fe-schema-row").nth(1).get_by_label("Type").select_option("Choice")
	tree.save()
	stored = tree.stored()["payload_schema"]
	assert stored == {
		"type": "object",
		"properties": {
			"floors": {"type": "integer", "title": "Floors", "default": 3},
			"field_2": {"type": "string", "enum": ["A", "B"]},
		},
	}
	page.keyboard.press("Escape")
	panel = Panel(tree, "tell")
	panel.field("Subject").fill("{{flo")
	expect(page.locator(".fe-values-option .fe-values-label").first).to_have_text("Floors")


def test_a_test_run_asks_for_what_a_start_by_hand_asks_for(served, open_page):
	definition = {**flow(issue("tell", "{{variables.subject}}")), "payload_schema": SCHEMA}
	made = served.api("templates.create", template_name="Tried", flow_definition=definition)
	page = open_page()
	page.goto(f"{served.url}/templates/{made['template']['name']}")
	page.get_by_role("button", name="Test run").click()
	page.get_by_role("button", name="Run the test").click()
	expect(page.locator("[data-payload-field='subject'] .fe-fault")).to_have_text("This value is missing.")
	page.locator("[data-payload-field='subject'] input").fill("Leak")
	page.get_by_role("button", name="Run the test").click()
	expect(page.get_by_text("It would run to its end.")).to_be_visible()
