"""Schedules through the standalone API: every door, and what is wrong said with a code and a place."""

import time
import uuid
from datetime import datetime, timedelta, timezone

import pytest

from flow_engine.testing.served import Refused

SCHEMA = {"type": "object", "properties": {"team": {"type": "string"}}, "required": ["team"]}


@pytest.fixture
def flow(served):
	"""A flow that wants a team, switched on."""
	steps = [{"id": "made", "kind": "issue", "payload": {"subject": "For {{variables.team}}"}}]
	definition = {"version": 1, "trigger": {"event": "manual"}, "steps": steps, "payload_schema": SCHEMA}
	return served.flow(uuid.uuid4().hex, definition)["name"]


def values(flow, **more):
	given = {"schedule_name": uuid.uuid4().hex, "flow_template": flow, "cron": "0 9 * * 1-5"}
	return {**given, "timezone": "America/Toronto", "payload": {"team": "Ops"}, **more}


def made(served, flow, **more):
	return served.api("schedules.create", values=values(flow, **more))["schedule"]


def until(holds, seconds=20):
	ends = time.monotonic() + seconds
	while not holds():
		assert time.monotonic() < ends, "it never came to that"
		time.sleep(0.05)


def problems(served, given):
	with pytest.raises(Refused) as caught:
		served.api("schedules.create", values=given)
	assert (caught.value.status, caught.value.code) == (422, "invalid_schedule")
	return {(problem["path"], problem["code"]) for problem in caught.value.body["problems"]}


def test_a_schedule_is_made_listed_changed_paused_resumed_and_deleted(served, flow):
	schedule = made(served, flow)
	name = schedule["name"]
	assert (schedule["status"], schedule["payload"]) == ("enabled", {"team": "Ops"})
	(row,) = served.api("schedules.list", template=flow)["schedules"]
	assert (row["name"], row["flow_status"], row["schedule_type"]) == (name, "active", "cron")
	changed = served.api(
		"schedules.update", name=name, values={"cron": "0 10 * * *"}, modified=schedule["modified"]
	)["schedule"]
	assert changed["cron"] == "0 10 * * *"
	with pytest.raises(Refused) as caught:
		served.api("schedules.update", name=name, values={"cron": "@daily"}, modified=schedule["modified"])
	assert (caught.value.status, caught.value.code) == (409, "save_conflict")
	assert served.api("schedules.pause", name=name, reason="Quiet")["schedule"]["next_fire_at"] is None
	assert served.api("schedules.list", template=flow, status="enabled")["schedules"] == []
	assert served.api("schedules.resume", name=name)["schedule"]["status"] == "enabled"
	assert served.api("schedules.list", search=schedule["schedule_name"][:8])["schedules"]
	assert served.api("schedules.list", search="100%_no such")["schedules"] == []
	assert served.api("schedules.delete", name=name) == {"ok": True}
	with pytest.raises(Refused) as caught:
		served.api("schedules.get", name=name)
	assert (caught.value.status, caught.value.code) == (404, "schedule_not_found")


def test_the_server_fires_what_is_due_and_by_hand(served, flow):
	name = made(served, flow)["name"]
	run = served.api("schedules.fire_now", name=name, reason="To see it")["run"]
	(fire,) = served.api("schedules.fires", name=name)["fires"]
	assert (fire["run"], fire["by_hand"], fire["reason"]) == (run, True, "To see it")
	soon = datetime.now(timezone.utc) + timedelta(seconds=3)
	once = {"schedule_type": "once", "cron": "", "timezone": "UTC"}
	due = made(served, flow, **once, run_at=soon.strftime("%Y-%m-%dT%H:%M:%S"))["name"]
	until(lambda: served.api("schedules.get", name=due)["schedule"]["status"] == "finished")
	(fire,) = served.api("schedules.fires", name=due)["fires"]
	until(lambda: served.run(fire["run"])["status"] == "completed")


@pytest.mark.parametrize(
	("wrong", "found"),
	[
		({"schedule_name": "  "}, ("schedule_name", "missing_field")),
		({"flow_template": "FT-99999"}, ("flow_template", "template_not_found")),
		({"flow_template": ""}, ("flow_template", "missing_field")),
		({"cron": ""}, ("cron", "missing_field")),
		({"cron": "0 0 9 * * *"}, ("cron", "bad_cron")),
		({"cron": "0 0 30 2 *"}, ("cron", "never_fires")),
		({"timezone": "Mars/Olympus"}, ("timezone", "unknown_zone")),
		({"schedule_type": "hourly"}, ("schedule_type", "bad_value")),
		({"schedule_type": "once", "run_at": "2020-01-01T09:00"}, ("run_at", "past")),
		({"schedule_type": "once", "run_at": "tomorrow"}, ("run_at", "bad_date")),
		({"schedule_type": "once", "run_at": "2030-01-01T09:00+02:00"}, ("run_at", "bad_date")),
		({"schedule_type": "once", "run_at": "9999-12-31T09:00"}, ("run_at", "bad_date")),
		({"schedule_type": "once"}, ("run_at", "missing_field")),
		({"payload": {"team": 5}}, ("payload.team", "wrong_type")),
		({"payload": {}}, ("payload.team", "missing_field")),
		({"payload": "no JSON"}, ("payload", "bad_json")),
		({"payload": [1]}, ("payload", "wrong_type")),
		({"payload": {"team": "x" * 70_000}}, ("payload", "too_large")),
		({"jitter_minutes": -1}, ("jitter_minutes", "bad_value")),
		({"jitter_minutes": "many"}, ("jitter_minutes", "bad_value")),
		({"missed_policy": "sometimes"}, ("missed_policy", "bad_value")),
		({"holiday_list": "No such list"}, ("holiday_list", "unknown_holiday_list")),
		({"fan_out_doctype": "Issue", "fan_out_filters": "["}, ("fan_out_filters", "bad_json")),
		(
			{"fan_out_doctype": "Issue", "fan_out_filters": [["status", "~", 1]]},
			("fan_out_filters[0]", "unknown_operator"),
		),
		({"fan_out_doctype": "Issue", "fan_out_filters": [["status"]]}, ("fan_out_filters[0]", "bad_value")),
		(
			{"fan_out_doctype": "Issue", "fan_out_condition": {"field": "doc.status", "op": "~"}},
			("fan_out_condition.op", "unknown_operator"),
		),
		(
			{"fan_out_doctype": "Issue", "fan_out_condition": "no such thing"},
			("fan_out_condition", "bad_condition"),
		),
		({"fan_out_doctype": "Issue", "fan_out_order": "1; drop"}, ("fan_out_order", "bad_value")),
	],
)
def test_what_is_wrong_is_refused_with_its_place(served, flow, wrong, found):
	given = values(flow, **wrong)
	assert found in problems(served, given)
	# Nothing of it makes a preview fail.
	assert found in {
		(p["path"], p["code"]) for p in served.api("schedules.preview", values=given)["problems"]
	}


@pytest.mark.parametrize("given", ["text", "[1]", 5, {"payload": {"team": "\ud800"}}])
def test_values_that_are_no_object_or_cannot_be_kept_are_bad_input(served, given):
	with pytest.raises(Refused) as caught:
		served.api("schedules.create", values=given)
	assert (caught.value.status, caught.value.code) == (400, "bad_input")


def test_a_field_that_is_not_there_is_named(served, flow):
	with pytest.raises(Refused) as caught:
		served.api("schedules.create", values=values(flow, wake_at="2020-01-01"))
	assert caught.value.code == "bad_input" and "wake_at" in str(caught.value)


def test_all_problems_are_told_at_once(served, flow):
	given = values(flow, schedule_name="", cron="x", timezone="y", payload={})
	paths = {path for path, _code in problems(served, given)}
	assert paths == {"schedule_name", "cron", "timezone", "payload.team"}


def test_a_preview_tells_five_fires_and_those_passed_over(served, flow):
	shown = served.api("schedules.preview", values=values(flow, cron="0 9 * * *", day_policy="skip"))
	happening = [fire for fire in shown["fires"] if "skipped_because" not in fire]
	skipped = {fire["skipped_because"] for fire in shown["fires"] if "skipped_because" in fire}
	assert (len(happening), skipped, shown["problems"]) == (5, {"weekend"}, [])
	assert all(datetime.fromisoformat(fire["local"]).hour == 9 for fire in shown["fires"])
	assert shown["words"] == "Every day at 09:00 (America/Toronto)"
	french = served.api("schedules.preview", values=values(flow), language="fr")["words"]
	assert french == "Du lundi au vendredi à 09:00 (America/Toronto)"


def test_a_preview_of_nothing_yet_is_an_answer(served):
	shown = served.api("schedules.preview", values={})
	assert (shown["fires"], shown["matches"]) == ([], None)
	assert {problem["path"] for problem in shown["problems"]} == {"schedule_name", "flow_template", "cron"}


def test_who_may_start_the_flow_may_fire_its_schedule(served):
	definition = {
		"version": 1,
		"trigger": {"event": "manual"},
		"steps": [{"id": "s", "kind": "wait"}],
		"starters": {"users": ["ann@example.com"]},
	}
	flow = served.flow(uuid.uuid4().hex, definition)["name"]
	name = made(served, flow, payload={})["name"]
	with pytest.raises(Refused) as caught:
		served.api("schedules.fire_now", name=name, user="bob@example.com")
	assert (caught.value.status, caught.value.code) == (403, "not_on_allow_list")
	assert served.api("schedules.fire_now", name=name, user="ann@example.com")["run"]
	(fire,) = served.api("schedules.fires", name=name)["fires"]
	assert fire["asked_by"] == "ann@example.com"


def test_a_condition_on_one_line_is_kept_as_data(served, flow):
	schedule = made(served, flow, fan_out_doctype="Issue", fan_out_condition="doc.priority in:High,Urgent")
	condition = {"field": "doc.priority", "op": "in", "value": ["High", "Urgent"]}
	assert schedule["fan_out_condition"] in (condition, {**condition, "value": "High,Urgent"})
