"""The panel beside the tree in a real browser: every field, the value picker, when a step fires, what follows
an error. What is entered is what the server then has."""

import re

import pytest
from panel_page import Panel, app_server
from playwright.sync_api import expect
from tree_page import Tree

from flow_engine.engine.kinds.base import Effect, Field, Kind
from flow_engine.engine.outcomes import Done
from flow_engine.testing.builders import flow, issue, step
from flow_engine.testing.served import ServedHost

HOSTILE = "<img src=x onerror=alert(1)> & co"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
	with ServedHost(tmp_path_factory.mktemp("panel")) as server:
		server.api("documents.put", doctype="Role", name="Field Lead")
		server.api("documents.put", doctype="Email Template", name="Welcome aboard", subject="Welcome")
		yield server


@pytest.fixture
def opened(served, open_page, request):
	"""`opened(definition, label)` → the panel of that card of a new draft."""

	def make(definition, label, server=served, **options):
		title = request.node.name[:120]
		made = server.api("templates.create", template_name=title, flow_definition=definition)
		return Panel(Tree(open_page(**options), server, made["template"]["name"]), label)

	return make


def about_contracts(*steps, **keys):
	return {**flow(*steps, **keys), "trigger": {"event": "on_contract_signed", "condition": ""}}


# --- fields -------------------------------------------------------------------------------------------------

EVERYTHING = Kind(
	name="demo_everything",
	label="Everything",
	icon="tool",
	colour="#123456",
	effect=Effect.EXTERNAL,
	handle=lambda ctx: Done(),
	fields=(
		Field("a_text", "A text", "text", required=True, help="One line."),
		Field("an_area", "An area", "textarea"),
		Field("a_number", "A number", "number"),
		Field("a_select", "A select", "select", options=("red", "green"), default="red"),
		Field("a_check", "A check", "check"),
		Field("a_link", "A link", "link", options=("Role",)),
		Field("a_datetime", "A datetime", "datetime"),
		Field("a_json", "A json", "json"),
		Field("a_template", "A template", "template"),
		Field("a_variable", "A variable", "variable"),
		Field("a_condition", "A condition", "condition"),
		Field("a_password", "A password", "text", sensitive=True, secrets=True),
		Field("only_green", "Only green", depends_on={"field": "a_select", "op": "==", "value": "green"}),
	),
)


def test_a_kind_of_another_app_has_a_widget_for_every_type_of_field(opened, tmp_path):
	with app_server(tmp_path, EVERYTHING) as server:
		server.api("documents.put", doctype="Role", name="Field Lead")
		panel = opened(about_contracts(step("all", "demo_everything", label="All")), "All", server)
		expect(panel.place("payload.a_text")).to_contain_text("“A text” is missing.")
		panel.field("A text").fill("words")
		panel.field("An area").fill("one\ntwo")
		panel.field("A number").fill("2.5")
		expect(panel.place("payload.only_green")).to_have_count(0)
		panel.field("A select").select_option("green")
		panel.field("Only green").fill("leaf")
		panel.field("A check").check()
		panel.field("A link").fill("Field")
		panel.page.get_by_role("option", name="Field Lead").click()
		panel.field("A datetime").fill("2026-03-18T09:30")
		panel.place("payload.a_json").get_by_role("button", name="+ Value").click()
		panel.place("payload.a_json").get_by_label("Name").fill("colour")
		panel.place("payload.a_json").get_by_label("Value", exact=True).fill("{{doc.name}}")
		panel.field("A template").fill("{{doc.status}}")
		panel.place("payload.a_variable").get_by_role("button").click()
		panel.page.get_by_role("combobox", name="Search values").fill("start date")
		panel.page.keyboard.press("Enter")
		panel.place("payload.a_condition").get_by_role("button", name="+ Condition").click()
		panel.choose_value("contract status")
		panel.place("payload.a_condition").get_by_label("Compared with").select_option("Active")
		assert panel.field("A password").get_attribute("type") == "password"
		panel.place("payload.a_password").get_by_role("button", name="Show the value").click()
		panel.field("A password").fill("{{secret.door}}")
		assert panel.step("All")["payload"] == {
			"a_text": "words",
			"an_area": "one\ntwo",
			"a_number": 2.5,
			"a_select": "green",
			"only_green": "leaf",
			"a_check": True,
			"a_link": "Field Lead",
			"a_datetime": "2026-03-18T09:30",
			"a_json": {"colour": "{{doc.name}}"},
			"a_template": "{{doc.status}}",
			"a_variable": "doc.start_date",
			"a_condition": {"field": "doc.status", "op": "==", "value": "Active"},
			"a_password": "{{secret.door}}",
		}
		assert server.api("templates.validate", definition=panel.tree.stored())["problems"] == []


def test_a_choice_a_date_and_a_document_may_be_a_value_of_the_flow(opened):
	dispatch = step("job", "dispatch_job", payload={"subject": "x", "address": "A-1"}, label="Job")
	panel = opened(about_contracts(dispatch), "Job")
	for place, path in (
		("priority", "doc.name"),
		("scheduled_time", "doc.start_date"),
		("address", "doc.name"),
	):
		field = panel.place(f"payload.{place}")
		field.get_by_role("button", name="Use a value of the flow").click()
		field.get_by_role("textbox").fill("{{" + path + "}}")
	payload = panel.step("Job")["payload"]
	assert payload["priority"] == payload["address"] == "{{doc.name}}"
	assert payload["scheduled_time"] == "{{doc.start_date}}"
	panel.place("payload.priority").get_by_role("button", name="Choose a fixed value").click()
	panel.field("Priority").select_option("high")
	assert panel.step("Job")["payload"]["priority"] == "high"


def test_fields_of_a_document_are_rows_of_its_doctype_and_json_and_back(opened):
	update = step("set", "erp_update", payload={"doctype": "Contract"}, label="Set")
	panel = opened(about_contracts(update), "Set")
	fields = panel.place("payload.fields_json")
	fields.get_by_role("button", name="+ Value").click()
	fields.get_by_role("combobox", name="Field").fill("sta")
	panel.page.get_by_role("option", name=re.compile("^Status")).click()
	fields.get_by_label("Value", exact=True).select_option("Inactive")
	fields.get_by_role("button", name="+ Value").click()
	fields.get_by_role("combobox", name="Field").nth(1).fill("signed")
	panel.page.get_by_role("option", name=re.compile("^Signed Check")).click()
	fields.get_by_label("Value", exact=True).nth(1).select_option("Yes")
	assert panel.step("Set")["payload"]["fields_json"] == {"status": "Inactive", "is_signed": 1}
	fields.get_by_role("button", name="Edit as JSON").click()
	text = fields.get_by_role("textbox", name="Fields")
	text.fill('{"status": "Inactive", "more": [1, {"a": "{{doc.name}}"}]')
	expect(fields).to_contain_text("Not valid JSON yet")
	text.press("End")
	text.press("}")
	fields.get_by_role("button", name="Edit as rows").click()
	expect(fields.get_by_label("Value", exact=True)).to_have_count(2)
	assert panel.step("Set")["payload"]["fields_json"] == {
		"status": "Inactive",
		"more": [1, {"a": "{{doc.name}}"}],
	}


def test_problems_stand_beside_the_field_they_name_and_can_be_gone_to(opened):
	late = step("wait", label="Late", when=("after_delay", {"delay_days": -1}))
	panel = opened(flow(issue("i", label="Ticket") | {"payload": {}}, late), "Ticket")
	expect(panel.place("payload.subject")).to_contain_text("“Subject” is missing.")
	subject = panel.field("Subject")
	described = subject.get_attribute("aria-describedby").split()
	said = [panel.page.locator(f"#{one}").inner_text() for one in described]
	assert any("is missing" in text for text in said) and subject.get_attribute("aria-invalid") == "true"
	subject.fill("Now it has one")
	expect(panel.place("payload.subject")).not_to_contain_text("is missing")
	panel.page.get_by_role("button", name=re.compile("1 problem")).first.click()
	panel.page.get_by_role("button", name=re.compile("zero or more")).first.click()
	expect(panel.root.get_by_role("tab", name=re.compile("^When"))).to_have_attribute("aria-selected", "true")
	expect(panel.field("Days")).to_be_focused()


# --- values of the flow -------------------------------------------------------------------------------------


def test_typing_two_braces_offers_what_can_be_read_here(opened):
	first = issue("first", "x", label="Survey")
	panel = opened(about_contracts(first, issue("second", "", after=["first"], label="Ticket")), "Ticket")
	field = panel.field("Subject")
	field.fill("")
	field.press_sequentially("About {{start d")
	assert panel.options()[0] == "Start Date"
	assert field.get_attribute("aria-activedescendant") == panel.page.locator(
		"[aria-selected=true][role=option]"
	).get_attribute("id")
	panel.tree.press("Enter")
	expect(field).to_have_value("About {{doc.start_date}}")
	field.press_sequentially(" and {{survey")
	assert panel.options()[0] == "Subject"
	field.press_sequentially(" name of")
	assert panel.options()[0] == "Name of the document"
	panel.tree.press("ArrowDown", "ArrowUp", "Enter")
	expect(field).to_have_value("About {{doc.start_date}} and {{steps.first.result.name}}")
	field.press_sequentially(" {{nothing")
	panel.tree.press("Escape")
	expect(panel.page.locator(".fe-values")).to_have_count(0)
	expect(panel.root).to_be_visible()
	field.fill("{{doc.start_date|}}")
	field.evaluate("(area) => area.setSelectionRange(17, 17)")
	field.press_sequentially("add")
	assert panel.options() == ["So many days later", "So many minutes later"]
	panel.tree.press("Enter")
	expect(field).to_have_value("{{doc.start_date|add_days:7}}")
	field.press("Tab")
	assert panel.shown("Subject") == "Contract › Start Date · add_days:7"


def test_the_picker_opens_by_a_button_shows_parts_of_a_value_and_copies(opened, served):
	panel = opened(
		{
			**flow(issue("t", "Qty ", label="Ticket")),
			"trigger": {"event": "on_quotation_created", "condition": ""},
		},
		"Ticket",
		permissions=["clipboard-read", "clipboard-write"],
	)
	panel.place("payload.subject").get_by_role("button", name="Insert a value").click()
	search = panel.page.get_by_role("combobox", name="Search values")
	expect(search).to_be_focused()
	search.fill("items")
	panel.tree.press("ArrowRight")
	assert "Item Code" in panel.options()
	search.fill("qty")
	panel.page.get_by_role("button", name="Copy", exact=True).click()
	copied = panel.page.evaluate("navigator.clipboard.readText()")
	panel.tree.press("Enter")
	expect(panel.field("Subject")).to_be_focused()
	expect(panel.field("Subject")).to_have_value("Qty {{doc.items.0.qty}}")
	assert copied == "{{doc.items.0.qty}}"


def test_whoever_turns_to_another_field_is_left_there(opened):
	panel = opened(flow(step("w", label="Wait"), issue("t", "x", after=["w"], label="Ticket")), "Ticket")
	panel.place("payload.subject").get_by_role("button", name="Insert a value").click()
	expect(panel.page.locator(".fe-values")).to_be_visible()
	panel.field("Name of the step").click()
	expect(panel.page.locator(".fe-values")).to_have_count(0)
	expect(panel.field("Name of the step")).to_be_focused()
	panel.place("depends_on").get_by_role("button", name="+ add").click()
	expect(panel.root.get_by_label("Step to wait for")).to_be_focused()
	panel.field("Name of the step").click()
	expect(panel.root.get_by_label("Step to wait for")).to_have_count(0)
	expect(panel.field("Name of the step")).to_be_focused()


def test_values_of_a_real_document_stand_beside_the_names(opened, served):
	served.api("documents.put", doctype="Subscription", name="SUB-7", status="Trialling", customer="ACME")
	about = {"event": "on_subscription_active", "condition": ""}
	panel = opened({**flow(issue("t", "x", label="Ticket")), "trigger": about}, "Ticket")
	panel.place("payload.subject").get_by_role("button", name="Insert a value").click()
	panel.page.get_by_role("combobox", name="Search values").fill("subscription status")
	row = panel.page.locator(".fe-values-option").first
	expect(row).to_contain_text("Trialling")
	expect(panel.page.locator(".fe-values-foot")).to_contain_text("Values of SUB-7")


def test_a_path_that_leads_nowhere_is_underlined_and_mended(opened):
	panel = opened(about_contracts(issue("t", "State {{doc.statuss|upper}}", label="Ticket")), "Ticket")
	expect(panel.root.locator(".fe-token-bad")).to_have_text("doc.statuss · upper")
	subject = panel.place("payload.subject")
	expect(subject).to_contain_text("Contract has no value “statuss”.")
	panel.button("Did you mean Status?").click()
	expect(panel.field("Subject")).to_have_value("State {{doc.status|upper}}")
	expect(subject).not_to_contain_text("has no value")
	assert panel.step("Ticket")["payload"]["subject"] == "State {{doc.status|upper}}"


def test_names_that_people_gave_are_shown_as_text(opened):
	first = issue("a", "x", label=HOSTILE)
	second = issue("b", "{{steps.a.result.name}}", after=["a"], label="Second")
	panel = opened(about_contracts(first, second, variables={"group": HOSTILE}), "Second")
	assert panel.shown("Subject") == f"{HOSTILE} › Name of the document"
	expect(panel.place("depends_on")).to_contain_text(HOSTILE)
	panel.place("payload.subject").get_by_role("button", name="Insert a value").click()
	expect(panel.page.locator(".fe-values")).to_contain_text(HOSTILE)
	assert panel.page.locator(".fe-frame img").count() == 0


def test_a_name_of_any_length_and_direction_leaves_the_panel_its_size(opened):
	for_ever = "شركة الألياف " * 770
	first = issue("a", "x", label=for_ever)
	second = issue("b", "For {{steps.a.result.name}}", after=["a"], label="Second")
	panel = opened(flow(first, second), "Second")
	assert panel.root.evaluate("(root) => root.scrollWidth <= root.clientWidth")
	assert panel.place("depends_on").bounding_box()["height"] < 120
	assert panel.place("payload.subject").bounding_box()["height"] < 500
	panel.place("payload.subject").get_by_role("button", name="Insert a value").click()
	assert panel.page.locator(".fe-values").bounding_box()["height"] < 400
	panel.tree.press("Escape")
	panel.tab("When")
	assert panel.root.locator(".fe-sentence").bounding_box()["height"] < 120


# --- when ---------------------------------------------------------------------------------------------------


def test_two_days_before_the_start_at_nine(opened):
	panel = opened(about_contracts(step("w", label="Wait"), step("z", after=["w"], label="End")), "Wait")
	panel.tab("When")
	panel.field("Fires").select_option(label="On a date")
	panel.field("Before or after the date").select_option("days before")
	panel.field("Days").fill("2")
	panel.place("trigger.at").get_by_role("button", name="Use a value of the flow").click()
	panel.place("trigger.at").get_by_role("textbox").press_sequentially("{{start d")
	panel.tree.press("Enter")
	panel.field("At").fill("09:00")
	panel.field("At").press("Tab")
	assert panel.step("Wait")["trigger"] == {
		"type": "on_date",
		"offset_days": -2,
		"at": "{{doc.start_date}}",
		"offset_hours": 9,
	}
	expect(panel.root.locator(".fe-sentence")).to_contain_text("Start Date − 2 days")
	panel.button("Days and hours as numbers or values").click()
	expect(panel.field("Days later")).to_have_value("-2")


def test_a_step_waits_for_a_person_and_says_what_follows_when_nobody_comes(opened):
	panel = opened(
		flow(step("w", label="Agree"), step("l", parent="w", branch="timeout", label="Late")), "Agree"
	)
	panel.tab("When")
	panel.field("Fires").select_option(label="When a person confirms")
	panel.field("Role").fill("Field")
	panel.page.get_by_role("option", name="Field Lead").click()
	panel.field("Wait at most (hours)").fill("48")
	expect(panel.root).to_contain_text("the steps on the branch for too late run")
	assert panel.step("Agree")["trigger"] == {"type": "manual", "role": "Field Lead", "timeout_hours": 48}
	panel.field("Fires").select_option(label="When another system calls")
	expect(panel.root.locator("code").first).to_have_text("{{links.w}}")
	assert panel.step("Agree")["trigger"] == {"type": "on_webhook", "timeout_hours": 48}


def test_only_steps_that_can_be_waited_for_are_offered_and_by_their_names(opened):
	steps = [
		step(one, label=one.upper(), after=before) for one, before in (("a", []), ("b", ["a"]), ("c", ["b"]))
	]
	panel = opened(flow(*steps, step("d", label="D")), "B")
	chips = panel.place("depends_on")
	expect(chips.locator(".fe-chip-name")).to_have_text(["A"])
	chips.get_by_role("button", name="+ add").click()
	assert panel.options() == ["D"]
	panel.tree.press("ArrowDown", "Enter")
	expect(chips.locator(".fe-chip-name")).to_have_text(["A", "D"])
	chips.get_by_role("button", name="Do not wait for A").click()
	assert panel.step("B")["depends_on"] == ["d"]


# --- errors -------------------------------------------------------------------------------------------------


def test_attempts_and_what_follows_a_failure_are_said_in_words(opened):
	call = step("call", "webhook", payload={"url": "https://example.com"}, label="Call")
	panel = opened(flow(call, step("z", after=["call"], label="End")), "Call")
	panel.tab("Errors & retry")
	expect(panel.place("retry")).to_contain_text("Tries 5 times: again after 30 s, 1 min, 2 min, 4 min.")
	panel.field("Another number of attempts than usual").check()
	panel.field("Attempts at most").fill("3")
	panel.field("First wait (seconds)").fill("90")
	expect(panel.place("retry")).to_contain_text("Tries 3 times: again after 1.5 min, 3 min.")
	panel.field("Wait for an answer (seconds)").fill("20")
	panel.root.get_by_role("radio", name=re.compile("Take the error branch")).check()
	made = panel.step("Call")
	assert (made["retry"]["max_attempts"], made["retry"]["backoff_seconds"]) == (3, 90)
	assert (made["timeout_seconds"], made["on_error"]) == (20, "branch")
	panel.root.get_by_role("radio", name=re.compile("Stop and wait")).check()
	panel.field("Another number of attempts than usual").uncheck()
	made = panel.step("Call")
	assert "retry" not in made and made.get("on_error", "fail") == "fail"


# --- keyboard, phone ----------------------------------------------------------------------------------------


def test_the_panel_is_worked_by_keyboard_alone(opened):
	panel = opened(flow(issue("t", "x", label="Ticket")), "Ticket")
	panel.tree.press("Escape")
	panel.tree.card("Ticket").focus()
	panel.tree.press("Enter")
	expect(panel.root).to_be_visible()
	expect(panel.root.locator(":focus")).to_have_count(1)
	panel.root.get_by_role("tab", name="Step").focus()
	panel.tree.press("ArrowRight", "ArrowRight", "ArrowRight", "Tab")
	expect(panel.root.get_by_role("textbox", name="Note")).to_be_focused()
	panel.page.keyboard.type("why it is here")
	panel.tree.press("Escape")
	expect(panel.root).to_have_count(0)
	assert panel.tree.focused() == "Ticket"
	panel.tree.save()
	assert panel.tree.stored()["steps"][0]["note"] == "why it is here"


def test_what_is_typed_in_one_field_is_undone_at_once(opened):
	panel = opened(flow(issue("t", "before", label="Ticket")), "Ticket")
	panel.field("Subject").press("End")
	panel.field("Subject").press_sequentially(" and after")
	panel.page.get_by_role("button", name="Undo", exact=True).click()
	expect(panel.field("Subject")).to_have_value("before")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_the_panel_fills_the_screen(opened, scheme):
	dispatch = step("job", "dispatch_job", payload={"subject": "For {{customer.customer_name}}"}, label="Job")
	panel = opened(about_contracts(dispatch), "Job", width=375, height=720, scheme=scheme)
	box = panel.root.bounding_box()
	assert box["x"] == 0 and box["width"] == 375
	for tab in ("When", "Errors & retry", "Note", "Step"):
		panel.tab(tab)
		assert panel.page.evaluate(
			"document.documentElement.scrollWidth <= document.documentElement.clientWidth"
		)
		assert panel.root.evaluate("(root) => root.scrollWidth <= root.clientWidth")
