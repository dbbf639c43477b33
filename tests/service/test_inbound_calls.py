"""Calls to a hook in a file: along their index however many there are, told once, in whose name."""

from datetime import datetime, timedelta, timezone

import pytest

from flow_engine.clock import VirtualClock
from flow_engine.engine.inbound import Call, DuplicateCall, StaleTimestamp, sign
from flow_engine.service.inbound_hooks import create_hook, curl_line, sample_payload
from flow_engine.service.inbound_hooks import test_hook as try_hook
from flow_engine.service.receiving import receive
from flow_engine.sqlite_host.host import open_host
from flow_engine.sqlite_host.templates import store_definition
from flow_engine.testing.builders import flow, step

SECRET = "a-secret-of-this-test"


@pytest.fixture
def host(tmp_path):
	found = open_host(
		str(tmp_path / "flows.sqlite3"), clock=VirtualClock(datetime(2026, 5, 4, 9, tzinfo=timezone.utc))
	)
	store_definition(found.templates, flow(step("a")), "Called")
	found.templates.update("Called", {"is_active": 1})
	return found


@pytest.fixture
def hook(host):
	values = {"hook_name": "Shop", "flow_template": host.templates.get("Called")["name"], "secret": SECRET}
	return create_hook(host, values)["hook"]["name"]


def call(host, call_id="", body=b"{}"):
	timestamp = str(int(host.clock.now().timestamp()))
	headers = {
		"content-type": "application/json",
		"x-flow-timestamp": timestamp,
		"x-flow-signature": sign(SECRET, timestamp, body),
		"x-flow-id": call_id,
	}
	return Call(body, headers, "10.0.0.1")


def plans(host, hook):
	"""How the database answers every question that a call asks of the calls there are."""
	store, seen = host.inbound.store, []
	rows = store.database._rows

	def explained(sql, values=()):
		if "tabFlow Inbound Call" in sql:
			seen.append(" ".join(row["detail"] for row in rows(f"EXPLAIN QUERY PLAN {sql}", values)))
		return rows(sql, values)

	store.database._rows = explained
	try:
		receive(host, hook, call(host, body=b'{"x": 1}'))
		store.calls(hook, 20)
	finally:
		del store.database._rows
	return seen


def test_what_a_call_asks_of_those_before_it_goes_along_an_index(host, hook):
	found = plans(host, hook)
	assert len(found) == 3, found
	assert all("USING INDEX inbound_call" in plan for plan in found), found
	assert not any("SCAN" in plan or "TEMP B-TREE" in plan for plan in found), found


def test_a_minute_is_counted_by_the_clock_of_the_database(host, hook):
	host.inbound.records.update(hook, {"calls_per_minute": 2})
	for number in range(2):
		receive(host, hook, call(host, f"a{number}", b'{"n": %d}' % number))
	with pytest.raises(Exception, match="2 calls a minute"):
		receive(host, hook, call(host, "b"))
	host.clock.move_to(host.clock.now() + timedelta(seconds=61))
	assert receive(host, hook, call(host, "b"))["run"]


def test_the_same_call_is_known_for_as_long_as_its_run_is(host, hook):
	host.inbound.records.update(hook, {"window_seconds": 86_400})
	first = receive(host, hook, call(host, "order-1"))["run"]
	late = call(host, "order-1")
	host.clock.move_to(host.clock.now() + timedelta(hours=23))
	for again in (late, call(host, "order-1")):
		with pytest.raises(DuplicateCall) as refused:
			receive(host, hook, again)
		assert refused.value.as_dict()["run"] == first
	host.clock.move_to(host.clock.now() + timedelta(hours=2))
	with pytest.raises(StaleTimestamp):
		receive(host, hook, late)


def test_what_is_told_of_a_refused_call_names_no_person(host, hook):
	with pytest.raises(StaleTimestamp):
		late = call(host)
		host.clock.move_to(host.clock.now() + timedelta(hours=1))
		receive(host, hook, late)
	(event,) = host.database.rows(
		"SELECT user, reason, details FROM `tabFlow Audit Event` WHERE event_type = 'hook.refused'"
	)
	assert event["user"] is None and "3,600 seconds behind" in event["reason"]
	assert SECRET not in event["details"]


def test_a_try_is_refused_as_a_call_is_and_leaves_no_run(host, hook):
	assert try_hook(host, hook, {})["http_status"] == 202
	host.templates.update("Called", {"is_active": 0})
	assert try_hook(host, hook, {})["code"] == "template_inactive"
	assert host.database.rows("SELECT name FROM `tabFlow Run`") == []


def test_the_commands_carry_a_sample_of_what_has_to_be_given():
	schema = {
		"type": "object",
		"properties": {
			"name": {"type": "string"},
			"day": {"type": "string", "format": "date"},
			"kind": {"enum": ["it's new"]},
			"floors": {"type": "integer", "minimum": 3},
			"odd": True,
			"left": {"type": "string"},
		},
		"required": ["name", "day", "kind", "floors", "odd"],
	}
	assert sample_payload(schema) == {
		"name": "text",
		"day": "2026-01-31",
		"kind": "it's new",
		"floors": 3,
		"odd": "text",
	}
	assert "it'\\''s new" in curl_line("http://example.com", "hmac", schema)
