"""Trying a flow in the editor: its path on the tree, what each step read, and that nothing happened by it."""

import re

import pytest
from playwright.sync_api import expect

from flow_engine.testing.builders import flow, issue, step
from flow_engine.testing.served import ServedHost


@pytest.fixture(scope="module")
def served(tmp_path_factory):
	with ServedHost(tmp_path_factory.mktemp("trials")) as server:
		contract = {"doctype": "Contract", "name": "CON-1", "status": "Active", "start_date": "2026-03-20"}
		server.api("documents.put", doc={**contract, "value": 7000})
		server.api("documents.put", doc={"doctype": "Contract", "name": "CON-2", "value": 10})
		definition = flow(
			step(
				"big",
				"condition",
				label="Is it big?",
				payload={"field": "doc.value", "op": ">", "value": 5000},
			),
			issue(
				"look",
				"{{doc.name}} is worth {{doc.value}}",
				parent="big",
				branch="yes",
				label="Look into it",
			),
			step(
				"thank",
				"notify",
				label="Thank them",
				parent="big",
				branch="no",
				payload={
					"channel": "email",
					"to": "ann@example.com",
					"subject": "About {{doc.name}}",
					"body": "<p>Small is <b>fine</b>.</p>",
				},
			),
			step("ask", after=["look", "thank"], label="Agree", when=("manual", {"timeout_hours": 48})),
			step(
				"late",
				"issue",
				label="Nobody agreed",
				parent="ask",
				branch="timeout",
				payload={"subject": "Late"},
			),
			step(
				"close",
				"erp_update",
				label="Close it",
				after=["ask"],
				when=("after_delay", {"delay_days": 2}),
				payload={
					"doctype": "Contract",
					"docname_ref": "{{doc.name}}",
					"fields_json": {"status": "Closed by {{steps.ask.result.input.by}}"},
				},
			),
		)
		definition["trigger"]["doctype"] = "Contract"
		made = server.api("templates.create", template_name="Trial", flow_definition=definition)
		server.template = made["template"]["name"]
		yield server


@pytest.fixture
def page(served, open_page):
	opened = open_page()
	opened.goto(f"{served.url}/templates/{served.template}")
	opened.get_by_role("button", name="Test run", exact=True).click()
	return opened


def panel(page):
	return page.get_by_role("complementary")


def choose(page, name):
	field = panel(page).get_by_role("combobox", name="Contract")
	field.click()
	field.fill(name)
	panel(page).get_by_role("option", name=name).click()


def run(page):
	panel(page).get_by_role("button", name="Run the test").click()
	expect(panel(page).get_by_role("tab", name="What happens")).to_have_attribute("aria-selected", "true")


def card(page, step_id):
	return page.locator(f'.fe-card[data-step="{step_id}"]')


def lanes_taken(page):
	"""Of the lanes of "Agree": those whose line is drawn as the way the run went."""
	names = {"If it works": "on", "If it takes too long": "timeout"}
	return page.evaluate(
		"""(names) => {
			const taken = [...document.querySelectorAll('.fe-edge-taken')];
			const meets = (x, y) => taken.some((path) => {
				const length = path.getTotalLength();
				for (let at = 0; at <= length; at += 4) {
					const point = path.getPointAtLength(at);
					if (Math.hypot(point.x - x, point.y - y) < 6) return true;
				}
				return false;
			});
			return [...document.querySelectorAll('.fe-lane')]
				.filter((lane) => lane.textContent.trim() in names)
				.filter((lane) => meets(parseFloat(lane.style.left), parseFloat(lane.style.top)))
				.map((lane) => names[lane.textContent.trim()]);
		}""",
		names,
	)


def tone(page, step_id):
	return re.search(r"fe-tone-(\w+)", card(page, step_id).get_attribute("class") + " fe-tone-none")[1]


def world(served):
	"""Everything that a real run would leave behind."""
	return (
		served.get("documents.list", limit=500)["documents"],
		served.get("runs.list")["runs"],
		served.session.get(f"{served.url}/outbox").text,
	)


def test_the_path_is_on_the_tree_and_nothing_has_happened(served, page):
	before = world(served)
	choose(page, "CON-1")
	panel(page).get_by_label("By", exact=True).fill("Ann")
	run(page)
	expect(panel(page)).to_contain_text("It would run to its end.")
	expect(panel(page)).to_contain_text("Nothing was sent or written.")
	tones = {name: tone(page, name) for name in ("big", "look", "thank", "ask", "late", "close")}
	done = dict.fromkeys(("big", "look", "ask", "close"), "done")
	assert tones == {**done, "thank": "skipped", "late": "skipped"}
	expect(card(page, "big").locator(".fe-card-badge")).to_have_text("Yes")
	assert lanes_taken(page) == ["on"]
	panel(page).get_by_role("tab", name="Sent and written").click()
	expect(panel(page)).to_contain_text("Active → Closed by Ann")
	expect(panel(page)).to_contain_text("CON-1 is worth 7000")
	assert world(served) == before


def test_a_step_says_what_it_read_and_what_it_was_filled_in_with(served, page):
	choose(page, "CON-2")
	run(page)
	card(page, "big").click()
	expect(panel(page).locator(".fe-reading").first).to_have_text("read Value = 10 → branch No")
	card(page, "thank").click()
	expect(panel(page)).to_contain_text("About CON-2")
	panel(page).get_by_role("tab", name="Sent and written").click()
	expect(panel(page).locator(".fe-effect-body")).to_have_text("Small is fine.")
	# The step's own panel tells it as well.
	panel(page).get_by_role("button", name="Close", exact=True).click()
	card(page, "big").click()
	expect(panel(page)).to_contain_text("In the test run on CON-2")
	expect(panel(page).locator(".fe-reading")).to_have_text("read Value = 10 → branch No")


def test_what_nobody_does_takes_the_branch_for_too_late(served, page):
	choose(page, "CON-1")
	panel(page).get_by_label("What happens at Agree").select_option("nothing")
	panel(page).get_by_label("It begins on").fill("2026-03-01T09:00")
	run(page)
	assert [tone(page, name) for name in ("ask", "late")] == ["failed", "done"]
	expect(card(page, "ask").locator(".fe-card-badge")).to_have_text("Too late")
	expect(panel(page).locator(".fe-gap").first).to_have_text("2 d later")
	assert lanes_taken(page) == ["timeout"]


def test_the_virtual_clock_goes_back_and_the_tree_with_it(served, page):
	choose(page, "CON-1")
	run(page)
	expect(card(page, "close")).to_have_class(re.compile("fe-tone-done"))
	clock = panel(page).get_by_label("Virtual clock")
	clock.focus()
	page.keyboard.press("ArrowLeft")
	assert [tone(page, name) for name in ("ask", "close")] == ["done", "waiting"]
	page.keyboard.press("Home")
	assert [tone(page, name) for name in ("big", "ask", "close")] == ["done", "none", "none"]
	page.keyboard.press("End")
	assert tone(page, "close") == "done"


def test_sample_values_are_asked_for_by_the_names_the_flow_reads(served, page):
	panel(page).get_by_label("sample values").check()
	panel(page).get_by_label("Value", exact=True).first.fill("9000")
	run(page)
	expect(panel(page)).to_contain_text("Test run on sample data")
	assert [tone(page, name) for name in ("look", "thank")] == ["done", "skipped"]


def test_a_flow_with_problems_is_not_tried_and_says_so(served, open_page):
	broken = flow(issue("a", "{{doc.", label="Broken"))
	made = served.api("templates.create", template_name="Broken", flow_definition=broken)
	page = open_page()
	page.goto(f"{served.url}/templates/{made['template']['name']}")
	page.get_by_role("button", name="Test run", exact=True).click()
	panel(page).get_by_role("button", name="Run the test").click()
	expect(panel(page).get_by_role("alert")).to_contain_text("problems")


def test_a_trigger_whose_condition_does_not_hold_starts_nothing(served, open_page):
	definition = flow(issue("a"))
	definition["trigger"] = {
		"event": "manual",
		"doctype": "Contract",
		"condition": {"field": "doc.value", "op": ">", "value": 5000},
	}
	made = served.api("templates.create", template_name="Picky", flow_definition=definition)
	page = open_page()
	page.goto(f"{served.url}/templates/{made['template']['name']}")
	page.get_by_role("button", name="Test run", exact=True).click()
	choose(page, "CON-2")
	run(page)
	expect(panel(page)).to_contain_text("It would not start")
	expect(panel(page)).to_contain_text("The trigger read Value = 10")


def test_an_edit_makes_a_test_run_old(served, page):
	choose(page, "CON-1")
	run(page)
	card(page, "look").click()
	page.keyboard.press("Control+d")
	page.get_by_role("button", name="Test run", exact=True).click()
	expect(panel(page)).to_contain_text("The flow was changed since.")
	panel(page).get_by_role("button", name="Run it again").first.click()
	expect(panel(page)).not_to_contain_text("The flow was changed since.")
