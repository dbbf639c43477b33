"""The history of a flow in a real browser: comparing, rolling back, retiring, moving runs along."""

import re

import pytest
from playwright.sync_api import expect
from tree_page import Tree

from flow_engine.testing.builders import flow, issue, step
from flow_engine.testing.served import ServedHost

FIRST = flow(
	step("ask", label="Ask", when="manual"),
	issue("tell", "Hello", after=["ask"], label="Tell them"),
	step("old", after=["tell"], label="Old step"),
)
SECOND = flow(
	step("ask", label="Ask", when="manual"),
	issue("tell", "Good day", after=["ask"], label="Tell them"),
	step("new", after=["tell"], label="New step"),
)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
	with ServedHost(tmp_path_factory.mktemp("versions")) as server:
		yield server


@pytest.fixture
def made(served, request):
	"""The name of a flow that is on, with two published versions and one run waiting on the first."""
	name = request.node.name
	template = served.api("templates.create", template_name=name, flow_definition=FIRST)["template"]["name"]
	served.api("templates.update", name=template, is_active=1)
	served.api("runs.start", template=template, wait_seconds=5)
	served.api("templates.update", name=template, flow_definition=SECOND)
	served.api("templates.publish", name=template, note="Friendlier words")
	return template


def template(served, name):
	return served.get("templates.get", name=name)["template"]


def history(page):
	page.get_by_role("button", name=re.compile(r"^Published v\d+$")).click()
	return page.get_by_role("list", name="Versions").get_by_role("listitem")


def test_the_history_says_who_published_what_why_and_which_runs_are_on_it(served, open_page, made):
	page = Tree(open_page(), served, made).page
	versions = history(page)
	expect(versions).to_have_count(2)
	expect(versions.nth(0)).to_contain_text("Published")
	expect(versions.nth(0)).to_contain_text("Friendlier words")
	expect(versions.nth(1)).to_contain_text("Superseded")
	versions.nth(1).get_by_role("link", name="1 Running").click()
	page.wait_for_url(re.compile(r"/runs\?.*version=\d+"))
	expect(page.get_by_role("list", name="Runs").get_by_role("listitem")).to_have_count(1)


def test_two_versions_are_drawn_on_one_tree_and_told_field_by_field(served, open_page, made):
	tree = Tree(open_page(), served, made)
	page = tree.page
	history(page).nth(0).get_by_role("button", name="What changed").click()
	compared = page.get_by_role("region", name="Two versions compared")
	for label, mark in (("Tell them", "Changed"), ("Old step", "Removed"), ("New step", "Added")):
		card = compared.locator(".fe-card", has=page.locator(".fe-name", has_text=label))
		expect(card.locator(".fe-card-badge")).to_have_text(mark)
	compared.locator(".fe-card", has=page.locator(".fe-name", has_text="Tell them")).click()
	change = compared.get_by_role("region", name="Step “Tell them”")
	expect(change.locator("del")).to_have_text("“Hello”")
	expect(change.locator("ins")).to_have_text("“Good day”")
	compared.get_by_role("button", name="As text").click()
	expect(compared.get_by_role("listitem")).to_have_text(
		[
			"Step “Tell them”: Subject is now “Good day” (was “Hello”)",
			"Step “Old step”: removed",
			"Step “New step”: added",
		],
		use_inner_text=True,
	)
	tree.press("Escape")
	expect(compared).to_have_count(0)
	expect(tree.card("New step")).to_be_visible()
	# Whoever works by keys goes on in the tree.
	assert tree.focused() == "When somebody starts it"


def test_the_draft_on_the_screen_is_compared_without_saving_it(served, open_page, made):
	tree = Tree(open_page(), served, made)
	tree.card("New step").click()
	tree.press("Escape", "Delete")
	tree.page.get_by_role("button", name=re.compile("^Draft: 1 change")).click()
	compared = tree.page.get_by_role("region", name="Two versions compared")
	card = compared.locator(".fe-card", has=tree.page.locator(".fe-name", has_text="New step"))
	expect(card.locator(".fe-card-badge")).to_have_text("Removed")
	assert len(template(served, made)["flow_definition"]["steps"]) == 3


def test_rolling_back_asks_about_a_draft_and_keeps_it(served, open_page, made):
	tree = Tree(open_page(), served, made)
	page = tree.page
	tree.card("New step").click()
	tree.press("Escape", "Control+d")
	before = template(served, made)["published_version"]
	history(page).nth(1).get_by_role("button", name="Roll back to it…").click()
	question = page.get_by_role("dialog", name=re.compile("^Roll back to version"))
	question.get_by_role("textbox").fill("It was better")
	question.get_by_role("button", name="Roll back", exact=True).click()
	draft = page.get_by_role("dialog", name="The draft has changes that nobody published")
	draft.get_by_role("button", name="Roll back", exact=True).click()
	expect(page.get_by_role("list", name="Versions").get_by_role("listitem")).to_have_count(3)
	now = template(served, made)
	assert now["published_version"] > before
	assert len(now["flow_definition"]["steps"]) == 4
	expect(tree.card("Old step")).to_have_count(0)


def test_a_version_that_is_taken_into_the_draft_is_undone(served, open_page, made):
	tree = Tree(open_page(), served, made)
	history(tree.page).nth(1).get_by_role("button", name="Take into the draft").click()
	expect(tree.card("Old step")).to_be_visible()
	tree.page.get_by_role("button", name="Undo", exact=True).click()
	expect(tree.card("New step")).to_be_visible()
	expect(tree.card("Old step")).to_have_count(0)


def test_a_flow_is_retired_and_brought_back(served, open_page, made):
	page = Tree(open_page(), served, made).page
	history(page)
	page.get_by_role("button", name="Retire the flow…").click()
	question = page.get_by_role("dialog", name="Retire the flow?")
	question.get_by_role("textbox").fill("The product is gone")
	question.get_by_role("button", name="Retire", exact=True).click()
	expect(page.get_by_role("button", name="Retired", exact=True)).to_be_visible()
	expect(page.get_by_role("switch")).to_have_count(0)
	expect(page.get_by_role("button", name="Publish…")).to_have_count(0)
	expect(page.get_by_text("The product is gone")).to_be_visible()
	page.get_by_role("button", name="Bring back…").click()
	page.get_by_role("dialog").get_by_role("button", name="Bring back", exact=True).click()
	expect(page.get_by_role("switch")).not_to_be_checked()
	assert not template(served, made)["is_retired"]


def test_runs_move_to_the_newer_version_after_a_preview(served, open_page, made):
	page = Tree(open_page(), served, made).page
	versions = history(page)
	versions.nth(1).get_by_role("button", name=re.compile("^Move its runs to v")).click()
	dialog = page.get_by_role("dialog", name=re.compile("^Move runs from v"))
	expect(dialog).to_contain_text("1 can move")
	dialog.get_by_role("button", name="Move them").click()
	expect(versions.nth(0).get_by_role("link", name="1 Running")).to_be_visible()
	(run,) = served.get("runs.list", template=made)["runs"]
	assert run["template_version"] == template(served, made)["published_version"]


def test_one_run_is_moved_on_its_own_page_and_is_drawn_anew(served, open_page, made):
	(run,) = served.get("runs.list", template=made)["runs"]
	tree = Tree(open_page(), served, path=f"/runs/{run['name']}")
	expect(tree.card("Old step")).to_be_visible()
	tree.page.get_by_role("button", name="Move to the newer version").click()
	tree.page.get_by_role("dialog").get_by_role("button", name="Move to the newer version").click()
	expect(tree.card("New step")).to_be_visible()
	expect(tree.card("Old step")).to_have_count(0)


def test_switching_on_asks_which_version_runs_and_publishes_only_when_told(served, open_page, made):
	served.api("templates.update", name=made, is_active=0)
	served.api("templates.update", name=made, flow_definition=FIRST)
	before = template(served, made)["published_version"]
	page = Tree(open_page(), served, made).page
	page.get_by_role("switch").click()
	page.get_by_role("dialog").get_by_role("button", name="Switch on").click()
	expect(page.get_by_role("switch")).to_be_checked()
	assert template(served, made)["published_version"] == before
	page.get_by_role("switch").click()
	page.get_by_role("dialog").get_by_role("button", name="Switch off").click()
	expect(page.get_by_role("switch")).not_to_be_checked()
	page.get_by_role("switch").click()
	dialog = page.get_by_role("dialog")
	dialog.get_by_role("combobox").select_option("draft")
	dialog.get_by_role("button", name="Switch on").click()
	expect(page.get_by_role("switch")).to_be_checked()
	assert template(served, made)["published_version"] > before


def test_settings_that_changed_are_published_from_the_history(served, open_page, made):
	served.api("templates.update", name=made, concurrency="skip")
	page = Tree(open_page(), served, made).page
	versions = history(page)
	expect(page.get_by_text("Changed and not published yet: While a run for the same")).to_be_visible()
	page.get_by_role("region", name="Versions of the flow").get_by_role("button", name="Publish…").click()
	page.get_by_role("dialog").get_by_role("button", name="Publish", exact=True).click()
	expect(versions).to_have_count(3)
	expect(page.get_by_text("Changed and not published yet")).to_have_count(0)


def test_on_a_phone_the_tree_of_both_versions_is_seen(served, open_page, made):
	tree = Tree(open_page(width=390, height=800), served, made)
	history(tree.page).nth(0).get_by_role("button", name="What changed").click()
	compared = tree.page.get_by_role("region", name="Two versions compared")
	expect(compared.locator(".fe-card", has_text="Old step")).to_be_visible()
	compared.locator(".fe-card", has_text="Tell them").click()
	expect(compared.locator("ins")).to_have_text("“Good day”")
	width = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
	assert tree.page.evaluate(width)


def test_the_list_says_which_flows_are_retired_and_switches_none_of_them(served, open_page, made):
	served.api("templates.retire", name=made)
	title = template(served, made)["template_name"]
	page = open_page()
	page.goto(served.url + "/?is_active=retired")
	rows = page.get_by_role("list", name="Flows").get_by_role("listitem")
	row = rows.filter(has_text=title)
	expect(row).to_contain_text("Retired")
	expect(row.get_by_role("switch")).to_have_count(0)
	expect(rows).to_have_count(1)
