"""Drafts in a real browser: what is saved when, what two people see who edit at once, publishing."""

import re

import pytest
from playwright.sync_api import expect
from tree_page import Tree

from flow_engine.testing.builders import flow, issue
from flow_engine.testing.served import ServedHost


@pytest.fixture(scope="module")
def served(tmp_path_factory):
	with ServedHost(tmp_path_factory.mktemp("saving")) as server:
		yield server


@pytest.fixture
def draft(served, request):
	"""The name of a new draft with the steps A → B."""
	definition = flow(issue("a", label="A"), issue("b", after=["a"], label="B"))
	made = served.api("templates.create", template_name=request.node.name, flow_definition=definition)
	return made["template"]["name"]


def switched_on(served, name):
	served.api("templates.update", name=name, is_active=1)


def saved(page):
	return page.locator(".fe-saved")


def copy_a_step(tree):
	tree.card("B").click()
	tree.press("Escape", "Control+d")


def labels(served, name):
	definition = served.get("templates.get", name=name)["template"]["flow_definition"]
	return [step["label"] for step in definition["steps"]]


def test_a_draft_that_starts_nothing_saves_itself_and_says_so(served, open_page, draft):
	tree = Tree(open_page(), served, draft)
	copy_a_step(tree)
	expect(saved(tree.page)).to_have_text("Not saved yet; saves itself")
	expect(saved(tree.page)).to_have_text("Saved on its own", timeout=20_000)
	assert len(labels(served, draft)) == 3


def test_a_flow_that_is_on_is_saved_only_when_asked(served, open_page, draft):
	switched_on(served, draft)
	tree = Tree(open_page(), served, draft)
	copy_a_step(tree)
	expect(saved(tree.page)).to_have_text("Not saved")
	# Longer than a draft would wait before it saves itself.
	tree.page.wait_for_timeout(4_000)
	assert len(labels(served, draft)) == 2
	tree.page.get_by_role("button", name="Save", exact=True).click()
	expect(saved(tree.page)).to_have_text("Saved")
	assert len(labels(served, draft)) == 3


def test_leaving_with_changes_asks_first(served, open_page, draft):
	switched_on(served, draft)
	tree = Tree(open_page(), served, draft)
	copy_a_step(tree)
	tree.page.get_by_role("link", name="Runs", exact=True).click()
	question = tree.page.get_by_role("dialog", name="Leave without saving?")
	question.get_by_role("button", name="Cancel").click()
	assert tree.page.url.endswith(f"/templates/{draft}")
	expect(saved(tree.page)).to_have_text("Not saved")
	asked = []
	tree.page.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
	tree.page.reload()
	assert asked == ["beforeunload"]
	assert len(labels(served, draft)) == 2


def test_leaving_a_draft_keeps_its_last_edit(served, open_page, draft):
	tree = Tree(open_page(), served, draft)
	copy_a_step(tree)
	tree.page.get_by_role("link", name="Runs", exact=True).click()
	expect(tree.page).to_have_url(re.compile(r"/runs$"))
	assert len(labels(served, draft)) == 3


def test_the_second_of_two_saves_is_a_conflict_and_overwrites_nothing(served, open_page, draft):
	switched_on(served, draft)
	mine, theirs = Tree(open_page(), served, draft), Tree(open_page(), served, draft)
	theirs.add("Add a step after B", "Issue")
	theirs.save()
	copy_a_step(mine)
	mine.press("Control+s")
	notice = mine.page.get_by_role("alert")
	expect(notice).to_contain_text("saved this flow meanwhile")
	assert labels(served, draft)[-1] == "Issue"
	mine.press("Control+s")
	assert labels(served, draft)[-1] == "Issue"
	notice.get_by_role("button", name="Keep mine as a copy").click()
	expect(mine.page).not_to_have_url(re.compile(f"/templates/{draft}$"))
	copy = mine.page.url.rsplit("/", 1)[-1]
	expect(mine.page.get_by_role("tree")).to_be_visible()
	assert labels(served, copy) == ["A", "B", "B 2"]
	assert labels(served, draft)[-1] == "Issue"


def test_after_a_conflict_the_saved_flow_can_be_taken(served, open_page, draft):
	mine, theirs = Tree(open_page(), served, draft), Tree(open_page(), served, draft)
	theirs.add("Add a step after B", "Issue")
	theirs.save()
	copy_a_step(mine)
	mine.press("Control+s")
	mine.page.get_by_role("alert").get_by_role("button", name="Load the saved flow").click()
	mine.page.get_by_role("dialog").get_by_role("button", name="Load the saved flow").click()
	expect(mine.card("Issue")).to_be_visible()
	expect(mine.page.get_by_role("alert")).to_have_count(0)
	copy_a_step(mine)
	mine.save()
	assert len(labels(served, draft)) == 4


def test_publishing_keeps_the_note_and_counts_the_version(served, open_page, draft):
	tree = Tree(open_page(), served, draft)
	copy_a_step(tree)
	tree.page.get_by_role("button", name="Publish…").click()
	dialog = tree.page.get_by_role("dialog")
	dialog.get_by_role("textbox").fill("A second one of B")
	dialog.get_by_role("button", name="Publish").click()
	expect(tree.page.get_by_text(re.compile(r"Published v\d+"))).to_be_visible()
	row = served.get("templates.get", name=draft)["template"]
	version = served.get("templates.version", name=draft, version=row["published_version"])
	assert version["note"] == "A second one of B"
	assert len(version["definition"]["steps"]) == 3


def test_a_flow_with_problems_is_saved_but_not_switched_on(served, open_page, draft):
	tree = Tree(open_page(), served, draft)
	tree.add("Add a step after B", "Condition")
	tree.save()
	tree.page.get_by_role("switch").click()
	expect(tree.page.locator(".fe-notice")).to_contain_text("must be solved first")
	assert not served.get("templates.get", name=draft)["template"]["is_active"]


def test_a_flow_is_switched_on_and_off_again(served, open_page, draft):
	tree = Tree(open_page(), served, draft)
	tree.page.get_by_role("switch").click()
	tree.page.get_by_role("dialog").get_by_role("button", name="Switch on").click()
	expect(tree.page.get_by_role("switch")).to_be_checked()
	assert served.get("templates.get", name=draft)["template"]["is_active"]
	tree.page.get_by_role("switch").click()
	tree.page.get_by_role("dialog").get_by_role("button", name="Switch off").click()
	expect(tree.page.get_by_role("switch")).not_to_be_checked()


def test_an_agent_flow_is_drawn_and_saved_but_not_published(served, open_page):
	tree = Tree(open_page(), served, path="/new?catalog=agent&template_name=Talk")
	tree.add("Add a step at the start", "Ask")
	expect(tree.page.get_by_role("note")).to_contain_text("cannot be published yet")
	expect(tree.page.get_by_role("button", name="Publish…")).to_have_count(0)
	tree.press("Control+s")
	expect(tree.page).to_have_url(re.compile(r"/templates/FT-"))
	assert labels(served, tree.page.url.rsplit("/", 1)[-1]) == ["Ask"]
	tree.page.reload()
	expect(tree.page.get_by_role("note")).to_contain_text("cannot be published yet")


def test_a_system_flow_is_read_and_duplicated(served, open_page, tmp_path):
	from flow_engine.service.templates import seed
	from flow_engine.sqlite_host.host import open_host

	seed(open_host(str(served.database)).templates)
	name = next(row["name"] for row in served.get("templates.list")["templates"] if row["is_system"])
	tree = Tree(open_page(), served, name)
	expect(tree.page.get_by_role("note")).to_contain_text("system flow")
	expect(tree.page.locator(".fe-plus")).to_have_count(0)
	tree.page.get_by_role("button", name="More").click()
	tree.page.get_by_role("menuitem", name="Duplicate the flow").click()
	expect(tree.page).not_to_have_url(re.compile(f"{name}$"))
	expect(tree.page.locator(".fe-plus").first).to_be_visible()


def test_a_flow_is_built_by_keys_alone(served, open_page):
	tree = Tree(open_page(), served, path="/new")
	page = tree.page
	tree.page.locator(".fe-trigger").focus()
	for kind in ("dispatch", "notify", "condition"):
		tree.press("a")
		page.keyboard.type(kind)
		tree.press("Enter")
		expect(page.get_by_role("dialog")).to_have_count(0)
		tree.press("Escape")
	assert tree.labels()[1:] == ["Dispatch job", "Notify", "Condition"]
	# From the card to the "+" of its first branch.
	tree.press("Tab")
	while page.evaluate("() => document.activeElement.getAttribute('aria-label')") != (
		"Add a step on branch yes of Condition"
	):
		tree.press("Tab")
	tree.press("Enter")
	page.keyboard.type("issue")
	tree.press("Enter", "Escape", "Alt+ArrowRight", "Control+s")
	page.get_by_role("dialog").get_by_role("textbox").fill("Made by keys")
	tree.press("Enter")
	expect(page).to_have_url(re.compile(r"/templates/FT-"))
	tree.name = page.url.rsplit("/", 1)[-1]
	assert tree.waits()["Condition"] == ["Notify"]
	assert tree.places()["Issue"] == ("Condition", "no")
	page.reload()
	expect(tree.card("Issue")).to_be_visible()
