"""Inbound hooks of a site over real HTTP, as somebody from outside calls them; signed by openssl."""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from callers import Caller, is_readable
from conftest import MARK, unique
from flows import definition, issue
from test_crash_points import killed_while_asking

sys.path.insert(0, str(Path(__file__).parent.parent))

from signer import post, signature, signed

SCHEMA = {
	"type": "object",
	"properties": {"subject": {"type": "string"}, "lines": {"type": "array", "items": {"type": "integer"}}},
	"required": ["subject"],
}


class Hook:
	"""A hook as its caller knows it: an address and a secret."""

	def __init__(self, url: str, manager: Caller, made: dict[str, Any]):
		self.base, self.manager = url, manager
		self.name, self.url, self.secret = made["hook"]["name"], made["hook"]["url"], made["secret"]
		self.template = made["hook"]["flow_template"]

	def call(self, payload: Any = None, secret: str | None = None, **options: Any) -> Any:
		payload = {"subject": f"{MARK} leak"} if payload is None else payload
		return post(self.url, self.base, **signed(secret or self.secret, payload, **options))

	def calls(self) -> list[dict[str, Any]]:
		return self.manager.get("hooks.calls", name=self.name)[1]["message"]["calls"]

	def runs(self) -> list[dict[str, Any]]:
		return self.manager.get("runs.list", template=self.template)[1]["message"]["runs"]


@pytest.fixture
def hook(url, manager, flow, site):
	made = []

	def make(**values: Any) -> Hook:
		asked = {**definition(issue("tell", "{{variables.subject}}")), "payload_schema": SCHEMA}
		template = values.pop("template", None) or flow(flow_definition=asked)
		given = {"hook_name": unique("hook"), "flow_template": template, **values}
		status, body = manager.post("hooks.create", values=given)
		assert status == 200, body
		made.append(Hook(url, manager, body["message"]))
		return made[-1]

	yield make
	names = [one.name for one in made]
	site(
		"""
		frappe.db.delete("Flow Inbound Call", {"flow_hook": ("in", names or [""])})
		for name in names:
			if frappe.db.exists("Flow Inbound Hook", name):
				frappe.delete_doc("Flow Inbound Hook", name, force=True)
		frappe.db.commit()
		""",
		names=names,
	)


def said(answer: Any) -> tuple[int, str | None]:
	if answer.status_code >= 400:
		assert is_readable(answer.json()), answer.text
	return answer.status_code, answer.json().get("code")


def test_a_signed_call_starts_the_flow_and_a_worker_ends_it(hook, settled, worker):
	one = hook()
	answer = one.call(call_id="order-1")
	assert answer.status_code == 202, answer.text
	run = settled(answer.json()["message"]["run"], "completed", tell="done")
	assert (run["trigger_event"], run["variables"]) == ("hook", {"subject": f"{MARK} leak"})
	# With the rights of whoever published the flow, not with those of a guest.
	assert run["run_as"].startswith("manager@")
	(call,) = one.calls()
	assert (call["outcome"], call["flow_run"], call["call_id"]) == ("accepted", run["name"], "order-1")


def test_a_replayed_call_starts_nothing_under_whatever_id(hook):
	one = hook()
	call = signed(one.secret, {"subject": f"{MARK} once"}, call_id="order-1")
	first = post(one.url, one.base, **call)
	assert first.status_code == 202
	other = {**call, "headers": {**call["headers"], "X-Flow-Id": "order-2"}}
	for again in (call, other):
		answer = post(one.url, one.base, **again)
		assert said(answer) == (409, "duplicate_call")
		assert answer.json()["run"] == first.json()["message"]["run"]
	assert len(one.runs()) == 1


def test_many_at_once_with_one_id_start_one_run(hook):
	from concurrent.futures import ThreadPoolExecutor

	one = hook()
	calls = [signed(one.secret, {"subject": f"{MARK} {n}"}, call_id="same") for n in range(6)]
	with ThreadPoolExecutor(6) as pool:
		statuses = sorted(a.status_code for a in pool.map(lambda c: post(one.url, one.base, **c), calls))
	assert statuses == [202, 409, 409, 409, 409, 409]
	assert len(one.runs()) == 1


def test_a_stranger_hears_the_same_whether_or_not_there_is_such_a_hook(hook):
	one = hook()
	forged = signed("another secret that is long", {"subject": "x"})
	broken = signed("another secret that is long", b'{"subject":')
	bare = {"data": b"{}", "headers": {"Content-Type": "application/json"}}
	for call in (forged, broken, bare, {}):
		at_one = post(one.url, one.base, **call)
		at_none = post(one.url.replace(one.name, "no-such-hook"), one.base, **call)
		assert said(at_one) == (401, "call_refused")
		assert at_one.json() == at_none.json()
	assert one.runs() == []
	kept = json.dumps(one.calls())
	given = forged["headers"]["X-Flow-Signature"].removeprefix("sha256=")
	assert one.secret not in kept and given not in kept


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_an_hour_off_is_told_so(hook, hours):
	one = hook()
	answer = one.call(at=time.time() + hours * 3600)
	assert said(answer) == (401, "stale_timestamp")
	assert one.runs() == []


def test_a_body_that_the_framework_cannot_read_is_answered_as_any_other(hook):
	one = hook()
	assert said(one.call(b'{"subject":')) == (400, "bad_json")
	assert said(one.call(b'"text"')) == (422, "invalid_payload")
	assert said(one.call(b"3")) == (422, "invalid_payload")
	assert said(one.call(b"[1]")) == (422, "invalid_payload")
	assert said(one.call(b"\xff\xfe{}")) == (400, "bad_json")
	assert said(one.call(b"")) == (400, "bad_json")
	assert said(one.call(b"[" * 50_000)) == (400, "bad_json")
	assert [call["outcome"] for call in one.calls()] == ["refused"] * 7
	# And none of them has left anything behind for the next one.
	assert one.call().status_code == 202


def test_what_is_wrong_with_a_proven_call_is_said_by_code_and_path(hook, manager):
	one = hook(max_body_bytes=1_000)
	bad = one.call({"lines": [1, "2"]}).json()
	assert bad["code"] == "invalid_payload"
	assert sorted(p["path"] for p in bad["problems"]) == ["lines[1]", "subject"]
	assert said(one.call(**{"Content-Type": "text/plain"})) == (415, "unsupported_content_type")
	assert said(one.call({"subject": "x" * 2_000})) == (413, "body_too_large")
	assert said(one.call({"subject": "x" * 5_000_000})) == (413, "body_too_large")
	manager.post("hooks.update", name=one.name, values={"enabled": 0})
	assert said(one.call()) == (409, "hook_disabled")
	manager.post("hooks.update", name=one.name, values={"enabled": 1})
	manager.post("templates.update", name=one.template, is_active=0)
	assert said(one.call()) == (409, "template_inactive")
	assert one.runs() == []


def test_a_hook_of_a_flow_that_is_gone_says_so_and_stays(hook, manager):
	one = hook()
	manager.post("templates.update", name=one.template, is_active=0)
	assert manager.post("templates.delete", name=one.template)[0] == 200
	assert said(one.call()) == (409, "flow_gone")
	shown = manager.get("hooks.get", name=one.name)[1]["message"]
	assert shown["hook"]["refused"]["code"] == "template_not_found"


def test_the_engine_that_is_off_starts_nothing(hook, site):
	one = hook()
	site("frappe.get_doc('Flow Engine Settings').update({'disabled': 1}).save()")
	try:
		assert said(one.call()) == (409, "engine_disabled")
	finally:
		site("frappe.get_doc('Flow Engine Settings').update({'disabled': 0}).save()")
	assert one.call().status_code == 202


def test_while_a_secret_is_replaced_both_are_good_and_then_the_new_one_alone(hook, manager):
	one = hook()
	made = manager.post("hooks.rotate_secret", name=one.name, overlap_hours=1)[1]["message"]
	for secret in (one.secret, made["secret"]):
		assert one.call({"subject": f"{MARK} {secret[:4]}"}, secret=secret).status_code == 202
	last = manager.post("hooks.rotate_secret", name=one.name, overlap_hours=0)[1]["message"]["secret"]
	for secret in (one.secret, made["secret"]):
		assert said(one.call(secret=secret)) == (401, "call_refused")
	assert one.call(secret=last).status_code == 202


def test_a_token_is_enough_where_the_hook_says_so(hook):
	one = hook(authentication="token")
	call = {
		"data": json.dumps({"subject": f"{MARK} by token"}),
		"headers": {"Content-Type": "application/json", "X-Flow-Token": one.secret},
	}
	assert post(one.url, one.base, **call).status_code == 202
	call["headers"]["X-Flow-Token"] = one.secret[:-1]
	assert said(post(one.url, one.base, **call)) == (401, "call_refused")
	assert said(one.call()) == (401, "call_refused")


def test_the_secret_is_nowhere_to_be_read(hook, manager, callers, site):
	one = hook()
	told = [
		manager.get("hooks.get", name=one.name),
		manager.get("hooks.list"),
		manager.resource("GET", "Flow Inbound Hook", one.name),
		manager.post("hooks.test", name=one.name, payload={"subject": "x"}),
	]
	assert one.secret not in json.dumps(told)
	stored = site(
		"answer = frappe.db.sql('select * from `tabFlow Inbound Hook` where name = %s', name)", name=one.name
	)
	assert one.secret not in json.dumps(stored, default=str)
	status, body = manager.send(
		"POST",
		"/api/method/run_doc_method",
		json={"dt": "Flow Inbound Hook", "dn": one.name, "method": "get_password"},
	)
	assert status >= 400 and one.secret not in json.dumps(body)


def test_only_managers_see_and_change_hooks(hook, callers):
	one = hook()
	for who in ("user", "guest"):
		for path, arguments in (
			("hooks.list", {}),
			("hooks.get", {"name": one.name}),
			("hooks.calls", {"name": one.name}),
			("hooks.test", {"name": one.name}),
			("hooks.rotate_secret", {"name": one.name}),
			("hooks.update", {"name": one.name, "values": {"enabled": 0}}),
			("hooks.delete", {"name": one.name}),
			("hooks.create", {"values": {"hook_name": "x", "flow_template": one.template}}),
		):
			assert callers[who].post(path, **arguments)[0] == 403, (who, path)
		assert callers[who].resource("GET", "Flow Inbound Hook", one.name)[0] == 403
		assert callers[who].resource("GET", "Flow Inbound Call")[0] == 403


def test_what_is_done_to_a_hook_is_in_the_audit_trail(hook, manager, site):
	one = hook()
	manager.post("hooks.update", name=one.name, values={"window_seconds": 60, "enabled": 0})
	manager.post("hooks.rotate_secret", name=one.name)
	one.call(secret="another secret that is long")
	manager.post("hooks.delete", name=one.name)
	found = site(
		"""answer = frappe.get_all("Flow Audit Event", {"flow_template": template,
			"event_type": ("like", "hook.%")}, ["event_type", "user", "details"], order_by="name")""",
		template=one.template,
	)
	assert [event["event_type"] for event in found] == [
		"hook.created",
		"hook.changed",
		"hook.disabled",
		"hook.secret_rotated",
		"hook.refused",
		"hook.deleted",
	]
	assert {e["user"] for e in found if e["event_type"] != "hook.refused"} == {found[0]["user"]}
	assert found[0]["user"].startswith("manager@") and found[4]["user"] is None
	assert all(one.name in event["details"] for event in found)


def test_a_form_of_the_desk_keeps_a_hook_by_the_same_rules(manager, flow, site):
	template = flow(issue("a", "x"))
	status, made = manager.resource(
		"POST", "Flow Inbound Hook", hook_name=unique("desk"), flow_template=template
	)
	assert status == 200, made
	name = made["data"]["name"]
	status, _ = manager.resource("PUT", "Flow Inbound Hook", name, window_seconds=10**9)
	assert status == 422
	assert manager.resource("DELETE", "Flow Inbound Hook", name)[0] == 202
	status, _ = manager.resource("POST", "Flow Inbound Call", outcome="accepted")
	assert status >= 400


def test_a_time_that_is_signed_and_none_is_refused(hook):
	one = hook()
	call = signed(one.secret, {"subject": f"{MARK} x"})
	call["headers"].update(
		{
			"X-Flow-Timestamp": "soon",
			"X-Flow-Signature": "sha256=" + signature(one.secret, "soon", call["data"]),
		}
	)
	assert said(post(one.url, one.base, **call)) == (401, "stale_timestamp")


CALL = """
from flow_engine.engine.inbound import Call, sign
from flow_engine.frappe_host.host import get_host
from flow_engine.service.receiving import receive
headers = {"content-type": "application/json", "x-flow-timestamp": time, "x-flow-id": "order-1",
	"x-flow-signature": sign(secret, time, body.encode())}
answer = receive(get_host(), hook, Call(body.encode(), headers))["run"]
"""


@pytest.mark.parametrize("point", ["hook.locked", "hook.started", "start.inserted"])
def test_a_process_killed_in_a_call_has_taken_all_of_it_or_nothing(point, bench, hook, site):
	one = hook()
	body = json.dumps({"subject": f"{MARK} killed"})
	names = {"hook": one.name, "secret": one.secret, "body": body, "time": str(int(time.time()))}
	assert killed_while_asking(bench, point, CALL, names) == -signal.SIGKILL
	assert (one.runs(), one.calls()) == ([], [])
	run = site(CALL, **names)
	assert [call["flow_run"] for call in one.calls()] == [run]
	assert said(one.call(call_id="order-1"))[1] == "duplicate_call"
	assert len(one.runs()) == 1
