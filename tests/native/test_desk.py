"""The desk in a real browser: what operators see of flows, runs and jobs, and what they can do there."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
from conftest import unique
from flows import definition, issue, step
from people import PASSWORD
from playwright.sync_api import Page, expect, sync_playwright

IMAGES = Path(__file__).resolve().parent.parent.parent / "docs" / "images"
HOSTILE = 'X <img src=x onerror="window.hacked=1"> مرحبا 🛠'
# What framework and ERPNext say by themselves, without a socket server and of settings that a role may not
# read, is not about this app.
NOT_OURS = re.compile(
	r"Support Settings|socket\.io|WebSocket|favicon|Failed to load resource|ResizeObserver|gravatar", re.I
)
# What tests make has their mark in its name, which is nothing for readers of the pictures.
WITHOUT_MARKS = r"""() => {
	const plain = (text) => text.replace(/\bNative /g, "").replace(/ [0-9a-f]{8}\b/g, "");
	const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	const put = (node, key) => plain(node[key]) !== node[key] && (node[key] = plain(node[key]));
	while (texts.nextNode()) put(texts.currentNode, "data");
	document.querySelectorAll("input").forEach((input) => put(input, "value"));
}"""
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")


@pytest.fixture(scope="module")
def browser():
	with sync_playwright() as playwright:
		opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
		yield opened
		opened.close()


@pytest.fixture
def desk(browser, url, people):
	"""A maker of logged-in pages: `desk("manager")`. Errors in the console fail the test."""
	contexts, errors = [], []

	def open_as(who: str, width: int = 1280) -> Page:
		context = browser.new_context(viewport={"width": width, "height": 900}, base_url=url, locale="en-US")
		contexts.append(context)
		page = context.new_page()
		page.set_default_timeout(30_000)
		page.on("pageerror", lambda error: errors.append(f"{error}\n{error.stack}"))
		page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
		reply = context.request.post("/api/method/login", form={"usr": people[who]["email"], "pwd": PASSWORD})
		assert reply.ok
		return page

	yield open_as
	for context in contexts:
		context.close()
	assert [error for error in errors if not NOT_OURS.search(error)] == []


@pytest.fixture
def about(site, customer) -> str:
	"""An Issue of the customer, for a run to be about."""
	return site(
		"frappe.get_doc({'doctype': 'Issue', 'subject': s, 'customer': c}).insert().name",
		s=unique("No internet since this morning"),
		c=customer,
	)


def picture(page: Page, name: str) -> None:
	if os.environ.get("FLOW_ENGINE_SCREENSHOTS"):
		IMAGES.mkdir(parents=True, exist_ok=True)
		page.wait_for_timeout(1_500)
		page.evaluate(WITHOUT_MARKS)
		page.screenshot(path=str(IMAGES / f"{name}.png"))


def open_form(page: Page, doctype: str, name: str) -> None:
	page.goto(f"/app/{doctype}/{name}")
	page.wait_for_selector(".form-page:visible")


def fits(page: Page) -> bool:
	return page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_flow_templates_are_listed_with_their_state(desk):
	page = desk("manager")
	page.goto("/app/flow-template?template_name=residential_onboarding")
	expect(page.locator(".list-row", has_text="residential_onboarding").first).to_be_visible()
	expect(page.locator(".list-row .indicator-pill").first).to_be_visible()


def test_a_template_is_drawn_as_a_tree(desk, site):
	name = site("frappe.db.get_value('Flow Template', {'template_name': 'residential_onboarding'})")
	page = desk("manager")
	open_form(page, "flow-template", name)
	tree = page.get_by_role("tree")
	for text in ("When a contract is signed", "Dispatch the installation", "Welcome SMS"):
		expect(tree).to_contain_text(text)
	for lane in ("Yes", "No", "If it fails"):
		expect(page.locator(".fe-editor").get_by_text(lane, exact=True).first).to_be_visible()
	expect(page.get_by_text("This is a system flow")).to_be_visible()
	expect(page.get_by_role("button", name="Runs").first).to_be_visible()


def test_a_broken_draft_shows_its_problems_and_hostile_text_as_text(desk, callers):
	broken = definition(step("a", "no_such_kind", label=HOSTILE), step("b", parent="a", branch="<i>"))
	body = callers["manager"].post(
		"templates.create", template_name=unique(HOSTILE), category="other", flow_definition=broken
	)[1]
	page = desk("manager")
	open_form(page, "flow-template", body["message"]["template"]["name"])
	expect(page.locator(".fe-name", has_text=HOSTILE)).to_be_visible()
	page.locator(".fe-problems button").first.click()
	expect(page.get_by_role("dialog")).to_contain_text("no_such_kind")
	page.keyboard.press("Escape")
	page.get_by_role("button", name="Publish…").click()
	expect(page.locator(".desk-alert").first).to_contain_text("must be solved first")
	assert page.evaluate("window.hacked") is None


def test_a_flow_is_started_from_its_template(desk, flow, about, worker):
	template = flow(
		step("a", label="Look at it"),
		trigger={"event": "manual", "condition": "", "doctype": "Issue"},
		applies_to="Issue",
	)
	page = desk("manager")
	open_form(page, "flow-template", template)
	page.get_by_role("button", name="Start…").first.click()
	page.locator(".modal.show [data-fieldname=docname] input").fill(about)
	page.locator(".modal.show [data-fieldname=docname] input").press("Tab")
	page.locator(".modal.show .btn-modal-primary, .modal.show .btn-primary").last.click()
	page.wait_for_url(re.compile("/app/flow-run/FR-"))


def test_a_finished_run_reads_as_the_tree_it_took(desk, flow, settled, worker, callers, about):
	template = flow(
		step(
			"check",
			"condition",
			label="Is it urgent?",
			payload={"field": "doc.priority", "op": "==", "value": "x"},
		),
		step("now", label="Call the customer", parent="check", branch="yes"),
		step(
			"job",
			"dispatch_job",
			label="Send a technician",
			parent="check",
			branch="no",
			payload={
				"subject": "Repair – {{customer.customer_name}}",
				"job_type": "Repair",
				"priority": "high",
			},
		),
		issue("note", f"{unique('Follow up')}", label="Write down what to follow up", after=["job"]),
		template_name=unique("Repair"),
	)
	run = callers["manager"].post("runs.start", template=template, doctype="Issue", docname=about)[1][
		"message"
	]["run"]
	settled(run, "completed")
	page = desk("manager")
	open_form(page, "flow-run", run)
	steps = page.locator("[data-fieldname=steps_html]")
	for text in ("Is it urgent?", "Send a technician", "Not taken", "DJ-"):
		expect(steps).to_contain_text(text)
	steps.locator("#fe-card-job").click()
	expect(steps.get_by_role("link", name=re.compile("DJ-")).first).to_be_visible()
	expect(
		page.locator(".indicator-pill:visible", has_text=re.compile("completed", re.I)).first
	).to_be_visible()
	picture(page, "flow-run")
	phone = desk("manager", width=375)
	open_form(phone, "flow-run", run)
	expect(phone.locator("[data-fieldname=steps_html]")).to_contain_text("Send a technician")
	phone.locator("#fe-card-job").scroll_into_view_if_needed()
	expect(phone.locator("#fe-card-job")).to_be_in_viewport()
	assert fits(phone)
	picture(phone, "flow-run-phone")


def test_a_failed_step_says_why_and_is_tried_again(desk, flow, start, settled, worker, site):
	missing = unique("target")
	run = start(
		flow(
			step(
				"a",
				"erp_update",
				label=HOSTILE,
				payload={"doctype": "Issue", "docname_ref": missing, "fields_json": '{"priority": "Low"}'},
			)
		)
	)
	settled(run, "failed")
	page = desk("manager")
	open_form(page, "flow-run", run)
	expect(page.locator("[data-fieldname=steps_html]")).to_contain_text("is not there")
	expect(page.locator("[data-fieldname=steps_html]")).to_contain_text(HOSTILE)
	assert page.evaluate("window.hacked") is None
	site(
		"""
		doc = frappe.get_doc({"doctype": "Issue", "subject": name}).insert()
		frappe.rename_doc("Issue", doc.name, name, force=True)
		""",
		name=missing,
	)
	page.get_by_role("button", name=re.compile("^Try again: ")).first.click()
	page.get_by_role("dialog").get_by_role("button", name="Try again").click()
	settled(run, "completed")


def test_a_flow_user_fires_the_step_that_is_meant_for_them(
	desk, flow, settled, worker, callers, about, people
):
	template = flow(
		step("mine", label="Agree a date", trigger={"type": "manual", "assignee": people["user"]["email"]}),
		step("other", label="Approve it", trigger={"type": "manual", "role": "Accounts Manager"}),
	)
	run = callers["manager"].post("runs.start", template=template, doctype="Issue", docname=about)[1][
		"message"
	]["run"]
	settled(run, "running", mine="waiting", other="waiting")
	page = desk("user", width=375)
	open_form(page, "flow-run", run)
	expect(page.locator("[data-fieldname=steps_html]")).to_contain_text("Approve it")
	expect(page.get_by_role("tree")).to_contain_text("Approve it")
	expect(page.get_by_role("button", name="Confirm: Approve it")).to_have_count(0)
	page.get_by_role("button", name="Confirm: Agree a date").first.click()
	page.get_by_role("dialog").get_by_role("button", name="Confirm").click()
	settled(run, "running", mine="done", other="waiting")
	assert fits(page)


def test_runs_are_among_the_connections_of_what_they_touched(
	desk, flow, settled, worker, callers, about, customer
):
	template = flow(
		step(
			"a",
			"erp_update",
			payload={
				"doctype": "Customer",
				"docname_ref": "{{customer.name}}",
				"fields_json": '{"customer_details": "Seen"}',
			},
		)
	)
	run = callers["manager"].post("runs.start", template=template, doctype="Issue", docname=about)[1][
		"message"
	]["run"]
	settled(run, "completed")
	page = desk("manager")
	for doctype, name in (("issue", about), ("customer", customer)):
		open_form(page, doctype, name)
		page.wait_for_selector(".flow-engine-connections", state="attached")
		expect(page.locator(".flow-engine-connections").first).to_contain_text("Flow Run")


def test_a_dispatch_job_is_scheduled_and_found_in_list_and_calendar(desk, site, customer, callers):
	status, body = callers["user"].resource(
		"POST",
		"Dispatch Job",
		subject=f"Fibre installation – {customer.split(' ', 1)[1]}",
		customer=customer,
		job_type="Installation",
		priority="High",
		duration_h=2,
		assigned_group="Installers",
		status="Scheduled",
		scheduled_time="2026-11-23 09:00:00",
		description="Ring twice; the dog is friendly.",
	)
	assert status == 200, body
	job = body["data"]["name"]
	page = desk("user")
	open_form(page, "dispatch-job", job)
	expect(page.locator(".indicator-pill:visible", has_text="Scheduled").first).to_be_visible()
	expect(page.get_by_role("button", name="Start").first).to_be_visible()
	picture(page, "dispatch-job")
	page.goto("/app/dispatch-job/view/list")
	expect(page.locator(".list-row", has_text="Fibre installation").first).to_be_visible()
	page.goto("/app/dispatch-job/view/calendar/default")
	page.wait_for_selector(".fc-view, .fc-view-harness, .fc-view-container")
