"""Versions on a real site: who may do what, runs moved by a real worker, the history in the desk."""

# ruff: noqa: F811  (fixtures that are imported have the names of the arguments)
from __future__ import annotations

import json
import re

import pytest
from flows import definition, issue, step
from playwright.sync_api import expect
from processes import eventually
from test_desk import CHROMIUM, browser, desk, open_form  # noqa: F401  (fixtures)

WAITS = step("ask", trigger="manual", label="Ask")


@pytest.fixture
def two_versions(callers, flow, start, settled, worker):
	"""A flow that is on with two versions, and a run that waits on the first: `(template, run, first)`."""
	manager = callers["manager"]
	template = flow(WAITS, issue("tell", "Hello", after=["ask"], label="Tell them"))
	run = start(template)
	first = settled(run, "running", ask="waiting")["template_version"]
	changed = definition(WAITS, issue("tell", "Good day", after=["ask"], label="Tell them"), step("new"))
	assert manager.post("templates.update", name=template, flow_definition=changed)[0] == 200
	assert manager.post("templates.publish", name=template, note="Friendlier words")[0] == 200
	return template, run, first


CALLS = [
	("templates.history", {}),
	("templates.diff", {}),
	("templates.migration", {"version": 1}),
	("templates.roll_back", {"version": 1}),
	("templates.retire", {}),
	("templates.bring_back", {}),
	("runs.migrate", {}),
]


def test_versions_are_for_managers(callers, two_versions):
	template, run, _first = two_versions
	for path, arguments in CALLS:
		for who in ("user", "guest"):
			status, body = callers[who].post(path, name=template, run=run, **arguments)
			assert status == 403, (who, path, status, body)


def test_rolling_back_to_what_is_not_there_is_a_coded_problem(manager, two_versions):
	template = two_versions[0]
	for version, status, code in ((9_999, 404, "template_not_found"), ("x", 400, "bad_input")):
		answer = manager.post("templates.roll_back", name=template, version=version)
		assert (answer[0], answer[1]["code"]) == (status, code)


def test_all_runs_of_a_version_are_moved_by_a_job_and_it_is_written_down(
	manager, two_versions, settled, site, people
):
	template, run, first = two_versions
	told = manager.get("templates.migration", name=template, version=first)[1]["message"]
	assert (told["count"], told["can"]) == (1, 1)
	answer = manager.post(
		"runs.bulk",
		action="migrate",
		filters={"template": template, "version": first},
		version=told["to"],
		reason="new words",
	)[1]["message"]
	assert answer["count"] == 1
	moved = eventually(
		lambda: (view := settled(run, "running")) and view["template_version"] == told["to"] and view,
		"the run being moved",
	)
	assert {one["id"]: one["status"] for one in moved["steps"]}.keys() == {"ask", "tell", "new"}
	row = site(
		"""frappe.get_all("Flow Audit Event", {"flow_run": run, "event_type": "run.migrated"},
		["user", "reason", "details"])[0]""",
		run=run,
	)
	assert (row["user"], row["reason"]) == (people["manager"]["email"], "new words")
	details = json.loads(row["details"])
	assert (details["from"], details["to"]) == (first, told["to"])
	manager.post("runs.complete", run=run, step_id="ask")
	settled(run, "completed", ask="done", tell="done", new="done")


def test_a_retired_flow_is_started_by_no_door_of_the_site(manager, two_versions, settled, callers):
	template, run, _first = two_versions
	assert manager.post("templates.retire", name=template, reason="gone")[0] == 200
	refused = [
		callers["user"].post("runs.start", template=template),
		manager.post("templates.update", name=template, is_active=1),
		manager.resource("PUT", "Flow Template", template, is_active=1),
	]
	assert [status for status, _body in refused] == [409, 409, 409], refused
	# The framework's own door changes no field that only retiring writes.
	manager.resource("PUT", "Flow Template", template, is_retired=0)
	assert manager.get("templates.get", name=template)[1]["message"]["template"]["is_retired"] == 1
	manager.post("runs.complete", run=run, step_id="ask")
	settled(run, "completed", ask="done")
	assert manager.post("templates.bring_back", name=template)[0] == 200


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")
def test_the_forms_history_compares_and_leads_to_the_runs(desk, two_versions):
	template, _run, first = two_versions
	page = desk("manager")
	open_form(page, "flow-template", template)
	page.get_by_role("tab", name="Versions").click()
	versions = page.get_by_role("list", name="Versions").get_by_role("listitem")
	expect(versions).to_have_count(2)
	expect(versions.nth(0)).to_contain_text("Friendlier words")
	versions.nth(0).get_by_role("button", name="What changed").click()
	compared = page.get_by_role("region", name="Two versions compared")
	compared.get_by_role("button", name="As text").click()
	expect(compared).to_contain_text("Subject is now “Good day” (was “Hello”)")
	compared.get_by_role("button", name="Close the comparison").click()
	versions.nth(1).get_by_role("link", name="1 Running").click()
	page.wait_for_url(re.compile(r"/app/flow-run"))
	expect(page.locator(".list-row")).to_have_count(1)
	expect(page.locator("[data-fieldname=template_version] input").first).to_have_value(str(first))


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")
def test_a_version_is_rolled_back_in_the_desks_editor(desk, two_versions, manager):
	template, _run, first = two_versions
	page = desk("manager")
	open_form(page, "flow-template", template)
	page.get_by_role("button", name=re.compile(r"^Published v\d+$")).click()
	panel = page.get_by_role("region", name="Versions of the flow")
	panel.get_by_role("button", name="Roll back to it…").click()
	dialog = page.locator(".modal.show:visible").last
	expect(dialog).to_have_css("opacity", "1")
	page.wait_for_timeout(500)
	dialog.locator("textarea").fill("It was better")
	dialog.locator(".btn-modal-primary:visible").last.click()
	expect(panel.get_by_role("listitem")).to_have_count(3)
	versions = manager.get("templates.history", name=template)[1]["message"]["versions"]
	assert (versions[0]["restored_from"], versions[0]["note"]) == (first, "It was better")
