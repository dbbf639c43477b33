"""By when something has to be done: said in the panel, drawn on the tree, and what became late in a run."""

import json
import re
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta

import pytest
from panel_page import Panel
from playwright.sync_api import expect
from tree_page import Tree

from flow_engine.testing.builders import flow, issue, step
from flow_engine.testing.served import ServedHost


@pytest.fixture(scope="module")
def served(tmp_path_factory):
	with ServedHost(tmp_path_factory.mktemp("service_levels")) as server:
		yield server


def approval(**sla):
	return flow(
		step("ask", label="Approve the order", when="manual", sla={"warn": "2d", "breach": "3d", **sla}),
		issue("boss", "Late", parent="ask", branch="sla_breach", label="Ask the boss"),
		issue("ship", "Ship", parent="ask", label="Ship it"),
	)


def make_late(served, run, days):
	"""As if its step had been ready so many days longer."""
	with closing(sqlite3.connect(served.database, timeout=30)) as database, database:
		row = database.execute("SELECT step_state FROM `tabFlow Run` WHERE name = ?", [run]).fetchone()
		state = json.loads(row[0])
		ready_at = datetime.fromisoformat(state["ask"]["ready_at"]) - timedelta(days=days)
		state["ask"]["ready_at"] = ready_at.isoformat()
		database.execute(
			"UPDATE `tabFlow Run` SET step_state = ?, sla_at = '2020-01-01 00:00:00', "
			"revision = revision + 1 WHERE name = ?",
			[json.dumps(state), run],
		)
	served.api("runs.advance", run=run)


def test_a_promise_is_made_in_the_panel_with_its_branch(served, open_page):
	name = served.flow("Promises", flow(step("ask", label="Approve", when="manual")))["name"]
	tree = Tree(open_page(), served, name)
	panel = Panel(tree, "Approve")
	panel.tab("When")
	panel.field("It must be done in time").check()
	panel.field("Late after").fill("5d")
	panel.field("Warn after").fill("3d")
	panel.field("Counted in").select_option(label="Working hours")
	panel.field("When late, ask this user").fill("boss@example.com")
	panel.field("When late, ask this user").blur()
	expect(panel.place("sla")).to_contain_text("Late after 5 days of working time.")
	expect(tree.card("Approve").locator(".fe-summary")).to_contain_text("within 5 days of working time")
	expect(tree.page.get_by_text("If it is late")).to_be_visible()
	assert panel.step("Approve")["sla"] == {
		"breach": "5d",
		"warn": "3d",
		"calendar": "business",
		"escalate": {"user": "boss@example.com"},
	}
	panel.field("It must be done in time").uncheck()
	assert "sla" not in panel.step("Approve")


def test_what_is_no_time_is_told_beside_its_field(served, open_page):
	name = served.flow("No time", approval())["name"]
	panel = Panel(Tree(open_page(), served, name), "Approve the order")
	panel.tab("When")
	panel.field("Late after").fill("3y")
	expect(panel.place("sla.breach")).to_contain_text("no unit")
	panel.field("Late after").fill("1d")
	expect(panel.place("sla.warn")).to_contain_text("before it is late")


def test_the_flow_itself_promises_in_its_settings(served, open_page):
	name = served.flow("Whole", flow(step("ask", label="Approve", when="manual")))["name"]
	tree = Tree(open_page(), served, name)
	tree.page.get_by_role("button", name="More", exact=True).click()
	tree.page.get_by_role("menuitem", name="Settings of the flow").click()
	settings = tree.page.locator(".fe-frame")
	settings.get_by_role("tab", name="Running").click()
	settings.get_by_label("It must be done in time").check()
	settings.get_by_label("Late after", exact=True).fill("2w")
	tree.save()
	assert tree.stored()["sla"] == {"breach": "2w"}


@pytest.mark.parametrize(("width", "scheme"), [(1360, "light"), (375, "dark")], ids=["desk", "phone"])
def test_a_late_step_is_seen_on_its_card_in_the_panel_and_in_the_list(served, open_page, width, scheme):
	title = f"Orders {width}"
	served.flow(title, approval())
	run, soon, fine = (served.api("runs.start", template=title, wait_seconds=20)["run"] for _ in range(3))
	make_late(served, run, 4)
	make_late(served, soon, 2.5)
	page = open_page(width=width, height=800, scheme=scheme)
	page.goto(f"{served.url}/runs/{run}")
	card = page.locator('.fe-card[data-step="ask"]')
	expect(card).to_contain_text("overdue since")
	expect(page.locator(".fe-run-header")).to_contain_text("Overdue")
	expect(page.locator('.fe-card[data-step="boss"]')).to_have_class(re.compile("fe-tone-done"))
	card.click()
	expect(page.locator(".fe-side")).to_contain_text("Late since")
	page.goto(f"{served.url}/runs")
	row = page.locator(".fe-run-row")
	expect(row.filter(has_text=run)).to_contain_text("Overdue")
	expect(row.filter(has_text=soon)).to_contain_text("Soon overdue")
	expect(row.filter(has_text=fine)).not_to_contain_text("verdue")
	page.get_by_label("Service level").select_option(label="Overdue")
	expect(row.filter(has_text=soon)).to_have_count(0)
	expect(row.filter(has_text=run)).to_have_count(1)


def test_the_flow_shows_how_many_runs_are_overdue_where(served, open_page):
	made = served.flow("Standing late", approval())
	run = served.api("runs.start", template="Standing late", wait_seconds=20)["run"]
	make_late(served, run, 4)
	page = open_page()
	page.goto(f"{served.url}/templates/{made['name']}")
	page.get_by_role("button", name=re.compile("^Runs")).click()
	card = page.locator('.fe-card[data-step="ask"]')
	expect(card).to_contain_text("1 overdue", timeout=20_000)
	card.click()
	expect(page.locator(".fe-standing .fe-list")).to_contain_text("Overdue")
