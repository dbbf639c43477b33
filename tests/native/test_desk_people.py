"""People in the desk: who is offered what on a run's form; the button that begins a flow from any form."""

# ruff: noqa: F811  (fixtures that are imported have the names of the arguments)
from __future__ import annotations

import pytest
from conftest import unique
from flows import step
from playwright.sync_api import expect
from test_desk import CHROMIUM, browser, desk  # noqa: F401  (fixtures)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")
expect.set_options(timeout=15_000)


@pytest.fixture
def asked(people, flow, start, settled, worker):
	"""A run whose step `ask` waits for `blind` alone."""
	ask = step("ask", label="Agree a date", trigger={"type": "manual", "users": [people["blind"]["email"]]})
	run = start(flow(ask))
	settled(run, "running", ask="waiting")
	return run


def test_only_the_people_named_are_offered_to_confirm(desk, asked):
	page = desk("manager")
	page.goto(f"/app/flow-run/{asked}")
	expect(page.get_by_role("tree")).to_contain_text("Agree a date")
	page.get_by_role("tree").get_by_text("Agree a date").first.click()
	expect(page.get_by_role("button", name="Give to somebody else: Agree a date").first).to_be_visible()
	expect(page.get_by_role("button", name="Confirm: Agree a date")).to_have_count(0)


def test_a_step_is_given_on_and_confirmed_with_a_remark(desk, asked, people, settled, site):
	page = desk("blind")
	page.goto(f"/app/flow-run/{asked}")
	page.get_by_role("button", name="Give to somebody else: Agree a date").first.click()
	dialog = page.get_by_role("dialog")
	field = dialog.locator(".fe-link-control input")
	# The desk's own control takes the first that it has found so far.
	with page.expect_response(
		lambda reply: "search_link" in reply.url and "user" in (reply.request.post_data or "")
	):
		field.fill(people["user"]["email"])
	page.wait_for_function(
		"(email) => [...document.querySelectorAll('.fe-link-control [role=option]')]"
		".some((one) => one.textContent.includes(email))",
		arg=people["user"]["email"],
		timeout=5_000,
	)
	field.press("Tab")
	expect(dialog.locator(".fe-chip-name")).to_have_text(people["user"]["email"])
	dialog.get_by_role("button", name="Give to somebody else").click()
	expect(dialog).to_have_count(0)
	page = desk("user", width=375)
	page.goto(f"/app/flow-run/{asked}")
	page.get_by_role("button", name="Confirm: Agree a date").first.click()
	page.get_by_role("dialog").get_by_label("Remark").fill("By phone")
	page.get_by_role("dialog").get_by_role("button", name="Confirm", exact=True).click()
	settled(asked, "completed")
	told = site(
		"""
		answer = frappe.get_all("Flow Audit Event", {"flow_run": run, "event_type": ("like", "run.step_%")},
			["event_type", "user", "reason"], order_by="creation, name")
		""",
		run=asked,
	)
	assert [(row["event_type"], row["user"], row["reason"] or "") for row in told] == [
		("run.step_delegated", people["blind"]["email"], ""),
		("run.step_fired", people["user"]["email"], "By phone"),
	]


def test_a_button_on_any_form_begins_a_flow_about_it(desk, site):
	name = site(
		'answer = frappe.get_doc({"doctype": "ToDo", "description": text}).insert().name', text=unique("form")
	)
	page = desk("admin")
	page.goto(f"/app/todo/{name}")
	page.wait_for_function(
		f"() => window.cur_frm?.doc?.name === {name!r} && window.flow_engine?.quick_button"
	)
	page.evaluate(
		"""() => flow_engine.quick_button(cur_frm, {
			label: "Automate", applies_to: "ToDo", trigger_event: "doc_event"
		})"""
	)
	page.get_by_role("button", name="Automate").click()
	editor = page.locator(".fe-desk-dialog")
	expect(editor.get_by_role("tree")).to_contain_text("ToDo")
