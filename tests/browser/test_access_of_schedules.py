"""axe-core on the pages of schedules: light and dark, wide and narrow, with their dialogs open."""

import pytest
from playwright.sync_api import expect
from test_access import serious

from flow_engine.testing.builders import flow, step
from flow_engine.testing.served import ServedHost

SCHEMA = {
	"type": "object",
	"required": ["region"],
	"properties": {"region": {"type": "string", "enum": ["north", "south"]}, "urgent": {"type": "boolean"}},
}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
	with ServedHost(tmp_path_factory.mktemp("access")) as server:
		server.api("documents.put", doc={"doctype": "Issue", "name": "ISS-1", "status": "Open"})
		flow_template = server.flow("Report", {**flow(step("a")), "payload_schema": SCHEMA})["name"]
		values = {"flow_template": flow_template, "payload": {"region": "north"}, "timezone": "Europe/Paris"}
		open_issues = {"field": "doc.status", "op": "==", "value": "Open"}
		server.schedule = server.api(
			"schedules.create",
			values={
				**values,
				"schedule_name": "Each open issue",
				"cron": "30 2 * * *",
				"day_policy": "skip",
				"fan_out_doctype": "Issue",
				"fan_out_condition": open_issues,
			},
		)["schedule"]["name"]
		paused = {**values, "schedule_name": "Paused", "cron": "0 9 * * 1-5"}
		server.api("schedules.pause", name=server.api("schedules.create", values=paused)["schedule"]["name"])
		server.api("schedules.fire_now", name=server.schedule, reason="To try it")
		yield server


def pressed(name):
	return lambda page: page.get_by_role("button", name=name, exact=True).first.click()


def refused(page):
	pressed("New schedule")(page)
	form = page.get_by_role("dialog")
	form.get_by_label("How often").select_option("raw")
	form.get_by_label("Cron line: minute").fill("nonsense")
	expect(form.locator(".fe-timing .fe-fault")).to_be_visible()
	form.get_by_role("button", name="Create").click()
	expect(form.locator(".fe-fault").nth(2)).to_be_visible()


def changed(page):
	pressed("Change…")(page)
	expect(page.get_by_role("dialog").locator(".fe-matches")).to_be_visible()


def seen(selector):
	return lambda page: expect(page.locator(selector).first).to_be_visible()


SHOWN = {
	"the list": ("/schedules", seen(".fe-schedule-row")),
	"an empty list": ("/schedules?search=nothing", seen("text=No schedule fits.")),
	"a new schedule": ("/schedules", pressed("New schedule")),
	"one that is refused": ("/schedules", refused),
	"pausing": ("/schedules", pressed("Pause Each open issue")),
	"a schedule": ("/schedules/{schedule}", seen(".fe-fire-row")),
	"changing it": ("/schedules/{schedule}", changed),
	"firing it": ("/schedules/{schedule}", pressed("Fire now…")),
}


@pytest.mark.parametrize("look", ((1360, "light"), (1360, "dark"), (375, "dark")), ids=str)
@pytest.mark.parametrize("what", SHOWN)
def test_nothing_serious_is_wrong_with(served, open_page, what, look):
	path, show = SHOWN[what]
	width, scheme = look
	page = open_page(width=width, height=900, scheme=scheme)
	page.goto(served.url + path.format(schedule=served.schedule))
	show(page)
	assert serious(page) == []
