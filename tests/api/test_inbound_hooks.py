"""Inbound hooks of the standalone server over real HTTP; calls are signed by openssl."""

import json
import subprocess
import time

import pytest
import requests
from signer import post, signature, signed

from flow_engine.testing.builders import flow, issue
from flow_engine.testing.served import Refused

SCHEMA = {
	"type": "object",
	"properties": {"subject": {"type": "string"}, "lines": {"type": "array", "items": {"type": "integer"}}},
	"required": ["subject"],
}
GOOD = {"subject": "Leak"}


class Hook:
	"""A hook as its caller knows it: an address and a secret."""

	def __init__(self, served, made):
		self.served = served
		self.name, self.url, self.secret = made["hook"]["name"], made["hook"]["url"], made["secret"]

	def call(self, payload=GOOD, secret=None, **options):
		call = signed(secret or self.secret, payload, **options)
		return post(self.url, self.served.url, **call)

	def calls(self):
		return self.served.get("hooks.calls", name=self.name)["calls"]

	def last(self):
		call = self.calls()[0]
		return call["outcome"], call["code"]


@pytest.fixture(scope="module")
def names():
	return (f"Hook {n}" for n in range(1000))


@pytest.fixture
def make(served, names):
	def made(template=None, **values):
		name = next(names)
		if template is None:
			definition = {**flow(issue("tell", "{{variables.subject}}")), "payload_schema": SCHEMA}
			template = served.flow(f"Flow of {name}", definition)["name"]
		given = {"hook_name": name, "flow_template": template, **values}
		return Hook(served, served.api("hooks.create", values=given))

	return made


def runs(served, hook):
	template = served.get("hooks.get", name=hook.name)["hook"]["flow_template"]
	return served.get("runs.list", template=template)["runs"]


def said(answer):
	return answer.status_code, answer.json().get("code")


def until_done(served, run):
	for _ in range(100):
		view = served.run(run)
		if view["status"] != "running":
			return view
		time.sleep(0.1)
	raise AssertionError(view)


def test_a_signed_call_starts_the_flow_with_its_body_as_payload(served, make):
	hook = make()
	answer = hook.call(call_id="order-1")
	assert answer.status_code == 202
	run = until_done(served, answer.json()["message"]["run"])
	assert (run["status"], run["trigger_event"], run["variables"]) == ("completed", "hook", GOOD)
	(call,) = hook.calls()
	assert (call["outcome"], call["flow_run"], call["call_id"]) == ("accepted", run["name"], "order-1")
	assert call["size"] == len(json.dumps(GOOD))
	assert call["received_at"].endswith("+00:00")


def test_the_same_call_again_starts_nothing_and_hears_of_its_run(served, make):
	hook = make()
	call = signed(hook.secret, GOOD, call_id="order-1")
	first = post(hook.url, served.url, **call)
	again = post(hook.url, served.url, **call)
	later = hook.call({"subject": "Another body"}, call_id="order-1", at=time.time() + 1)
	for answer in (again, later):
		assert said(answer) == (409, "duplicate_call")
		assert answer.json()["run"] == first.json()["message"]["run"]
	assert len(runs(served, hook)) == 1
	assert hook.last() == ("duplicate", "duplicate_call")


def test_a_call_that_was_listened_to_is_no_other_call_under_another_id(served, make):
	hook = make()
	call = signed(hook.secret, GOOD, call_id="order-1")
	assert post(hook.url, served.url, **call).status_code == 202
	call["headers"]["X-Flow-Id"] = "order-2"
	assert said(post(hook.url, served.url, **call)) == (409, "duplicate_call")
	del call["headers"]["X-Flow-Id"]
	assert said(post(hook.url, served.url, **call)) == (409, "duplicate_call")
	assert len(runs(served, hook)) == 1


def test_many_at_once_with_one_id_start_one_run(served, make):
	from concurrent.futures import ThreadPoolExecutor

	hook = make()
	calls = [signed(hook.secret, {"subject": f"n {n}"}, call_id="same") for n in range(6)]
	with ThreadPoolExecutor(6) as pool:
		statuses = sorted(a.status_code for a in pool.map(lambda c: post(hook.url, served.url, **c), calls))
	assert statuses == [202, 409, 409, 409, 409, 409]
	assert len(runs(served, hook)) == 1


STRANGERS = {
	"no headers": lambda hook: {"data": b"{}", "headers": {"Content-Type": "application/json"}},
	"another secret": lambda hook: signed("another secret that is long", GOOD),
	"another body": lambda hook: {**signed(hook.secret, GOOD), "data": b'{"subject": "Forged"}'},
	"another time": lambda hook: _with(
		signed(hook.secret, GOOD), "X-Flow-Timestamp", str(int(time.time()) + 1)
	),
	"a cut signature": lambda hook: _with(signed(hook.secret, GOOD), "X-Flow-Signature", "sha256=abc"),
	"not hexadecimal": lambda hook: _with(signed(hook.secret, GOOD), "X-Flow-Signature", "sha256=\u00e9"),
	"a token": lambda hook: {"data": b"{}", "headers": {"X-Flow-Token": hook.secret}},
}


def _with(call, header, value):
	call["headers"][header] = value.encode("latin-1") if not value.isascii() else value
	return call


@pytest.mark.parametrize("how", STRANGERS)
def test_a_stranger_hears_the_same_whether_or_not_there_is_such_a_hook(served, make, how):
	hook = make()
	call = STRANGERS[how](hook)
	at_one = post(hook.url, served.url, **call)
	at_none = post(hook.url.replace(hook.name, "no-such-hook"), served.url, **call)
	at_nothing = post(hook.url.partition("?")[0], served.url, **call)
	assert said(at_one) == (401, "call_refused")
	assert at_one.json() == at_none.json() == at_nothing.json()
	served.api("hooks.update", name=hook.name, values={"enabled": 0})
	assert post(hook.url, served.url, **call).json() == at_one.json()
	assert runs(served, hook) == []


def test_what_is_kept_of_a_forged_call_says_nothing_that_could_sign_one(served, make):
	hook = make()
	forged = signed("another secret that is long", GOOD)
	post(hook.url, served.url, **forged)
	text = json.dumps(hook.calls()) + json.dumps(served.get("hooks.get", name=hook.name))
	text += json.dumps(served.get("hooks.list"))
	assert hook.last() == ("refused", "call_refused")
	given = forged["headers"]["X-Flow-Signature"].removeprefix("sha256=")
	assert hook.secret not in text and given not in text and "Leak" not in text


def test_strangers_cannot_fill_the_log_nor_lock_out_who_may_call(served, make):
	hook = make()
	for _ in range(35):
		post(hook.url, served.url, data=b"{}", headers={"Content-Type": "application/json"})
	kept = [call for call in hook.calls() if call["code"] == "call_refused"]
	assert len(kept) == 30
	assert hook.call().status_code == 202


@pytest.mark.parametrize("hours", [-1, 1, 24 * 365])
def test_a_clock_that_is_off_is_told_by_how_much(served, make, hours):
	hook = make()
	answer = hook.call(at=time.time() + hours * 3600)
	assert said(answer) == (401, "stale_timestamp")
	assert "seconds" in answer.json()["message"]
	assert hook.last() == ("refused", "stale_timestamp")
	assert runs(served, hook) == []


@pytest.mark.parametrize("timestamp", ["", "yesterday", "-5", "1e9", "9" * 40, "12.5"])
def test_a_time_that_is_none_is_refused_even_when_it_is_signed(served, make, timestamp):
	hook = make()
	call = signed(hook.secret, GOOD)
	body = call["data"]
	call["headers"]["X-Flow-Timestamp"] = timestamp
	call["headers"]["X-Flow-Signature"] = "sha256=" + signature(hook.secret, timestamp, body)
	assert said(post(hook.url, served.url, **call)) == (401, "stale_timestamp")


def test_what_is_wrong_with_a_proven_call_is_said_by_code_and_path(served, make):
	hook = make()
	bad = hook.call({"lines": [1, "2"]}).json()
	assert bad["code"] == "invalid_payload"
	assert sorted(p["path"] for p in bad["problems"]) == ["lines[1]", "subject"]
	assert said(hook.call(b"[1]")) == (422, "invalid_payload")
	assert said(hook.call(b'{"subject":')) == (400, "bad_json")
	assert said(hook.call(b"\xff\xfe")) == (400, "bad_json")
	assert said(hook.call(b'{"subject": NaN}')) == (400, "bad_json")
	assert said(hook.call(b"")) == (400, "bad_json")
	assert said(hook.call(**{"Content-Type": "text/plain"})) == (415, "unsupported_content_type")
	form = {"Content-Type": "application/x-www-form-urlencoded"}
	assert said(hook.call(b"subject=Leak", **form)) == (415, "unsupported_content_type")
	assert said(hook.call(call_id="two words")) == (400, "bad_call_id")
	assert said(hook.call(call_id="x" * 101)) == (400, "bad_call_id")
	assert runs(served, hook) == []
	assert {call["outcome"] for call in hook.calls()} == {"refused"}


def test_a_body_that_is_too_large_is_refused_by_its_size(served, make):
	hook = make(max_body_bytes=1_000)
	assert said(hook.call({"subject": "x" * 2_000})) == (413, "body_too_large")
	assert hook.last() == ("refused", "body_too_large")
	assert said(hook.call({"subject": "x" * 5_000_000})) == (413, "body_too_large")
	stranger = signed("another secret that is long", {"subject": "x" * 5_000_000})
	at_one = post(hook.url, served.url, **stranger)
	at_none = post(hook.url.replace(hook.name, "none"), served.url, **stranger)
	assert said(at_one) == (413, "body_too_large") and at_one.json() == at_none.json()


def test_a_hook_that_is_off_says_so_only_to_who_may_call(served, make):
	hook = make()
	served.api("hooks.update", name=hook.name, values={"enabled": 0})
	assert said(hook.call()) == (409, "hook_disabled")
	served.api("hooks.update", name=hook.name, values={"enabled": 1})
	assert hook.call().status_code == 202


def test_a_hook_of_a_flow_that_is_paused_retired_or_gone_says_so_and_stays(served, make):
	hook = make()
	template = served.get("hooks.get", name=hook.name)["hook"]["flow_template"]
	served.api("templates.update", name=template, is_active=0)
	assert said(hook.call()) == (409, "template_inactive")
	served.api("templates.delete", name=template)
	assert said(hook.call(at=time.time() + 1)) == (409, "flow_gone")
	shown = served.get("hooks.get", name=hook.name)
	assert shown["hook"]["refused"]["code"] == "template_not_found"
	assert [call["code"] for call in shown["calls"]] == ["flow_gone", "template_inactive"]


def test_more_calls_than_the_hook_takes_in_a_minute_wait(served, make):
	hook = make(calls_per_minute=3)
	statuses = [hook.call({"subject": f"n {n}"}).status_code for n in range(5)]
	assert statuses == [202, 202, 202, 429, 429]
	assert len(runs(served, hook)) == 3


def test_a_token_is_enough_where_the_hook_says_so_and_is_no_signature_elsewhere(served, make):
	hook = make(authentication="token")
	json_type = {"Content-Type": "application/json"}
	by_token = {"data": json.dumps(GOOD), "headers": {**json_type, "X-Flow-Token": hook.secret}}
	assert post(hook.url, served.url, **by_token).status_code == 202
	by_token["headers"]["X-Flow-Id"] = "order-1"
	assert post(hook.url, served.url, **by_token).status_code == 202
	assert said(post(hook.url, served.url, **by_token)) == (409, "duplicate_call")
	assert said(hook.call()) == (401, "call_refused")
	by_token["headers"]["X-Flow-Token"] = hook.secret + "x"
	assert said(post(hook.url, served.url, **by_token)) == (401, "call_refused")


def test_while_a_secret_is_replaced_both_are_good_and_then_the_new_one_alone(served, make):
	hook = make()
	made = served.api("hooks.rotate_secret", name=hook.name, overlap_hours=1)
	assert made["previous_until"]
	for secret in (hook.secret, made["secret"]):
		assert hook.call({"subject": secret[:4]}, secret=secret).status_code == 202
	last = served.api("hooks.rotate_secret", name=hook.name, overlap_hours=0)["secret"]
	for secret in (hook.secret, made["secret"]):
		assert said(hook.call(secret=secret)) == (401, "call_refused")
	assert hook.call(secret=last).status_code == 202


def test_a_call_of_one_hook_does_not_count_for_another(served, make):
	one = make()
	other = make(template=served.get("hooks.get", name=one.name)["hook"]["flow_template"])
	served.api("hooks.rotate_secret", name=other.name, secret=one.secret, overlap_hours=0)
	call = signed(one.secret, GOOD, call_id="order-1")
	assert post(one.url, served.url, **call).status_code == 202
	assert post(other.url, served.url, **call).status_code == 202
	assert len(runs(served, one)) == 2


def test_the_line_that_is_shown_calls_the_hook(served, make):
	for authentication in ("hmac", "token"):
		hook = make(authentication=authentication)
		line = served.get("hooks.get", name=hook.name)["curl"].replace(
			hook.url, served.url + hook.url[hook.url.index("/api") :]
		)
		assert hook.secret not in line
		ran = subprocess.run(
			["bash", "-c", line],
			env={"FLOW_SECRET": hook.secret, "PATH": "/usr/bin:/bin"},
			capture_output=True,
		)
		answer = json.loads(ran.stdout)
		assert answer["message"]["run"], (ran.stdout, ran.stderr)


def test_trying_a_hook_goes_through_everything_and_starts_nothing(served, make):
	hook = make()
	good = served.api("hooks.test", name=hook.name, payload=GOOD)
	assert (good["http_status"], good["run"]) == (202, None)
	bad = served.api("hooks.test", name=hook.name, payload={})
	assert (bad["http_status"], bad["code"]) == (422, "invalid_payload")
	assert [p["path"] for p in bad["problems"]] == ["subject"]
	assert [call["outcome"] for call in hook.calls()] == ["tested", "tested"]
	assert runs(served, hook) == []


def test_what_is_wrong_with_a_hook_is_named_by_field(served, names):
	with pytest.raises(Refused) as caught:
		served.api(
			"hooks.create",
			values={
				"authentication": "basic",
				"window_seconds": 0,
				"max_body_bytes": 10**9,
				"secret": "short",
			},
		)
	assert caught.value.code == "invalid_hook"
	assert {p["path"] for p in caught.value.body["problems"]} == {
		"hook_name",
		"flow_template",
		"authentication",
		"window_seconds",
		"max_body_bytes",
		"secret",
	}
	with pytest.raises(Refused) as caught:
		served.api("hooks.create", values={"hook_name": next(names), "flow_template": "FT-99999"})
	assert caught.value.code == "template_not_found"
	with pytest.raises(Refused) as caught:
		served.get("hooks.get", name="none")
	assert (caught.value.status, caught.value.code) == (404, "hook_not_found")


def test_two_hooks_have_two_names_and_two_people_do_not_overwrite_one_another(served, make):
	hook = make()
	shown = served.get("hooks.get", name=hook.name)["hook"]
	with pytest.raises(Refused) as caught:
		make(template=shown["flow_template"], hook_name=shown["hook_name"])
	assert caught.value.code == "name_taken"
	served.api("hooks.update", name=hook.name, values={"window_seconds": 60}, modified=shown["modified"])
	with pytest.raises(Refused) as caught:
		served.api("hooks.update", name=hook.name, values={"window_seconds": 90}, modified=shown["modified"])
	assert caught.value.code == "save_conflict"


def test_nothing_but_a_post_is_a_call(served, make):
	hook = make()
	url = served.url + hook.url[hook.url.index("/api") :]
	session = requests.Session()
	session.trust_env = False
	assert session.get(url, timeout=30).status_code == 405
