"""Inbound hooks in a real browser: made, their secret shown once, called, tried, their calls read."""

import time

import pytest
from playwright.sync_api import expect
from signer import post, signed

from flow_engine.testing.builders import flow, issue
from flow_engine.testing.served import ServedHost

SCHEMA = {
	"type": "object",
	"properties": {"subject": {"type": "string", "title": "Subject"}},
	"required": ["subject"],
}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
	with ServedHost(tmp_path_factory.mktemp("hooks")) as server:
		definition = {**flow(issue("tell", "{{variables.subject}}")), "payload_schema": SCHEMA}
		server.flow("Orders come in", definition)
		yield server


def fits(page):
	return page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.parametrize(("width", "height"), [(1360, 900), (375, 720)], ids=["desk", "phone"])
def test_a_hook_is_made_called_tried_and_its_calls_are_read(served, open_page, width, height):
	page = open_page(width=width, height=height)
	page.goto(f"{served.url}/hooks")
	page.get_by_role("button", name="New hook").click()
	dialog = page.get_by_role("dialog")
	dialog.get_by_role("button", name="Create").click()
	expect(dialog.get_by_text("The hook needs a name.")).to_be_visible()
	dialog.get_by_label("Name").fill(f"Shop {width}")
	dialog.get_by_label("Flow").select_option(label="Orders come in")
	dialog.get_by_role("button", name="Create").click()
	secret = page.locator(".fe-shown-secret code").inner_text()
	assert len(secret) == 64 and fits(page)
	page.get_by_role("button", name="I have kept it").click()
	page.get_by_role("link", name=f"Shop {width}").click()
	expect(page.get_by_text("Nobody has called it yet.")).to_be_visible()
	assert secret not in page.content()
	page.get_by_role("button", name="Try it", exact=True).click()
	expect(page.locator("[data-payload-field='subject'] .fe-fault")).to_have_text("This value is missing.")
	page.get_by_label("Subject").fill("Leak")
	page.get_by_role("button", name="Try it", exact=True).click()
	expect(page.get_by_text("202: a run would be started.")).to_be_visible()
	hook = next(one for one in served.get("hooks.list")["hooks"] if one["hook_name"] == f"Shop {width}")
	url = hook["url"]
	assert post(url, served.url, **signed(secret, {"subject": "Leak"}, call_id="a")).status_code == 202
	assert post(url, served.url, **signed("x" * 20, {"subject": "Leak"})).status_code == 401
	assert post(url, served.url, **signed(secret, {}, at=time.time() + 1)).status_code == 422
	page.get_by_role("button", name="Refresh").click()
	calls = page.get_by_role("list", name="Last calls")
	expect(calls.locator(".fe-badge")).to_have_text(["refused", "refused", "accepted", "tried", "tried"])
	expect(calls).to_contain_text("subject This value is missing.")
	assert fits(page)
	calls.get_by_role("link").first.click()
	page.wait_for_url("**/runs/*")


def test_a_new_secret_is_shown_once_and_a_hook_is_switched_off_and_deleted(served, open_page):
	template = served.get("templates.list")["templates"][0]["name"]
	made = served.api("hooks.create", values={"hook_name": "Turned", "flow_template": template})
	page = open_page()
	page.goto(f"{served.url}/hooks/{made['hook']['name']}")
	page.get_by_label("How long the former secret stays good").select_option("0")
	page.get_by_role("button", name="Make a new secret…").click()
	page.get_by_role("dialog").get_by_role("button", name="Make a new secret").click()
	fresh = page.locator(".fe-shown-secret code").inner_text()
	assert fresh != made["secret"]
	url = made["hook"]["url"]
	assert post(url, served.url, **signed(made["secret"], {"subject": "x"})).status_code == 401
	page.get_by_role("button", name="Switch off").click()
	expect(page.locator(".fe-schedule-title .fe-badge")).to_have_text("off")
	assert post(url, served.url, **signed(fresh, {"subject": "x"})).json()["code"] == "hook_disabled"
	page.get_by_role("button", name="Delete…").click()
	page.get_by_role("dialog").get_by_role("button", name="Delete").click()
	page.wait_for_url("**/hooks")
	expect(page.get_by_role("link", name="Turned")).to_have_count(0)
