"""A date of a document as what starts a flow: set in the panel, said on the card, kept by the server."""

import pytest
from panel_page import Panel
from playwright.sync_api import expect
from tree_page import Tree

from flow_engine.testing.builders import flow, issue
from flow_engine.testing.served import ServedHost


@pytest.fixture(scope="module")
def served(tmp_path_factory):
	with ServedHost(tmp_path_factory.mktemp("dates")) as server:
		yield server


@pytest.fixture
def panel(served, open_page, request):
	"""The trigger's panel of a new flow that is started by hand."""
	made = served.api(
		"templates.create", template_name=request.node.name, flow_definition=flow(issue("i", label="Ticket"))
	)
	shown = Panel(Tree(open_page(), served, made["template"]["name"]), "Ticket")
	shown.page.locator(".fe-card.fe-trigger").click()
	expect(shown.field("When")).to_be_visible()
	return shown


def choose(panel, label, text):
	panel.field(label).fill(text)
	panel.root.locator(".fe-pick").get_by_role("option", name=text).first.click()


def test_a_flow_starts_so_long_before_a_date_at_a_time_of_day(panel):
	panel.field("When").select_option(label="A date of a document comes…")
	choose(panel, "Document type", "Contract")
	choose(panel, "Its date", "End Date")
	panel.field("Before or after the date").select_option(label="before it")
	panel.field("How many").fill("14")
	panel.field("At").fill("08:30")
	expect(panel.root.get_by_role("heading")).to_have_text("14 days before End Date of a Contract at 08:30")
	assert panel.trigger() == {
		"event": "date",
		"condition": "",
		"doctype": "Contract",
		"field": "end_date",
		"offset_days": -14,
		"time": "08:30",
	}
	expect(panel.page.locator(".fe-card.fe-trigger")).to_contain_text("14 days before End Date")
	panel.field("On weekends and holidays").select_option("previous")
	panel.field("Days or hours").select_option("hours")
	assert {key: panel.trigger()[key] for key in ("offset_hours", "day_policy")} == {
		"offset_hours": -14,
		"day_policy": "previous",
	}
	assert "offset_days" not in panel.trigger()
	panel.field("Before or after the date").select_option(label="on the date itself")
	assert "offset_hours" not in panel.trigger()


def test_what_is_missing_of_a_date_is_said_in_its_place_and_leaves_with_it(panel):
	panel.field("When").select_option(label="A date of a document comes…")
	expect(panel.place("trigger.doctype").locator(".fe-fault")).to_be_visible()
	expect(panel.place("trigger.field").locator(".fe-fault")).to_be_visible()
	choose(panel, "Document type", "Contract")
	choose(panel, "Its date", "End Date")
	expect(panel.root.locator(".fe-fault")).to_have_count(0)
	panel.field("When").select_option(label="Started by hand")
	assert panel.trigger() == {"event": "manual", "condition": ""}
