"""Lateness on the standalone host: its working hours, what a tick costs, and what the API tells."""

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from flow_engine.clock import VirtualClock
from flow_engine.engine.draining import drain, start_run
from flow_engine.engine.errors import BadInput
from flow_engine.engine.interventions import complete_step
from flow_engine.engine.ports import NewRun
from flow_engine.engine.sla.durations import NEVER, parse_duration
from flow_engine.engine.sla.watching import watch_clocks
from flow_engine.service import doors
from flow_engine.service.standing import standing
from flow_engine.sqlite_host.host import open_host
from flow_engine.sqlite_host.templates import store_definition
from flow_engine.sqlite_host.ticking import tick
from flow_engine.sqlite_host.watching import instants
from flow_engine.testing.builders import flow, issue, step

START = datetime(2026, 3, 16, 9, tzinfo=timezone.utc)


@pytest.fixture
def host():
	made = open_host(clock=VirtualClock(START, "Europe/Paris"))
	yield made
	made.database.close()


def put(host, doctype, name, **values):
	host.runs.transact(lambda: host.documents.load({"doctype": doctype, "name": name, **values}))


def over(host, name, since, duration):
	moment = datetime.fromisoformat(since).replace(tzinfo=ZoneInfo("Europe/Paris"))
	until = host.business_hours(name).after(moment.astimezone(timezone.utc), parse_duration(duration))
	return until if until == NEVER else until.astimezone(ZoneInfo("Europe/Paris")).isoformat()[:16]


def hours(workday, start_time="20:00", end_time="23:00"):
	return {"workday": workday, "start_time": start_time, "end_time": end_time}


def test_working_hours_are_documents_or_nine_to_five(host):
	assert over(host, "business", "2026-03-20 16:00", "2h") == "2026-03-23T10:00"
	put(host, "Holiday List", "Feasts", holidays=[{"holiday_date": "2026-03-23"}])
	assert over(host, "Feasts", "2026-03-20 16:00", "2h") == "2026-03-24T10:00"
	rows = [hours("Monday"), hours("Tuesday")]
	put(host, "Service Level Agreement", "Nights", support_and_resolution=rows, holiday_list="Feasts")
	assert over(host, "Nights", "2026-03-20 16:00", "4h") == "2026-03-30T21:00"
	put(
		host,
		"Service Level Agreement",
		"business",
		support_and_resolution=[hours("Friday", "08:00:00", "12:00")],
	)
	for name in ("business", "unknown"):
		assert over(host, name, "2026-03-16 16:00", "1h") == "2026-03-20T09:00"


@pytest.mark.parametrize(
	"rows",
	[
		None,
		"x",
		[],
		[None, 3],
		[hours("Someday")],
		[hours("Monday", "9", "17")],
		[hours("Monday", "23:00", "20:00")],
	],
)
def test_hours_that_cannot_be_read_open_nothing(host, rows):
	put(host, "Service Level Agreement", "business", support_and_resolution=rows)
	assert over(host, "business", "2026-03-16 16:00", "1h") == NEVER


def start(host, trigger):
	new = NewRun(trigger.template, trigger.version, "manual", run_as="operator@example.com")
	return host.runs.transact(lambda: start_run(host, new))


def waiting(host, count=1, sla=None):
	definition = flow(
		step("ask", when="manual", sla=sla or {"warn": "1d", "breach": "2d"}),
		issue("boss", "Late", parent="ask", branch="sla_breach"),
	)
	trigger = store_definition(host.templates, definition)
	runs = [start(host, trigger) for _ in range(count)]
	drain(host, 60)
	return trigger.template, runs


def test_a_tick_of_a_file_marks_and_goes_on_in_the_same_tick(host):
	_, (run,) = waiting(host)
	host.clock.move_to(START + timedelta(days=2, minutes=1))
	assert tick(host, 50)["late"] == 1
	steps = {one["id"]: one["status"] for one in doors.get_run(host, run)["run"]["steps"]}
	assert steps == {"ask": "waiting", "boss": "done"}


def test_a_row_that_cannot_be_repaired_keeps_no_lateness_from_being_found(host):
	_, (run,) = waiting(host, sla={"breach": "2d"})
	late = {"flow_run": run, "step_id": "ask", "status": "pending", "trigger_at": "0 rubbish", "name": "X"}
	host.runs.transact(lambda: host.runs._insert("Flow Step Pending", [late]))
	host.clock.move_to(START + timedelta(days=2, minutes=1))
	assert tick(host, 50)["failed"] == 1
	assert doors.get_run(host, run)["run"]["sla_status"] == "overdue"


def test_more_than_a_tick_takes_is_left_for_the_next_the_longest_due_first(host):
	waiting(host, 5)
	host.clock.move_to(START + timedelta(days=2, minutes=1))
	assert [watch_clocks(host, limit=2) for _ in range(4)] == [2, 2, 1, 0]


def test_the_api_tells_how_runs_and_steps_stand(host):
	template, (late, soon, fine) = waiting(host, 3)
	complete_step(host, fine, "ask")
	drain(host, 60)
	host.clock.move_to(START + timedelta(days=1, minutes=1))
	watch_clocks(host)
	complete_step(host, soon, "ask")
	drain(host, 60)
	host.clock.move_to(START + timedelta(days=2, minutes=1))
	watch_clocks(host)
	for run, expected in ((late, "overdue"), (soon, "on_time"), (fine, "on_time")):
		assert doors.get_run(host, run)["run"]["sla_status"] == expected
		assert run in [row["name"] for row in doors.list_runs(host, sla_status=expected)["runs"]]
	clock = doors.get_run(host, late)["run"]["steps"][0]["sla"]
	assert clock["breached_at"] == clock["breach_at"] == (START + timedelta(days=2)).isoformat()
	picture = standing(host, host.templates, template, "ask")
	assert picture["steps"]["ask"]["overdue"] == 1
	assert [(row["name"], row["standing"]) for row in picture["here"]] == [(late, "overdue")]
	with pytest.raises(BadInput):
		doors.list_runs(host, sla_status="bad")


def test_a_flow_without_promises_has_no_clock_and_no_columns(host):
	trigger = store_definition(host.templates, flow(step("ask", when="manual")))
	run = start(host, trigger)
	drain(host, 60)
	(row,) = host.database.rows(
		"SELECT sla_at, sla_status, step_state FROM `tabFlow Run` WHERE name = %s", [run]
	)
	assert (row["sla_at"], row["sla_status"]) == (None, None)
	assert "sla" not in row["step_state"]


def test_a_tick_finds_what_is_due_along_an_index(host):
	plan = host.database.rows(
		"EXPLAIN QUERY PLAN SELECT name FROM `tabFlow Run` WHERE sla_at <= '2026' ORDER BY sla_at LIMIT 500"
	)
	assert "run_sla" in plan[0]["detail"] and "TEMP B-TREE" not in str(plan)


def test_a_promise_in_working_hours_is_kept_over_a_weekend(host):
	host.clock.move_to(datetime(2026, 3, 20, 15, tzinfo=timezone.utc))
	_, (run,) = waiting(host, sla={"breach": "1d", "calendar": "business"})
	for _now in instants(host, host.clock, START + timedelta(days=30)):
		if doors.get_run(host, run)["run"]["sla_status"] == "overdue":
			break
	assert host.clock.now() == datetime(2026, 3, 23, 15, tzinfo=timezone.utc)
