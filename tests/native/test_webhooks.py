"""Webhook endpoints on a site: real workers, a real receiver, signatures checked as documented."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import time
import uuid

import pytest
from callers import is_readable
from conftest import unique
from flows import step
from processes import eventually

from flow_engine.testing.receiver import Receiver

SECRET = "correct-horse-battery-staple"


def accept(request, *secrets):
	"""What `docs/implementers.md` tells a receiver to do, and nothing of the engine's own code."""
	timestamp = request.headers["x-flow-timestamp"]
	if abs(time.time() - int(timestamp)) > 300:
		return False
	told = timestamp.encode() + b"." + request.body
	for secret in secrets:
		mine = hmac.new(secret.encode(), told, hashlib.sha256).hexdigest()
		for theirs in request.headers["x-flow-signature"].split(","):
			if hmac.compare_digest(theirs.strip(), f"sha256={mine}"):
				return True
	return False


@pytest.fixture
def receiver(site, gateway):
	"""Somebody else's server; `gateway` lets this machine be called."""
	found = Receiver()
	yield found
	found.close()


@pytest.fixture
def endpoint(callers, receiver):
	made = []

	def make(events="run.*", **values):
		name = unique("endpoint")
		given = {"endpoint_name": name, "url": receiver.url("/told"), "events": events, "secret": SECRET}
		status, body = callers["manager"].post("webhooks.create", values={**given, **values})
		assert status == 200, body
		made.append(name)
		return name

	yield make
	for name in made:
		callers["manager"].post("webhooks.delete", name=name)


def bodies(receiver, run):
	found = [json.loads(request.body) for request in receiver.seen if request.path == "/told"]
	return [body for body in found if body["run"] == run]


def test_a_run_is_told_to_whoever_asked_and_the_signature_is_anybodys_to_check(
	receiver, endpoint, flow, start, settled, worker, people
):
	endpoint("run.started, run.completed")
	template = flow(step("a"))
	run = start(template)
	settled(run, "completed")
	eventually(lambda: len(bodies(receiver, run)) == 2, "both events to arrive")
	started, completed = sorted(bodies(receiver, run), key=lambda body: body["id"])
	assert (started["event_type"], started["actor"]) == ("run.started", people["manager"]["email"])
	assert (completed["event_type"], completed["status_to"]) == ("run.completed", "completed")
	assert completed["template"] == template and completed["actor"] is None
	assert set(completed) == {
		"id",
		"event_type",
		"created_at",
		"actor",
		"template",
		"run",
		"step",
		"status_from",
		"status_to",
		"reason",
		"metadata",
	}
	for request in receiver.seen:
		assert accept(request, SECRET) and not accept(request, "another secret")
		assert request.headers["content-type"] == "application/json"
	assert len({request.headers["idempotency-key"] for request in receiver.seen}) == len(receiver.seen)


def test_no_endpoint_costs_no_query(site):
	"""A save that starts a flow asks for endpoints nowhere: they come with the flows that listen."""
	queries = site(
		"""
		from flow_engine.engine.ports import AuditEvent
		from flow_engine.frappe_host.host import get_host
		from flow_engine.frappe_host.trigger_cache import current_map
		current_map()
		asked, real = [], frappe.db.sql
		def counting(query, *args, **kwargs):
			asked.append(str(query))
			return real(query, *args, **kwargs)
		frappe.db.sql = counting
		try:
			get_host().runs.audit(AuditEvent("run.made", at=get_host().clock.now()))
		finally:
			frappe.db.sql = real
		frappe.db.rollback()
		answer = [query for query in asked if "Flow Webhook Endpoint" in query]
		"""
	)
	assert queries == []


def test_both_secrets_sign_while_one_replaces_the_other(callers, receiver, endpoint):
	name = endpoint()
	manager = callers["manager"]
	status, body = manager.post("webhooks.rotate_secret", name=name, overlap_hours=1)
	assert status == 200
	fresh = body["message"]["secret"]
	assert manager.post("webhooks.test", name=name)[1]["message"]["status"] == "delivered"
	(request,) = receiver.seen
	assert accept(request, SECRET) and accept(request, fresh)
	fresh = manager.post("webhooks.rotate_secret", name=name, overlap_hours=0)[1]["message"]["secret"]
	manager.post("webhooks.test", name=name)
	assert accept(receiver.seen[1], fresh) and not accept(receiver.seen[1], SECRET)


def test_a_new_secret_in_the_form_overlaps_too(callers, receiver, endpoint):
	name = endpoint()
	status, body = callers["manager"].resource(
		"PUT", "Flow Webhook Endpoint", name, secret="a-brand-new-secret-here"
	)
	assert status == 200, body
	callers["manager"].post("webhooks.test", name=name)
	assert accept(receiver.seen[0], SECRET) and accept(receiver.seen[0], "a-brand-new-secret-here")


def test_an_endpoint_that_refuses_is_paused_with_a_notice_and_goes_on_with_what_it_missed(
	callers, receiver, endpoint, flow, start, settled, worker, site, people
):
	name = endpoint("run.started")
	receiver.always(410)
	template, manager = flow(step("a")), callers["manager"]
	runs = [start(template) for _ in range(6)]
	for run in runs:
		settled(run, "completed")

	def paused():
		return manager.get("webhooks.get", name=name)[1]["message"]["endpoint"]["status"] == "paused"

	eventually(paused, "the endpoint to be paused")
	notices = site(
		"answer = frappe.get_all('Notification Log', {'document_name': name}, pluck='for_user')", name=name
	)
	assert people["manager"]["email"] in notices
	receiver.always(200)
	receiver.seen.clear()
	status, body = manager.post("webhooks.resume", name=name, reason="They have mended it")
	assert status == 200, body
	eventually(
		lambda: {run for run in runs if bodies(receiver, run)} == set(runs), "everything missed to arrive"
	)
	states = manager.get("deliveries.list", doctype="Flow Webhook Endpoint", docname=name)[1]["message"]
	assert {row["status"] for row in states["deliveries"]} <= {"delivered", "sending"}


def test_secrets_are_shown_to_nobody(callers, endpoint):
	name = endpoint()
	for short in ("manager", "admin"):
		for status, body in (
			callers[short].get("webhooks.get", name=name),
			callers[short].get("webhooks.list"),
			callers[short].resource("GET", "Flow Webhook Endpoint", name),
			callers[short].send(
				"POST",
				"/api/method/frappe.client.get_password",
				json={"doctype": "Flow Webhook Endpoint", "name": name, "fieldname": "secret"},
			),
		):
			assert SECRET not in json.dumps(body), (short, status)


def test_endpoints_are_for_managers_and_their_state_for_auditors(callers, endpoint):
	name = endpoint()
	for short in ("user", "nobody", "guest", "auditor"):
		for path, arguments in (
			("webhooks.list", {}),
			("webhooks.get", {"name": name}),
			("webhooks.create", {"values": {"endpoint_name": uuid.uuid4().hex}}),
			("webhooks.update", {"name": name, "values": {"enabled": 0}}),
			("webhooks.delete", {"name": name}),
			("webhooks.pause", {"name": name}),
			("webhooks.resume", {"name": name}),
			("webhooks.rotate_secret", {"name": name}),
			("webhooks.test", {"name": name}),
			("deliveries.rotate_signing_secret", {}),
		):
			status, body = callers[short].post(path, **arguments)
			assert status in (401, 403), (short, path, body)
	status, body = callers["auditor"].resource("GET", "Flow Webhook Endpoint", name)
	assert status == 200 and body["data"]["events"] == "run.*" and not body["data"].get("url")
	status, body = callers["manager"].post("deliveries.rotate_signing_secret")
	assert (status, body["code"]) == (403, "not_allowed"), "that is an administrator's"


def test_what_is_wrong_is_said_by_field(callers):
	status, body = callers["manager"].post(
		"webhooks.create", values={"endpoint_name": unique("bad"), "url": "ftp://x", "events": "run*"}
	)
	assert (status, body["code"]) == (422, "invalid_webhook_endpoint") and is_readable(body)
	assert {problem["path"] for problem in body["problems"]} == {"url", "events"}


def test_the_command_says_whether_the_endpoint_took_it(bench, receiver, endpoint):
	name = endpoint()

	def run(*words):
		return bench.command("flow-engine", *words)

	taken = run("webhook-test", name)
	assert taken.returncode == 0 and "delivered, HTTP 200" in taken.stdout, taken
	receiver.always(403)
	refused = run("webhook-test", name)
	assert refused.returncode == 1 and "HTTP 403" in refused.stdout
	nobody = run("webhook-test", "nobody")
	assert nobody.returncode == 2 and "webhook_endpoint_not_found" in nobody.stderr
	exported = run("audit-export", "--event", "webhook.*", "--format", "jsonl")
	assert exported.returncode == 0 and name in exported.stdout
	assert subprocess.list2cmdline([SECRET]) not in exported.stdout
