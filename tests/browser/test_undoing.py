"""Undoing what a run did, in a real browser: what it comes to is shown first, then it happens and is told."""

import json
import re
import time

import pytest
from playwright.sync_api import expect

from flow_engine.testing.builders import flow, issue, step
from flow_engine.testing.served import ServedHost


@pytest.fixture(scope="module")
def served(tmp_path_factory):
	with ServedHost(tmp_path_factory.mktemp("undoing")) as server:
		server.api("documents.put", doc={"doctype": "Customer", "name": "C-1", "website": "own.example"})
		change = {
			"doctype": "Customer",
			"docname_ref": "C-1",
			"fields_json": json.dumps({"website": "flow.example"}),
		}
		mail = {"channel": "email", "to": "a@example.com", "subject": "Welcome", "body": "Hello"}
		steps = (
			step("job", "dispatch_job", label="Fibre installation", payload={"subject": "Fibre"}),
			issue("issue", "Call them", after=["job"], label="Call the customer"),
			issue("sorry", "Sorry", parent="issue", branch="compensate", label="Tell them we are sorry"),
			step("mail", "notify", after=["issue"], payload=mail, label="Welcome mail"),
			step("change", "erp_update", after=["mail"], payload=change, label="Note the website"),
			step("person", after=["change"], when="manual", label="Wait for the order"),
		)
		server.flow("Asked", flow(*steps))
		server.flow("By itself", {**flow(*steps), "compensate": "on_cancel"})
		missing = {"doctype": "Gadget", "docname_ref": "X", "fields_json": json.dumps({"a": 1})}
		server.flow("Fails", flow(steps[0], step("fails", "erp_update", after=["job"], payload=missing)))
		yield server


@pytest.fixture(params=[(1360, 900, "light"), (375, 720, "dark")], ids=["desk", "phone"])
def page(request, open_page):
	width, height, scheme = request.param
	return open_page(width=width, height=height, scheme=scheme)


def started(served, template):
	return served.api("runs.start", template=template, wait_seconds=20)["run"]


def planned(dialog):
	"""What the plan names, in its order, and what is left alone."""
	rows = dialog.get_by_role("list", name="What is undone, in this order").get_by_role("listitem")
	expect(rows.first).to_be_visible()
	names = rows.locator("strong").all_inner_texts()
	left = rows.evaluate_all("all => all.map((one) => one.classList.contains('fe-undo-left'))")
	return names, [name for name, is_left in zip(names, left, strict=True) if is_left]


IN_ORDER = ["Note the website", "Welcome mail", "Call the customer", "Fibre installation"]


def ended(served, run):
	"""The run that undoes this one, once it has ended."""
	name = served.run(run)["compensation"]["run"]
	for _ in range(200):
		found = served.run(name)
		if found["status"] != "running":
			return found
		time.sleep(0.1)
	raise AssertionError(f"{name} goes on for ever")


def test_whoever_cancels_sees_what_would_be_undone_and_decides(served, page):
	run = started(served, "Asked")
	page.goto(f"{served.url}/runs/{run}")
	page.get_by_role("button", name="Cancel the run").click()
	dialog = page.get_by_role("dialog")
	undo = dialog.get_by_label("Undo what was done")
	expect(undo).not_to_be_checked()
	undo.check()
	assert planned(dialog) == (IN_ORDER, ["Welcome mail"])
	expect(dialog).to_contain_text("A message that was sent cannot be taken back.")
	expect(dialog).to_contain_text("Undone by “Tell them we are sorry”.")
	assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
	dialog.get_by_label("Reason").fill("Ordered twice")
	dialog.get_by_role("button", name="Cancel the run").click()
	expect(dialog).to_have_count(0)
	undone = ended(served, run)
	assert undone["status"] == "completed"
	page.reload()
	expect(page.locator(".fe-run-header")).to_contain_text("Undone")
	job = page.locator('.fe-card[data-step="job"]')
	expect(job).to_contain_text("Undone")
	page.get_by_role("link", name="Undone", exact=True).click()
	expect(page).to_have_url(re.compile(undone["name"]))
	expect(page.locator(".fe-run-header")).to_contain_text(f"Undoes {run}")
	page.get_by_role("link", name=f"Undoes {run}").click()
	expect(page).to_have_url(re.compile(f"{run}$"))
	customer = served.get("documents.get", doctype="Customer", name="C-1")["document"]
	assert customer["website"] == "own.example"


def test_what_the_flow_says_is_chosen_already_and_can_be_left(served, page):
	run = started(served, "By itself")
	page.goto(f"{served.url}/runs/{run}")
	page.get_by_role("button", name="Cancel the run").click()
	dialog = page.get_by_role("dialog")
	undo = dialog.get_by_label("Undo what was done")
	expect(undo).to_be_checked()
	undo.uncheck()
	dialog.get_by_label("Reason").fill("Only stop it")
	dialog.get_by_role("button", name="Cancel the run").click()
	expect(dialog).to_have_count(0)
	assert served.run(run)["compensation"] is None


def test_a_failed_run_is_undone_when_somebody_asks_and_then_only_replayed(served, page):
	run = started(served, "Fails")
	page.goto(f"{served.url}/runs/{run}")
	expect(page.locator(".fe-run-status")).to_have_text("Failed")
	page.get_by_role("button", name="Undo what was done").click()
	dialog = page.get_by_role("dialog")
	assert planned(dialog) == (["Fibre installation"], [])
	dialog.get_by_label("Reason").fill("It will never work")
	dialog.get_by_role("button", name="Undo what was done").click()
	expect(dialog).to_have_count(0)
	assert ended(served, run)["status"] == "completed"
	page.reload()
	expect(page.get_by_role("button", name="Replay", exact=True)).to_be_visible()
	for gone in ("Undo what was done", "Try what failed again"):
		expect(page.get_by_role("button", name=gone)).to_have_count(0)
