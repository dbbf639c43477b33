"""A whole flow is built with the keyboard alone: what an operator types is what the server has."""

import pytest
from by_keys import Keys, build_onboarding
from playwright.sync_api import expect
from tree_page import Tree

from flow_engine.testing.served import ServedHost


@pytest.fixture(scope="module")
def served(tmp_path_factory):
	with ServedHost(tmp_path_factory.mktemp("keys")) as server:
		contract = {
			"doctype": "Contract",
			"name": "CON-1",
			"start_date": "2026-12-20",
			"contract_value": 9000,
		}
		server.api("documents.put", doc=contract)
		yield server


def test_a_flow_is_built_by_keys_alone(served, open_page):
	tree = Tree(open_page(), served, path="/new")
	build_onboarding(Keys(tree.page), "contract value")
	tree.press("Control+s")
	expect(tree.page.get_by_role("dialog")).to_be_visible()
	tree.page.keyboard.type("Onboarding by keys")
	tree.press("Enter")
	expect(tree.page.locator(".fe-saved")).to_have_text("Saved")
	tree.name = "Onboarding by keys"
	assert tree.stored()["trigger"]["condition"] == {"field": "doc.contract_value", "op": ">", "value": 5000}
	assert served.api("templates.validate", definition=tree.stored())["problems"] == []
