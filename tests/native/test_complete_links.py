"""The link of a step that waits for a webhook: for machines that post to it, and for people with a button."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from callers import Caller, is_readable
from flows import issue, step

PAGE = {"Accept": "text/html"}


@pytest.fixture
def guest(url) -> Caller:
	"""Somebody without a login, at an address of their own."""
	return Caller(url)


@pytest.fixture
def waiting(flow, start, settled, worker, site):
	"""A run that waits at `hook`: its name and the token of its link."""
	template = flow(step("hook", trigger="on_webhook", label="Date agreed"))
	run = start(template)
	settled(run, "running", hook="waiting")
	return run, token_of(site, run, "hook")


def token_of(site, run: str, step_id: str) -> str:
	return site(
		"""
		from flow_engine.frappe_host.host import get_host
		answer = get_host().links.token(run, step_id)
		""",
		run=run,
		step_id=step_id,
	)


def path_of(site, run: str, step_id: str) -> str:
	link = site(
		"""
		from flow_engine.frappe_host.host import get_host
		answer = get_host().links.url(run, step_id)
		""",
		run=run,
		step_id=step_id,
	)
	parts = urlsplit(link)
	return f"{parts.path}?{parts.query}"


def test_a_machine_completes_the_step_with_the_token_in_the_body(guest, waiting, settled):
	run, token = waiting
	status, body = guest.post(
		"runs.complete", run=run, step_id="hook", token=token, date="2026-12-01", slot=[1, 2]
	)
	assert status == 200 and body["message"]["run"] == run, body
	view = settled(run, "completed", hook="done")
	assert view["by_id"]["hook"]["result"]["input"] == {"date": "2026-12-01", "slot": [1, 2]}


def test_a_machine_completes_the_step_with_the_token_in_a_header(guest, waiting, settled):
	run, token = waiting
	status, _ = guest.send(
		"POST",
		"/api/method/flow_engine.api.runs.complete",
		json={"run": run, "step_id": "hook", "result": {"ok": True}},
		headers={"X-Flow-Token": token},
	)
	assert status == 200
	assert settled(run, "completed")["by_id"]["hook"]["result"]["input"] == {"ok": True}


def test_a_posted_form_is_kept_as_it_came(guest, waiting, settled):
	run, token = waiting
	status, _ = guest.send(
		"POST",
		"/api/method/flow_engine.api.runs.complete",
		data={"run": run, "step_id": "hook", "token": token, "note": "<b>mardi & jeudi</b>"},
	)
	assert status == 200
	assert settled(run, "completed")["by_id"]["hook"]["result"]["input"] == {"note": "<b>mardi & jeudi</b>"}


def test_a_wrong_token_opens_nothing(guest, waiting, settled, site):
	run, token = waiting
	for wrong in ("x", token[:-1], token + "0", token.upper(), "é" * 64, token_of(site, run, "other")):
		status, body = guest.post("runs.complete", run=run, step_id="hook", token=wrong)
		assert (status, body["code"]) == (403, "bad_token") and is_readable(body), wrong
	# Whether a run exists is not told to those without its token.
	status, body = guest.post("runs.complete", run="FR-00000", step_id="hook", token=token)
	assert (status, body["code"]) == (403, "bad_token")
	settled(run, "running", hook="waiting")


def test_a_call_that_comes_early_is_kept_and_applied_in_its_time(
	guest, flow, start, settled, worker, site, callers
):
	template = flow(step("first", trigger="manual"), step("hook", trigger="on_webhook", after=["first"]))
	run = start(template)
	settled(run, "running", first="waiting", hook="pending")
	token = token_of(site, run, "hook")
	assert guest.post("runs.complete", run=run, step_id="hook", token=token, said="early")[0] == 200
	settled(run, "running", first="waiting")
	assert callers["manager"].post("runs.complete", run=run, step_id="first")[0] == 200
	view = settled(run, "completed", first="done", hook="done")
	assert view["by_id"]["hook"]["result"]["input"] == {"said": "early"}


def test_the_same_call_again_gets_the_first_answer_and_changes_nothing(
	guest, flow, start, settled, worker, site
):
	template = flow(
		step("hook", trigger="on_webhook"),
		issue("after", "Native said {{steps.hook.result.input.said}}", after=["hook"]),
	)
	run = start(template)
	settled(run, "running", hook="waiting")
	call = {"run": run, "step_id": "hook", "token": token_of(site, run, "hook"), "said": run}
	first = guest.post("runs.complete", **call)
	assert first[0] == 200
	settled(run, "completed")
	again = guest.post("runs.complete", **call)
	assert again == first
	assert site("frappe.db.count('Issue', {'subject': s})", s=f"Native said {run}") == 1


def test_a_body_over_64_kb_is_refused(guest, waiting, settled):
	run, token = waiting
	for size, expected in ((70_000, 413), (1_000_000, 413)):
		status, body = guest.post("runs.complete", run=run, step_id="hook", token=token, text="x" * size)
		assert (status, body["code"]) == (expected, "input_too_large") and is_readable(body)
	settled(run, "running", hook="waiting")
	assert guest.post("runs.complete", run=run, step_id="hook", token=token, text="x" * 60_000)[0] == 200
	assert len(settled(run, "completed")["by_id"]["hook"]["result"]["input"]["text"]) == 60_000


def test_whoever_calls_too_often_is_told_to_wait(guest, url, waiting):
	run, token = waiting
	answers = [guest.post("runs.complete", run=run, step_id="hook", token="wrong") for _ in range(130)]
	statuses = [status for status, _ in answers]
	assert statuses[0] == 403 and statuses[-1] == 429
	assert answers[-1][1]["code"] == "too_many_requests" and is_readable(answers[-1][1])
	status, _ = Caller(url).post("runs.complete", run=run, step_id="hook", token=token)
	assert status == 200


def test_the_page_shows_a_button_and_waits_for_it(guest, waiting, settled, site):
	run, token = waiting
	path = path_of(site, run, "hook")
	assert path.startswith("/flow-link") and token in path
	for _ in range(2):  # a mail scanner opens every link, some of them twice
		page = guest.reply("GET", path, headers=PAGE)
		assert page.status_code == 200 and "Date agreed" in page.text and 'type="submit"' in page.text
	settled(run, "running", hook="waiting")
	done = guest.reply("POST", "/flow-link", data={"run": run, "step": "hook", "token": token}, headers=PAGE)
	assert done.status_code == 200 and 'type="submit"' not in done.text
	settled(run, "completed", hook="done")


def test_a_machine_may_post_to_the_same_address(guest, waiting, settled, site):
	run, _ = waiting
	reply = guest.reply("POST", path_of(site, run, "hook"), json={"date": "2026-12-24"}, headers=PAGE)
	assert reply.status_code == 200, reply.text[:300]
	assert settled(run, "completed")["by_id"]["hook"]["result"]["input"] == {"date": "2026-12-24"}


def test_a_page_with_a_wrong_token_says_so_and_shows_nothing_of_the_run(guest, waiting):
	run, _ = waiting
	for query in (f"run={run}&step=hook&token=wrong", f"run={run}", "", "run=%3Cscript%3E&step=a&token=b"):
		page = guest.reply("GET", f"/flow-link?{query}", headers=PAGE)
		assert page.status_code == 403, page.text[:300]
		assert "Date agreed" not in page.text and 'type="submit"' not in page.text
		assert "Traceback" not in page.text


def test_a_step_that_waits_for_a_person_is_not_opened_by_a_link(guest, flow, start, settled, worker, site):
	run = start(flow(step("ask", trigger="manual")))
	settled(run, "running", ask="waiting")
	status, body = guest.post("runs.complete", run=run, step_id="ask", token=token_of(site, run, "ask"))
	assert status == 409 and is_readable(body)
	settled(run, "running", ask="waiting")
