"""What operators do to runs and flows in the desk: with a reason each, one run or many, and pausing."""

# ruff: noqa: F811  (fixtures that are imported have the names of the arguments)
from __future__ import annotations

import pytest
from conftest import unique
from flows import issue, step
from playwright.sync_api import Page, expect
from test_desk import CHROMIUM, browser, desk, open_form  # noqa: F401  (fixtures)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")


def failing(step_id: str, **keys):
	"""A step that fails at its first attempt, for good."""
	payload = {"doctype": "Issue", "docname_ref": "there is none", "fields_json": '{"priority": "Low"}'}
	return step(step_id, "erp_update", payload=payload, **keys)


def dialog(page: Page):
	"""The dialog that is open and through with opening."""
	found = page.locator(".modal.show:visible").last
	expect(found).to_be_visible()
	expect(found).to_have_css("opacity", "1")
	page.wait_for_timeout(500)
	return found


def say(page: Page, reason: str) -> None:
	box = dialog(page)
	box.locator("[data-fieldname=reason] textarea").fill(reason)
	box.locator(".btn-modal-primary:visible").last.click()
	expect(box).to_be_hidden()


def answer(page: Page, label: str, reason: str) -> None:
	"""Give the reason that an action of the run view asks for, and do it."""
	box = page.get_by_role("dialog")
	box.get_by_label("Reason").fill(reason)
	box.get_by_role("button", name=label, exact=True).click()
	expect(box).to_be_hidden()


def audited(site, **filters) -> list[str]:
	return site(
		"""
		fields = ["event_type", "reason", "user"]
		rows = frappe.get_all("Flow Audit Event", filters, fields, order_by="name")
		# Without those of the run's own life.
		own = ("run.started", "run.completed", "run.failed", "run.reopened")
		rows = [row for row in rows if row.event_type not in own]
		answer = [f"{row.event_type}|{row.reason}|{row.user}" for row in rows]
		""",
		filters=filters,
	)


def test_a_failed_step_is_skipped_and_another_marked_done_with_reasons(
	desk, flow, start, settled, worker, site, people
):
	run = start(flow(failing("a", label="First"), failing("b", label="Second")))
	settled(run, "failed", a="failed", b="failed")
	page = desk("manager")
	open_form(page, "flow-run", run)
	page.get_by_role("button", name="Skip: First").first.click()
	answer(page, "Skip", "nobody needs it")
	settled(run, a="skipped")
	expect(page.locator(".fe-card", has_text="First")).to_contain_text("Skipped")
	page.get_by_role("button", name="Mark as done: Second").first.click()
	answer(page, "Mark as done", "done on the phone")
	settled(run, "completed", a="skipped", b="done")
	email = people["manager"]["email"]
	assert audited(site, flow_run=run, event_type=("like", "run.step_%")) == [
		f"run.step_skipped|nobody needs it|{email}",
		f"run.step_marked_done|done on the phone|{email}",
	]


def test_an_ended_run_is_replayed_from_a_step(desk, flow, start, settled, worker, site):
	run = start(flow(step("a", label="Before"), failing("b", label="It fails", after=["a"])))
	settled(run, "failed", a="done", b="failed")
	page = desk("manager")
	open_form(page, "flow-run", run)
	page.locator(".fe-card", has_text="It fails").click()
	page.get_by_role("button", name="Replay from here: It fails").first.click()
	answer(page, "Replay from here", "repaired")
	page.wait_for_function(f"!location.pathname.endsWith('{run}')")
	child = page.url.rsplit("/", 1)[-1]
	settled(child, "failed", a="done", b="failed")
	assert site("frappe.db.get_value('Flow Run', name, 'parent_run')", name=child) == run


def test_many_runs_are_cancelled_from_the_list(desk, flow, start, settled, worker, site):
	template = flow(step("a", trigger="manual"))
	runs = [start(template) for _ in range(2)]
	for run in runs:
		settled(run, "running", a="waiting")
	page = desk("manager")
	page.goto(f"/app/flow-run?flow_template={template}")
	expect(page.locator(".list-row")).to_have_count(2)
	page.locator(".list-header-subject .list-check-all").check()
	page.get_by_role("button", name="Actions").first.click()
	page.get_by_role("link", name="Cancel Runs").or_(page.locator("a", has_text="Cancel Runs")).first.click()
	say(page, "ordered twice")
	for run in runs:
		settled(run, "cancelled")
	events = audited(site, flow_template=template, event_type="run.cancelled")
	assert [event.split("|")[1] for event in events] == ["ordered twice"] * 2


def test_pausing_a_flow_asks_what_becomes_of_its_runs(desk, flow, start, settled, worker, site):
	template = flow(step("a", trigger="manual"))
	run = start(template)
	settled(run, "running", a="waiting")
	page = desk("manager")
	open_form(page, "flow-template", template)
	switch = page.get_by_role("switch", name="On")
	expect(switch).to_be_checked()
	switch.click()
	# Closing the question gives it up.
	dialog(page).locator(".btn-modal-close").click()
	page.wait_for_timeout(500)
	assert site("frappe.db.get_value('Flow Template', name, 'is_active')", name=template) == 1
	switch.click()
	dialog(page).locator("[data-fieldname=running] select").select_option("cancel")
	dialog(page).locator("[data-fieldname=reason] input").fill("new prices")
	dialog(page).locator(".btn-modal-primary:visible").last.click()
	settled(run, "cancelled")
	assert site("frappe.db.get_value('Flow Template', name, 'paused_reason')", name=template) == "new prices"
	expect(switch).not_to_be_checked()


def test_what_a_run_did_is_undone_from_its_form(desk, flow, start, settled, worker, site):
	mark = unique("undone")
	run = start(flow(issue("made", mark), step("wait", trigger="manual", after=["made"])))
	settled(run, made="done", wait="waiting")
	page = desk("manager")
	open_form(page, "flow-run", run)
	page.get_by_role("button", name="Cancel the run").first.click()
	box = page.get_by_role("dialog")
	box.get_by_label("Undo what was done").check()
	plan = box.get_by_role("list", name="What is undone, in this order")
	expect(plan).to_contain_text("Closes the Issue, unless it is resolved or closed already.")
	answer(page, "Cancel the run", "ordered twice")
	settled(run, "cancelled")
	(child,) = site("frappe.get_all('Flow Run', {'parent_run': run}, pluck='name')", run=run)
	settled(child, "completed", made="done")
	assert site("frappe.get_all('Issue', {'subject': m}, pluck='status')", m=mark) == ["Closed"]
	told = audited(site, flow_run=run, event_type=("like", "run.compensation%"))
	assert [one.split("|")[0] for one in told] == [
		"run.compensation_started",
		"run.compensation_completed",
	]
	open_form(page, "flow-run", child)
	expect(page.get_by_role("link", name=f"Undoes {run}")).to_be_visible()
