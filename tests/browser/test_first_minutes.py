"""The first minutes with the editor, by keyboard and mouse: the sentence, a name, a wait, a condition."""

import re

import pytest
from playwright.sync_api import expect
from tree_page import Tree

from flow_engine.testing.served import ServedHost


@pytest.fixture(scope="module")
def served(tmp_path_factory):
	with ServedHost(tmp_path_factory.mktemp("minutes")) as server:
		server.api("documents.put", doc={"doctype": "Contract", "name": "CON-1", "start_date": "2026-12-20"})
		yield server


@pytest.fixture
def tree(served, open_page):
	return Tree(open_page(), served, path="/new")


def test_enter_takes_the_kind_of_document_that_was_typed_in_part(served, open_page):
	page = open_page()
	page.goto(served.url)
	page.locator("#fe-new-doctype").click()
	page.keyboard.type("contr")
	expect(page.locator(".fe-values-option")).to_have_text(["Contract"])
	page.keyboard.press("Enter")
	expect(page.locator("#fe-new-doctype")).to_have_value("Contract")
	page.locator("#fe-new-event").select_option(label="A contract is signed")


def test_a_kind_of_document_nobody_knows_yet_may_be_typed(served, open_page):
	page = open_page()
	page.goto(served.url)
	page.locator("#fe-new-doctype").click()
	page.keyboard.type("Router Swap")
	page.keyboard.press("Enter")
	expect(page.locator("#fe-new-doctype")).to_have_value("Router Swap")


def test_what_is_typed_at_once_names_the_new_step(tree):
	tree.add("Add a step at the start", "Issue")
	expect(tree.page.get_by_label("Name of the step")).to_be_focused()
	tree.page.keyboard.type("Look into it")
	expect(tree.card("Look into it")).to_be_visible()


def test_the_panel_of_a_wait_opens_on_when_and_the_next_one_where_it_was(tree):
	tab = tree.page.get_by_role("tab", name=re.compile("^When"))
	tree.add("Add a step at the start", "Issue")
	expect(tab).to_have_attribute("aria-selected", "false")
	tree.add("Add a step after Issue", "Wait: On a date")
	expect(tab).to_have_attribute("aria-selected", "true")
	tree.card("Issue").click()
	expect(tab).to_have_attribute("aria-selected", "false")


def test_a_condition_without_content_does_not_claim_to_hold(tree):
	tree.add("Add a step at the start", "Condition")
	expect(tree.page.get_by_text("Nothing to compare yet.")).to_be_visible()
	expect(tree.page.get_by_text("No condition: always.")).to_have_count(0)
