"""The standalone page in a real browser: flows are found, started and fired by hand, on desk and phone."""

import shutil

import pytest
from playwright.sync_api import Error, expect, sync_playwright

from flow_engine.testing.builders import flow, issue, step
from flow_engine.testing.served import ServedHost

NAMES = ("chromium", "chromium-browser", "google-chrome")
HOSTILE = "<img src=x onerror=alert(1)> & co"


@pytest.fixture(scope="module")
def browser():
	installed = next((path for path in map(shutil.which, NAMES) if path), None)
	with sync_playwright() as playwright:
		try:
			opened = playwright.chromium.launch(executable_path=installed, args=["--no-sandbox"])
		except Error as error:
			if installed:
				raise
			pytest.skip(f"no chromium is installed: {error.message.splitlines()[0]}")
		yield opened
		opened.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
	with ServedHost(tmp_path_factory.mktemp("page")) as server:
		definition = flow(
			step("ask", label="Approve the order", when="manual"),
			issue(
				"tell", "Approved: {{input.by}} {{steps.ask.result.input.by}}", after=["ask"], label=HOSTILE
			),
			step("later", after=["tell"], when=("after_delay", {"delay_days": 2}), label="Look back"),
		)
		server.flow("Order approval", definition, description=HOSTILE)
		yield server


@pytest.fixture(params=[(1200, 900, "light"), (375, 720, "dark")], ids=["desk", "phone"])
def page(request, browser):
	width, height, scheme = request.param
	context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
	opened = context.new_page()
	opened.faults = []
	opened.on("pageerror", lambda error: opened.faults.append(str(error)))
	opened.on("dialog", lambda dialog: opened.faults.append(dialog.message))
	yield opened
	context.close()
	assert opened.faults == []


def fits(page):
	return page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def started(served):
	return served.api("runs.start", template="Order approval", wait_seconds=20)["run"]


def test_a_flow_is_started_from_its_page_and_its_waiting_step_fired(served, page):
	page.goto(served.url)
	page.get_by_role("link", name="Order approval").first.click()
	page.get_by_role("button", name="Start it").click()
	expect(page.locator("#step-ask .badge")).to_have_text("Waiting")
	assert fits(page)
	page.get_by_text("With a value").click()
	page.get_by_label("Value for Approve the order").fill('{"by": "Ann"}')
	page.get_by_role("button", name="Fire: Approve the order").click()
	expect(page.locator("#step-tell .badge")).to_have_text("Done")
	expect(page.locator("#step-later .badge")).to_have_text("Scheduled")
	assert fits(page)


def test_a_page_that_is_open_follows_the_run(served, page):
	run = started(served)
	page.goto(f"{served.url}/runs/{run}")
	expect(page.locator("#step-ask .badge")).to_have_text("Waiting")
	served.api("runs.complete", run=run, step_id="ask", wait_seconds=20)
	expect(page.locator("#step-ask .badge")).to_have_text("Done", timeout=20_000)


def test_what_people_wrote_is_shown_as_text(served, page):
	page.goto(f"{served.url}/runs/{started(served)}")
	expect(page.locator("#step-tell strong")).to_have_text(HOSTILE)
	page.goto(served.url)
	expect(page.get_by_text(HOSTILE).first).to_be_visible()
	assert page.locator("img").count() == 0


def test_a_run_is_cancelled_and_found_again_by_its_status(served, page):
	run = started(served)
	page.goto(f"{served.url}/runs/{run}")
	page.get_by_role("button", name="Cancel the run").click()
	expect(page.locator(".title .badge")).to_have_text("Cancelled")
	page.goto(served.url)
	page.get_by_role("link", name="Cancelled").click()
	expect(page.get_by_text(run)).to_be_visible()


def test_mistakes_are_told_on_a_page_and_not_as_a_traceback(served, page):
	page.goto(f"{served.url}/templates/Order%20approval")
	page.get_by_label("Documents").fill('[{"name": "x"}]')
	page.get_by_role("button", name="Start it").click()
	expect(page.get_by_role("alert")).to_contain_text("doctype")
	page.goto(f"{served.url}/runs/FR-99999")
	expect(page.get_by_role("alert")).to_contain_text("FR-99999")


@pytest.mark.parametrize("path", ["/", "/outbox", "/documents", "/templates/Order%20approval", "/nowhere"])
def test_every_page_fits_the_screen(served, page, path):
	page.goto(served.url + path)
	expect(page.get_by_role("banner")).to_be_visible()
	assert fits(page)
