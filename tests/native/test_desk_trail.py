"""The audit trail and a webhook endpoint in the desk: read, taken away as a file, made, tried and paused."""

# ruff: noqa: F811  (fixtures that are imported have the names of the arguments)
from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import unique
from flows import step
from playwright.sync_api import expect
from test_desk import CHROMIUM, browser, desk, fits, open_form  # noqa: F401  (fixtures)

from flow_engine.testing.receiver import Receiver

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")


def test_an_auditor_finds_what_happened_and_takes_it_away(desk, flow, callers):
	template = flow(step("a", trigger="manual"))
	page = desk("auditor")
	page.goto(f"/app/flow-audit-event?flow_template={template}")
	row = page.locator(".list-row", has_text="template.published").first
	expect(row).to_be_visible()
	page.locator(".inner-group-button", has_text="Download").click()
	with page.expect_download() as started:
		page.get_by_role("link", name="Download as JSON Lines").click()
	lines = [json.loads(line) for line in Path(started.value.path()).read_text().splitlines()]
	listed = callers["auditor"].get("audit.list", template=template)[1]["message"]["events"]
	assert lines == listed[::-1]
	row.locator("a.ellipsis").first.click()
	page.wait_for_selector(".form-page:visible")
	expect(page.locator(".form-page")).to_contain_text("template.published")
	expect(page.get_by_role("button", name="Save", exact=True)).to_have_count(0)


def test_an_endpoint_is_tried_paused_and_resumed_on_its_form(desk, gateway, callers):
	receiver = Receiver()
	name = unique("endpoint")
	values = {"endpoint_name": name, "url": receiver.url("/told"), "events": "run.failed"}
	try:
		assert callers["manager"].post("webhooks.create", values=values)[0] == 200
		page = desk("manager")
		open_form(page, "flow-webhook-endpoint", name)
		expect(page.locator(".indicator-pill", has_text="On").first).to_be_visible()
		page.get_by_role("button", name="Send a Test").click()
		expect(page.locator(".msgprint")).to_contain_text("The endpoint took it.")
		page.wait_for_timeout(500)
		page.locator(".modal.show:visible .btn-modal-close").last.click()
		expect(page.locator(".modal.show:visible")).to_have_count(0)
		page.get_by_role("button", name="Pause", exact=True).first.click()
		box = page.locator(".modal.show:visible").last
		box.locator("[data-fieldname=reason] textarea").fill("They are moving")
		page.wait_for_timeout(500)
		box.locator(".btn-modal-primary").click()
		expect(page.locator(".indicator-pill", has_text="Paused").first).to_be_visible()
		page.get_by_role("button", name="Resume", exact=True).first.click()
		box = page.locator(".modal.show:visible").last
		page.wait_for_timeout(500)
		box.locator(".btn-modal-primary").click()
		expect(page.locator(".indicator-pill", has_text="On").first).to_be_visible()
		page.get_by_role("button", name="New Secret").click()
		box = page.locator(".modal.show:visible").last
		page.wait_for_timeout(500)
		box.locator(".btn-modal-primary").click()
		expect(page.locator(".msgprint code")).to_be_visible()
		assert len(page.locator(".msgprint code").inner_text()) == 64
		assert fits(page)
	finally:
		callers["manager"].post("webhooks.delete", name=name)
		receiver.close()


def test_an_endpoint_made_in_the_form_shows_its_secret_once(desk, callers):
	name = unique("endpoint")
	try:
		page = desk("manager")
		page.goto("/app/flow-webhook-endpoint/new")
		page.wait_for_selector(".form-page:visible")
		page.locator("[data-fieldname=endpoint_name] input").first.fill(name)
		page.locator("[data-fieldname=url] textarea").first.fill("https://example.com/told")
		page.keyboard.press("Tab")
		page.get_by_role("button", name="Save").first.click()
		expect(page.locator(".msgprint")).to_contain_text("it is not shown again")
		shown = page.locator(".msgprint code").inner_text()
		assert len(shown) == 64
		page.reload()
		page.wait_for_selector(".form-page:visible")
		assert shown not in page.content()
	finally:
		callers["manager"].post("webhooks.delete", name=name)
