"""Runs in a real browser: followed while they live, explained when they failed, acted on by whoever may."""

import re

import pytest
from playwright.sync_api import expect

from flow_engine.testing.builders import flow, issue, step
from flow_engine.testing.served import ServedHost

HOSTILE = "<img src=x onerror=alert(1)> & co"
WIDE = "ש" * 300 + " 😀 " + "x" * 9_000


@pytest.fixture(scope="module")
def served(tmp_path_factory):
	with ServedHost(tmp_path_factory.mktemp("runs")) as server:
		server.api("documents.put", doc={"doctype": "Issue", "name": "ISS-1", "priority": "High"})
		approval = flow(
			step("ask", label="Approve the order", when=("manual", {"timeout_hours": 48})),
			step(
				"urgent",
				"condition",
				label="Is it urgent?",
				after=["ask"],
				payload={"field": "doc.priority", "op": "==", "value": "High"},
			),
			issue(
				"tell",
				"Approved by {{steps.ask.result.input.by}}",
				parent="urgent",
				branch="yes",
				label=HOSTILE,
			),
			step("never", parent="urgent", branch="no", label="Put it aside"),
			step("later", after=["tell"], when=("after_delay", {"delay_days": 2}), label=WIDE),
		)
		approval["trigger"]["doctype"] = "Issue"
		server.flow("Order approval", approval, description=HOSTILE)
		server.flow("Never works", flow(close("needs", "GAD-404"), issue("after", after=["needs"])))
		yield server


def close(step_id, name):
	payload = {"doctype": "Gadget", "docname_ref": name, "fields_json": {"status": "Closed"}}
	return step(step_id, "erp_update", label="Close the gadget", payload=payload)


def started(served, template="Order approval", **about):
	if template == "Order approval":
		about = {"doctype": "Issue", "docname": "ISS-1"}
	return served.api("runs.start", template=template, wait_seconds=20, **about)["run"]


@pytest.fixture(params=[(1360, 900, "light"), (375, 720, "dark")], ids=["desk", "phone"])
def page(request, open_page):
	width, height, scheme = request.param
	return open_page(width=width, height=height, scheme=scheme)


def card(page, step_id):
	return page.locator(f'.fe-card[data-step="{step_id}"]')


def status(page):
	return page.locator(".fe-run-status")


def is_done(page, step_id):
	expect(card(page, step_id)).to_have_class(re.compile(r"\bfe-tone-done\b"), timeout=20_000)


def fits(page):
	return page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def answer(page, button, **fields):
	"""Fill the dialog that is open and confirm it."""
	dialog = page.get_by_role("dialog")
	for label, value in fields.items():
		dialog.get_by_label(label).fill(value)
	dialog.get_by_role("button", name=button, exact=True).click()


def test_a_run_that_is_open_is_followed(served, page):
	run = started(served)
	page.goto(f"{served.url}/runs/{run}")
	expect(card(page, "ask")).to_have_class(re.compile("fe-tone-waiting"))
	served.api("runs.complete", run=run, step_id="ask", wait_seconds=20)
	is_done(page, "ask")
	is_done(page, "tell")
	expect(card(page, "never")).to_contain_text("Not taken")
	expect(page.get_by_role("list", name="Needs somebody")).to_have_count(0)


def test_a_waiting_step_is_fired_with_the_values_that_the_flow_reads(served, page):
	run = started(served)
	page.goto(f"{served.url}/runs/{run}")
	needs = page.get_by_role("list", name="Needs somebody")
	fire = needs.get_by_role("button", name="Confirm: Approve the order")
	if page.viewport_size["width"] < 640:
		assert fire.bounding_box()["height"] >= 44
	fire.click()
	answer(page, "Confirm", By="Ann")
	is_done(page, "tell")
	made = next(one for one in served.run(run)["steps"] if one["id"] == "tell")["result"]["name"]
	issue_made = served.get("documents.get", doctype="Issue", name=made)["document"]
	assert issue_made["subject"] == "Approved by Ann"
	assert fits(page)


def test_the_panel_of_a_step_says_what_was_read_and_which_branch_was_taken(served, page):
	run = started(served)
	served.api("runs.complete", run=run, step_id="ask", wait_seconds=20)
	page.goto(f"{served.url}/runs/{run}")
	card(page, "urgent").click()
	expect(page.locator(".fe-reading")).to_have_text("read Priority = High → branch Yes")
	assert fits(page)
	page.keyboard.press("Escape")
	expect(page.locator(".fe-reading")).to_have_count(0)


def test_a_failure_is_explained_and_repaired(served, page, request):
	gadget = request.node.name
	served.flow(gadget, flow(close("needs", gadget), issue("after", after=["needs"])))
	run = started(served, gadget)
	page.goto(f"{served.url}/runs/{run}")
	expect(status(page)).to_have_text("Failed")
	card(page, "needs").click()
	panel = page.get_by_role("complementary")
	expect(panel).to_contain_text("A document that the step needs is not there.")
	expect(panel).to_contain_text("What can be done: Create or restore it")
	panel.get_by_text("Attempts and log").click()
	expect(panel.get_by_text("Attempt 1", exact=False)).to_be_visible()
	served.api("documents.put", doctype="Gadget", name=gadget)
	panel.get_by_role("button", name="Try again").click()
	answer(page, "Try again")
	expect(status(page)).to_have_text("Completed", timeout=20_000)
	is_done(page, "after")
	expect(panel.get_by_role("button", name="Skip")).to_have_count(0)


def test_giving_up_a_step_asks_for_the_reason_first(served, page):
	run = started(served, "Never works")
	page.goto(f"{served.url}/runs/{run}")
	page.get_by_role("list", name="Needs somebody").get_by_role("button", name="Skip").click()
	answer(page, "Skip")
	expect(page.get_by_role("dialog")).to_be_visible()
	assert served.steps(run)["needs"] == "failed"
	answer(page, "Skip", Reason="It was closed by hand")
	expect(card(page, "needs")).to_contain_text("Skipped")
	assert served.steps(run)["needs"] == "skipped"


def test_a_run_is_cancelled_and_then_offers_only_what_is_left(served, page):
	run = started(served)
	page.goto(f"{served.url}/runs/{run}")
	page.get_by_role("button", name="Cancel the run").click()
	expect(page.get_by_role("dialog")).to_contain_text("Nothing more of it happens, ever.")
	expect(page.get_by_role("dialog")).to_contain_text("Nothing was done that could be undone.")
	answer(page, "Cancel the run", Reason="Ordered twice")
	expect(status(page)).to_have_text("Cancelled")
	expect(page.get_by_role("button", name="Cancel the run")).to_have_count(0)
	expect(page.get_by_role("button", name="Confirm")).to_have_count(0)
	assert served.run(run)["status"] == "cancelled"


def test_a_replay_opens_the_new_run(served, page):
	run = started(served)
	served.api("runs.cancel", run=run)
	page.goto(f"{served.url}/runs/{run}")
	page.get_by_role("button", name="Replay", exact=True).click()
	answer(page, "Replay", Reason="Once more")
	expect(page.locator(".fe-run-name")).not_to_have_text(run)
	child = page.locator(".fe-run-name").inner_text()
	assert served.run(child)["replay_of"] == run


def test_what_people_wrote_is_text_and_keeps_its_place(served, page):
	run = started(served)
	served.api("runs.complete", run=run, step_id="ask", wait_seconds=20)
	page.goto(f"{served.url}/runs/{run}")
	expect(card(page, "tell").locator(".fe-name")).to_have_text(HOSTILE)
	for step_id in ("tell", "later"):
		card(page, step_id).click()
		expect(page.get_by_role("complementary").get_by_role("heading").first).to_contain_text(
			HOSTILE if step_id == "tell" else "😀"
		)
		assert fits(page)
		page.keyboard.press("Escape")
	assert page.locator("img").count() == 0


def test_a_run_that_is_not_there_is_told_in_a_sentence(served, page):
	page.goto(f"{served.url}/runs/FR-99999")
	expect(page.get_by_role("alert")).to_contain_text("FR-99999")


def test_the_flow_shows_where_its_runs_stand(served, open_page):
	definition = flow(step("wait", label="Somebody looks", when="manual"), close("needs", "GAD-404"))
	served.flow("Standing", definition)
	for _ in range(3):
		started(served, "Standing")
	page = open_page()
	page.goto(f"{served.url}/templates/Standing")
	page.get_by_role("button", name="Runs ·").click()
	expect(card(page, "wait").locator(".fe-card-badge")).to_have_text("3 wait here")
	expect(card(page, "needs").locator(".fe-card-badge")).to_have_text("3 failed")
	card(page, "wait").click()
	here = page.get_by_role("list", name="Runs at this step").get_by_role("listitem")
	expect(here).to_have_count(3)
	page.get_by_role("button", name="All runs of the flow").click()
	expect(page.get_by_role("list", name="Runs", exact=True).get_by_role("listitem")).to_have_count(3)
	page.get_by_role("button", name="Close", exact=True).click()
	expect(card(page, "wait").locator(".fe-card-badge")).to_have_count(0)
