"""Schedules in the desk: made from their flow, fired, paused, and read by those who may only read."""

# ruff: noqa: F811  (fixtures that are imported have the names of the arguments)
from __future__ import annotations

import re

import pytest
from conftest import unique
from flows import definition, issue
from playwright.sync_api import Page, expect
from test_desk import CHROMIUM, HOSTILE, browser, desk, fits, open_form, picture  # noqa: F401  (fixtures)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")
expect.set_options(timeout=30_000)
SCHEMA = {
	"type": "object",
	"required": ["region"],
	"properties": {"region": {"type": "string", "enum": ["north", "south"], "title": "Region"}},
	"additionalProperties": False,
}


@pytest.fixture
def regional(callers):
	"""A published flow that wants to be given a region; its id."""
	steps = definition(issue("tell", unique("Report of {{variables.region}}")))
	body = callers["manager"].post(
		"templates.create",
		template_name=unique("Regional report"),
		category="other",
		flow_definition={**steps, "payload_schema": SCHEMA},
		is_active=1,
	)[1]
	name = body["message"]["template"]["name"]
	yield name
	for left in stored(callers, name):
		callers["manager"].post("schedules.delete", name=left["name"])
	callers["manager"].post("templates.update", name=name, is_active=0)


@pytest.fixture
def schedule(callers):
	"""`schedule(flow, name, …)` → its name; those that are left are deleted."""

	def make(template: str, name: str, **values) -> str:
		given = {"schedule_name": name, "flow_template": template, "cron": "0 9 * * 1", **values}
		status, body = callers["manager"].post("schedules.create", values=given)
		assert status == 200, body
		made.append(body["message"]["schedule"]["name"])
		return made[-1]

	made: list[str] = []
	yield make
	for name in made:
		callers["manager"].post("schedules.delete", name=name)


def stored(callers, template):
	return callers["manager"].get("schedules.list", template=template)[1]["message"]["schedules"]


def line(page: Page, name: str):
	return page.locator(".list-row", has_text=name).first


def ask(page: Page, button: str, reason: str):
	dialog = page.locator(".modal.show, .fe-dialog").last
	dialog.locator("textarea").fill(reason)
	dialog.get_by_role("button", name=button).click()


def test_a_schedule_is_made_from_its_flow_and_fired(desk, callers, regional, worker, settled):
	page = desk("manager")
	open_form(page, "flow-template", regional)
	page.get_by_role("button", name="Schedules", exact=True).first.click()
	page.wait_for_url(re.compile("/app/flow-schedule/view/list.*" + regional))
	page.locator("button.primary-action:visible, .btn-primary:visible").last.click()
	form = page.locator(".fe-schedule-form")
	expect(form.get_by_role("combobox", name="Flow", exact=True)).to_have_value(re.compile("Regional report"))
	name = unique(HOSTILE)
	form.get_by_label("Name", exact=True).fill(name)
	form.get_by_label("How often").select_option("weekdays")
	form.get_by_label("Time of day").fill("07:30")
	expect(form.get_by_role("list", name="Next times").get_by_role("listitem")).to_have_count(5)
	page.get_by_role("button", name="Create", exact=True).click()
	expect(form.locator(".fe-payload .fe-fault").first).to_be_visible()
	form.get_by_label("Region").select_option(label="south")
	page.get_by_role("button", name="Create", exact=True).click()
	view = page.locator(".fe-schedule-parts")
	expect(view).to_contain_text("Monday to Friday at")
	(made,) = stored(callers, regional)
	# The framework takes what could run out of a name that is stored.
	assert made["cron"] == "30 7 * * 1-5" and made["schedule_name"].split("<")[0] == name.split("<")[0]
	name = made["schedule_name"]
	page.get_by_role("button", name="Fire now…").click()
	ask(page, "Fire now", "To see it work")
	fired = page.get_by_role("list", name="Times it has fired").get_by_role("listitem").first
	expect(fired).to_contain_text("To see it work")
	run = fired.get_by_role("link").first.inner_text()
	view = settled(run, "completed")
	assert (view["variables"], view["schedule"]["name"]) == ({"region": "south"}, made["name"])
	manager = callers["manager"]
	(fire,) = manager.get("schedules.fires", name=made["name"])[1]["message"]["fires"]
	found = manager.get("runs.list", fire=fire["name"])[1]["message"]["runs"]
	assert [row["name"] for row in found] == [run]
	assert manager.get("runs.list", fire="%")[0] == 400
	fired.get_by_role("link").first.click()
	steps = page.locator("[data-fieldname=steps_html]")
	expect(steps.get_by_role("link", name=name)).to_be_visible()
	assert page.evaluate("window.hacked") is None


def test_schedules_are_listed_and_paused_with_a_reason(desk, callers, site, regional, schedule):
	mondays, once = unique("Mondays"), unique("One day")
	schedule(regional, mondays, payload={"region": "north"}, cron="0 9 * * 1")
	later = {"schedule_type": "once", "cron": "", "run_at": "2090-03-01T09:00"}
	schedule(regional, once, payload={"region": "south"}, **later)
	page = desk("manager")
	page.goto(f"/app/flow-schedule?flow_template={regional}")
	expect(line(page, mondays)).to_contain_text("every Monday at")
	expect(line(page, mondays)).to_contain_text("enabled")
	expect(line(page, once)).to_contain_text("once")
	for column in ("Flow", "Type", "Next fire", "Last fire", "Last error"):
		expect(page.locator(".list-row-head").get_by_text(column, exact=True)).to_be_visible()
	picture(page, "desk-schedules")
	line(page, mondays).get_by_role("button", name="Pause").click()
	ask(page, "Pause", "Not in December")
	expect(line(page, mondays)).to_contain_text("paused")
	assert {one["schedule_name"]: one["status"] for one in stored(callers, regional)} == {
		mondays: "paused",
		once: "enabled",
	}
	kept = "frappe.get_all('Flow Audit Event', {'event_type': 'schedule.paused'}, pluck='reason')"
	assert "Not in December" in site(kept)


def test_who_may_only_read_sees_the_timing_and_no_buttons(desk, regional, schedule):
	name = schedule(regional, unique("Theirs"), payload={"region": "north"})
	page = desk("user", width=375)
	open_form(page, "flow-schedule", name)
	expect(page.locator(".fe-schedule-parts")).to_contain_text("every Monday at")
	expect(page.locator(".fe-schedule-parts")).not_to_contain_text("north")
	for button in ("Change…", "Pause…", "Fire now…", "Delete…"):
		expect(page.get_by_role("button", name=button)).to_have_count(0)
	assert fits(page)
