"""Payloads and inbound hooks in the desk, in a real browser: asked for in a dialog, called, tried, read."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from conftest import unique
from flows import definition, issue
from playwright.sync_api import expect
from test_desk import CHROMIUM, about, browser, desk  # noqa: F401

sys.path.insert(0, str(Path(__file__).parent.parent))

from signer import post, signed

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")

SCHEMA = {
	"type": "object",
	"properties": {"subject": {"type": "string", "title": "Subject of the run", "minLength": 3}},
	"required": ["subject"],
}


@pytest.fixture
def template(flow):
	asked = {**definition(issue("tell", "{{variables.subject}}")), "payload_schema": SCHEMA}
	asked["trigger"]["doctype"] = "Issue"
	return flow(flow_definition=asked, template_name=unique("asks"))


def test_a_flow_that_asks_for_a_payload_is_started_from_a_document(template, desk, about, manager):  # noqa: F811
	# ERPNext tells whoever may not read its support settings so, over every Issue; the admin may.
	page = desk("admin")
	page.goto(f"/app/issue/{about}")
	title = manager.get("templates.get", name=template)[1]["message"]["template"]["template_name"]
	page.locator(".inner-group-button", has_text="Flows").locator("button").first.click()
	page.get_by_role("link", name=f"Start: {title}").or_(page.get_by_text(f"Start: {title}")).first.click()
	dialog = page.locator(".modal.show")
	dialog.get_by_label("Subject of the run").fill("ab")
	dialog.locator(".btn-primary:visible").click()
	expect(dialog.locator("[data-payload-field='subject'] .fe-fault")).to_contain_text("at least 3")
	assert manager.get("runs.list", template=template)[1]["message"]["runs"] == []
	dialog.get_by_label("Subject of the run").fill("Leak")
	dialog.locator(".btn-primary:visible").click()
	expect(dialog).to_have_count(0)
	(run,) = manager.get("runs.list", template=template)[1]["message"]["runs"]
	view = manager.get("runs.get", run=run["name"])[1]["message"]["run"]
	assert view["variables"] == {"subject": "Leak"}


def test_a_hook_is_made_called_and_read_in_its_form(template, desk, url, manager, site):  # noqa: F811
	page = desk("manager")
	name = unique("shop")
	page.goto(f"/app/flow-inbound-hook/new?flow_template={template}")
	page.locator("[data-fieldname='hook_name'] input").first.fill(name)
	page.locator("[data-fieldname='hook_name'] input").first.press("Tab")
	page.wait_for_load_state("networkidle")
	page.locator(".primary-action", has_text="Save").first.click()
	told = page.locator(".msgprint code")
	expect(told).to_be_visible()
	secret = told.inner_text()
	assert len(secret) == 64
	page.locator(".modal.show .btn-modal-close").first.click()
	hook = next(one for one in manager.get("hooks.list")[1]["message"]["hooks"] if one["hook_name"] == name)
	view = page.locator(".fe-hook")
	expect(view.get_by_text("Nobody has called it yet.")).to_be_visible()
	answer = post(hook["url"], url, **signed(secret, {"subject": "Leak"}, call_id="a"))
	assert answer.status_code == 202, answer.text
	assert post(hook["url"], url, **signed(secret, {})).status_code == 422
	view.get_by_role("button", name="Refresh").click()
	calls = view.get_by_role("list", name="Last calls")
	expect(calls.locator(".fe-badge")).to_have_text(["refused", "accepted"])
	view.get_by_label("Subject of the run").fill("Leak")
	view.get_by_role("button", name="Try it", exact=True).click()
	expect(view.get_by_text("202: a run would be started.")).to_be_visible()
	assert secret not in page.content()
	site(
		"""
		frappe.db.delete("Flow Inbound Call", {"flow_hook": name})
		frappe.delete_doc("Flow Inbound Hook", name)
		""",
		name=hook["name"],
	)
