"""The lists of flows and runs in a real browser, and the first minutes with neither."""

import json
import re

import pytest
from playwright.sync_api import expect

from flow_engine.cli import main
from flow_engine.testing.builders import flow, issue, step
from flow_engine.testing.served import ServedHost

HOSTILE = "<img src=x onerror=alert(1)> & co"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
	with ServedHost(tmp_path_factory.mktemp("lists")) as server:
		about_issues = flow(issue("tell", label="Tell"))
		about_issues["trigger"] = {"event": "on_issue_opened", "condition": ""}
		server.api(
			"templates.create",
			template_name="New issues",
			flow_definition=about_issues,
			category="incident",
			description=HOSTILE,
		)
		waits = flow(step("ask", label="Somebody looks", when="manual"))
		server.waits = server.flow("By hand", waits, category="billing")["name"]
		yield server


@pytest.fixture
def empty(tmp_path_factory):
	with ServedHost(tmp_path_factory.mktemp("empty")) as server:
		yield server


@pytest.fixture(params=[(1360, 900, "light"), (375, 720, "dark")], ids=["desk", "phone"])
def page(request, open_page):
	width, height, scheme = request.param
	return open_page(width=width, height=height, scheme=scheme)


def fits(page):
	return page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def names(page):
	return page.locator(".fe-flow-row .fe-list-name").all_inner_texts()


def row(page, name):
	return page.locator(".fe-flow-row").filter(
		has=page.locator(".fe-list-name", has_text=re.compile(f"^{re.escape(name)}$"))
	)


def templates(served):
	return {one["template_name"]: one for one in served.get("templates.list")["templates"]}


# --- the first minutes --------------------------------------------------------------------------------------


def test_an_empty_list_offers_the_shipped_flows_and_makes_a_copy_of_ones_own(empty, page):
	page.goto(empty.url)
	cards = page.locator(".fe-start-card")
	expect(cards).to_have_count(len(empty.get("templates.library")["templates"]))
	assert fits(page)
	cards.filter(has_text="Residential onboarding").click()
	expect(page.get_by_role("tree")).to_be_visible()
	made = templates(empty)
	assert list(made) == ["residential_onboarding (copy)"]
	assert not made["residential_onboarding (copy)"]["is_active"]
	# Seeding later brings the shipped one and leaves the copy alone.
	assert not made["residential_onboarding (copy)"]["is_system"]


def test_a_new_flow_begins_with_a_sentence(empty, page):
	page.goto(empty.url)
	doctype = page.get_by_role("combobox", name="When a")
	doctype.click()
	doctype.fill("Quotation")
	page.get_by_role("option", name="Quotation", exact=True).click()
	page.get_by_label("What happens to it").select_option(label="A quotation is accepted")
	page.get_by_label("then do what I call").fill("Accepted offers")
	page.get_by_role("button", name="Begin", exact=True).click()
	expect(page.get_by_role("treeitem")).to_have_count(1)
	expect(page.locator(".fe-card.fe-trigger")).to_contain_text(re.compile("quotation is accepted", re.I))
	expect(page.get_by_role("heading", level=1)).to_contain_text("Accepted offers")


def test_a_sentence_may_be_about_any_document(empty, open_page):
	page = open_page()
	page.goto(empty.url)
	doctype = page.get_by_role("combobox", name="When a")
	doctype.click()
	doctype.fill("Issue")
	page.get_by_role("option", name="Issue", exact=True).click()
	page.get_by_label("What happens to it").select_option(label="is submitted")
	page.get_by_role("button", name="Begin", exact=True).click()
	expect(page.locator(".fe-card.fe-trigger")).to_contain_text("Issue is submitted")


# --- flows --------------------------------------------------------------------------------------------------


def test_the_list_is_searched_and_filtered_and_the_address_keeps_it(served, page):
	page.goto(served.url)
	expect(row(page, "By hand")).to_be_visible()
	page.get_by_label("Category").select_option("incident")
	expect(row(page, "By hand")).to_have_count(0)
	expect(row(page, "New issues")).to_be_visible()
	page.reload()
	expect(row(page, "New issues")).to_be_visible()
	assert names(page) == ["New issues"]
	page.get_by_label("On or off").select_option("1")
	expect(page.get_by_text("No flow fits.")).to_be_visible()
	page.get_by_role("button", name="Show all").click()
	page.get_by_label("What starts it").select_option("manual")
	expect(row(page, "New issues")).to_have_count(0)
	page.get_by_label("What starts it").select_option("")
	page.get_by_label("Kind of document").select_option("Issue")
	expect(row(page, "By hand")).to_have_count(0)
	page.get_by_label("Kind of document").select_option("")
	page.get_by_label("Search flows").fill("HAND")
	expect(row(page, "New issues")).to_have_count(0)
	assert names(page) == ["By hand"]
	assert fits(page)


def test_a_flow_is_switched_copied_and_deleted(served, page, request):
	name = request.node.name
	served.api("templates.create", template_name=name, flow_definition=flow(issue("a")))
	page.goto(served.url)
	row(page, name).get_by_role("switch").click()
	expect(row(page, name).locator(".fe-badge")).to_have_text("On")
	assert templates(served)[name]["is_active"]
	row(page, name).get_by_role("button", name=re.compile("^Duplicate")).click()
	copy = row(page, f"{name} (copy)")
	expect(copy).to_be_visible()
	copy.get_by_role("button", name=re.compile("^Delete")).click()
	page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
	assert f"{name} (copy)" in templates(served)
	copy.get_by_role("button", name=re.compile("^Delete")).click()
	page.get_by_role("dialog").get_by_role("button", name="Delete").click()
	expect(copy).to_have_count(0)
	assert f"{name} (copy)" not in templates(served)


def test_a_flow_with_problems_is_not_switched_on_and_the_list_says_why(served, page, request):
	broken = flow(issue("a", "{{doc."))
	served.api("templates.create", template_name=request.node.name, flow_definition=broken)
	page.goto(served.url)
	line = row(page, request.node.name)
	expect(line.locator(".fe-badge")).to_have_text("Has problems")
	line.get_by_role("switch").click()
	expect(page.locator(".fe-notice")).to_contain_text("problem")
	assert not templates(served)[request.node.name]["is_active"]


def test_system_flows_can_be_copied_but_not_deleted(empty, page):
	empty.stop()
	seed(empty)
	with empty:
		page.goto(empty.url)
		page.get_by_role("button", name="New flow").click()
		line = row(page, "repair_service")
		expect(line.get_by_role("button", name="Duplicate")).to_be_visible()
		expect(line.get_by_role("button", name="Delete")).to_have_count(0)


def seed(server):
	main(["seed", "--db", str(server.database)])


def test_flows_travel_as_a_file(served, empty, page):
	page.goto(served.url)
	with page.expect_download() as caught:
		row(page, "New issues").get_by_role("button", name="Export").click()
	exported = caught.value.path()
	assert json.loads(exported.read_text())["template_name"] == "New issues"
	page.goto(empty.url)
	page.get_by_label("File with exported flows").set_input_files(
		{"name": "flow.json", "mimeType": "application/json", "buffer": exported.read_bytes()}
	)
	expect(row(page, "New issues")).to_be_visible()
	assert templates(empty)["New issues"]["description"] == HOSTILE
	page.get_by_label("File with exported flows").set_input_files(
		{"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no flow"}
	)
	expect(page.locator(".fe-notice").last).to_contain_text("notes.txt is no file of exported flows.")


def test_what_people_wrote_is_shown_as_text(served, page):
	page.goto(served.url)
	expect(page.get_by_text(HOSTILE).first).to_be_visible()
	assert page.locator("img").count() == 0


# --- runs ---------------------------------------------------------------------------------------------------


def test_runs_are_found_by_status_and_flow(served, page):
	run = served.api("runs.start", template="By hand", wait_seconds=20)["run"]
	gone = served.api("runs.start", template="By hand", wait_seconds=20)["run"]
	served.api("runs.cancel", run=gone)
	page.goto(f"{served.url}/runs")
	expect(page.get_by_text(run)).to_be_visible()
	page.get_by_role("button", name="Cancelled").click()
	expect(page.get_by_text(gone)).to_be_visible()
	expect(page.get_by_text(run, exact=True)).to_have_count(0)
	page.reload()
	expect(page.get_by_text(gone)).to_be_visible()
	page.get_by_role("link", name=re.compile(gone)).click()
	expect(page.locator(".fe-run-status")).to_have_text("Cancelled")
	page.goto(f"{served.url}/runs?template={served.waits}")
	expect(page.get_by_label("Flow", exact=True)).to_have_value(served.waits)
	assert fits(page)


def test_several_runs_are_cancelled_at_once_with_one_reason(served, page, request):
	name = request.node.name
	template = served.flow(name, flow(step("ask", when="manual")))["name"]
	runs = [served.api("runs.start", template=name, wait_seconds=20)["run"] for _ in range(3)]
	page.goto(f"{served.url}/runs?template={template}")
	for run in runs[:2]:
		page.get_by_label(f"Choose {run}").check()
	page.get_by_role("button", name="Cancel them").click()
	page.get_by_role("dialog").get_by_label("Reason").fill("Not any more")
	page.get_by_role("dialog").get_by_role("button", name="Cancel them").click()
	expect(page.locator(".fe-run-row").get_by_text("Cancelled", exact=True)).to_have_count(2)
	assert [served.run(run)["status"] for run in runs] == ["cancelled", "cancelled", "running"]
	# Runs of different statuses have nothing in common that could be done.
	page.get_by_label("Choose all that are shown").check()
	expect(page.get_by_role("group", name="For the chosen runs").get_by_role("button")).to_have_count(0)


def test_more_runs_are_shown_when_asked_for(served, open_page):
	template = served.flow("Many", flow(step("a")))["name"]
	for _ in range(52):
		served.api("runs.start", template="Many")
	page = open_page()
	page.goto(f"{served.url}/runs?template={template}")
	expect(page.locator(".fe-run-row")).to_have_count(50)
	page.get_by_role("button", name="Show more").click()
	expect(page.locator(".fe-run-row")).to_have_count(52)
	expect(page.get_by_role("button", name="Show more")).to_have_count(0)


def test_a_run_is_started_from_the_flow(served, open_page):
	page = open_page()
	page.goto(f"{served.url}/templates/{served.waits}")
	page.get_by_role("button", name=re.compile("^Runs")).click()
	page.get_by_role("button", name="Start a run…").click()
	page.get_by_role("button", name="Start", exact=True).click()
	expect(page.locator(".fe-run-status")).to_have_text("Running")
	expect(page.get_by_role("list", name="Needs somebody")).to_contain_text("Somebody looks")
