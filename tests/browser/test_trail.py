"""The audit trail and the webhook endpoints of the standalone page, in a real browser."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from flow_engine.testing.builders import flow, step
from flow_engine.testing.receiver import Receiver
from flow_engine.testing.served import ServedHost

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="module")
def receiver():
	found = Receiver()
	yield found
	found.close()


@pytest.fixture
def served(tmp_path):
	with ServedHost(tmp_path, "--allow-host", "127.0.0.1") as server:
		made = server.flow("Welcome", flow(step("ask", label="Ask", when="manual")))
		server.run = server.api("runs.start", template=made["name"], wait_seconds=5)["run"]
		server.api("runs.cancel", run=server.run, reason="=1+1 not wanted")
		yield server


@pytest.fixture(params=[(1360, 900, "light"), (375, 720, "dark")], ids=["desk", "phone"])
def page(request, open_page):
	width, height, scheme = request.param
	return open_page(width=width, height=height, scheme=scheme)


def assert_fits(page):
	assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def assert_accessible(page):
	page.evaluate(AXE.read_text())
	found = page.evaluate(
		"async () => (await axe.run()).violations.map((one) => [one.id, one.nodes[0].html])"
	)
	assert found == []


def test_what_happened_is_found_by_who_what_and_when(served, page):
	page.goto(f"{served.url}/audit")
	row = page.get_by_role("row").filter(has_text="run.cancelled")
	expect(row).to_contain_text("not wanted")
	expect(row).to_contain_text("running → cancelled")
	expect(row.get_by_role("link", name="Welcome")).to_be_visible()
	assert_fits(page)
	assert_accessible(page)
	page.get_by_role("searchbox", name="What").fill("template.*")
	expect(row).to_have_count(0)
	expect(page.get_by_role("row").filter(has_text="template.published")).to_be_visible()
	assert "event=template" in page.url
	page.get_by_label("To day").fill("2001-01-01")
	page.get_by_role("button", name="Show all").click()
	expect(row).to_be_visible()
	row.get_by_role("link", name=served.run).click()
	expect(page).to_have_url(f"{served.url}/runs/{served.run}")


def test_the_trail_is_taken_away_as_a_file_of_what_is_shown(served, open_page):
	page = open_page()
	page.goto(f"{served.url}/audit?event=run.*")
	expect(page.get_by_role("row").filter(has_text="run.started")).to_be_visible()
	with page.expect_download() as started:
		page.get_by_role("link", name="Download as CSV").click()
	text = Path(started.value.path()).read_text()
	assert started.value.suggested_filename.endswith(".csv")
	assert "'=1+1 not wanted" in text and "template." not in text
	with page.expect_download() as started:
		page.get_by_role("link", name="Download as JSON Lines").click()
	lines = [json.loads(line) for line in Path(started.value.path()).read_text().splitlines()]
	assert [line["event_type"] for line in lines] == ["run.started", "run.cancelled"]


def test_an_endpoint_is_made_tried_paused_resumed_and_deleted(served, page, receiver):
	receiver.always(200)
	page.goto(f"{served.url}/webhooks")
	expect(page.get_by_text("Nobody is told yet")).to_be_visible()
	page.get_by_role("button", name="New endpoint").click()
	dialog = page.get_by_role("dialog")
	dialog.get_by_role("textbox", name="Name").fill("Ticketing")
	dialog.get_by_role("textbox", name="Address").fill("ftp://nowhere")
	dialog.get_by_role("textbox", name="Events").fill("run*")
	dialog.get_by_role("button", name="Create").click()
	expect(dialog.get_by_text("Only http and https")).to_be_visible()
	expect(dialog.get_by_text("is no pattern")).to_be_visible()
	dialog.get_by_role("textbox", name="Address").fill(receiver.url("/told"))
	dialog.get_by_role("textbox", name="Events").fill("run.*")
	assert_accessible(page)
	dialog.get_by_role("button", name="Create").click()
	secret = page.get_by_role("dialog", name="Secret").get_by_role("textbox").input_value()
	assert len(secret) >= 32
	page.get_by_role("button", name="Close").last.click()
	row = page.get_by_role("row").filter(has_text="Ticketing")
	expect(row).to_contain_text("run.*")
	assert_fits(page)
	row.get_by_role("button", name="Send Ticketing a test").click()
	expect(page.get_by_text("The endpoint took it.")).to_be_visible()
	receiver.always(403)
	row.get_by_role("button", name="Send Ticketing a test").click()
	expect(page.get_by_text("The endpoint did not take it.")).to_be_visible()
	row.get_by_role("button", name="Pause Ticketing").click()
	page.get_by_role("dialog").get_by_role("textbox").fill("They move")
	page.get_by_role("dialog").get_by_role("button", name="Pause").click()
	expect(row).to_contain_text("They move")
	row.get_by_role("button", name="Resume Ticketing").click()
	page.get_by_role("dialog").get_by_role("button", name="Resume").click()
	expect(row.get_by_role("button", name="Pause Ticketing")).to_be_visible()
	row.get_by_role("button", name="Delete Ticketing").click()
	page.get_by_role("dialog").get_by_role("button", name="Delete").click()
	expect(page.get_by_text("Nobody is told yet")).to_be_visible()
