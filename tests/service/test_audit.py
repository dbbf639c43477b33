"""The audit trail at the doors that both hosts share: what is asked for, and files of it."""

import csv
import io
import json
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from flow_engine.clock import VirtualClock
from flow_engine.engine.errors import BadInput
from flow_engine.engine.ports import AuditEvent
from flow_engine.service.audit import BATCH, COLUMNS, exported, read_filters
from flow_engine.sqlite_host.host import open_host
from flow_engine.sqlite_host.trail_api import export_lines, list_events

MONTREAL = ZoneInfo("America/Toronto")
START = datetime(2026, 10, 31, 12, tzinfo=timezone.utc)


@pytest.fixture
def host():
	clock = VirtualClock(START, "America/Toronto")
	host = open_host(clock=clock)
	for number, (event, user, run) in enumerate(
		[
			("run.started", "ann", "FR-1"),
			("run.failed", "", "FR-1"),
			("run.step_retried", "bob", "FR-1"),
			("runs.other", "bob", None),
			("template.changed", "ann", None),
		]
	):
		host.runs.audit(AuditEvent(event, flow_run=run, user=user, details={"number": number}, reason="why"))
		clock.move_to(clock.now() + timedelta(hours=12))
	return host


def numbers(answer):
	return [event["metadata"]["number"] for event in answer["events"]]


def test_the_newest_come_first_in_pages(host):
	first = list_events(host, {"limit": 2})
	assert (numbers(first), first["more"]) == ([4, 3], True)
	assert (numbers(list_events(host, {"limit": "2", "start": "4"}))) == [0]


@pytest.mark.parametrize(
	"given, found",
	[
		({}, [4, 3, 2, 1, 0]),
		({"event": "*"}, [4, 3, 2, 1, 0]),
		({"event": "run.failed"}, [1]),
		({"event": "run.*"}, [2, 1, 0]),
		({"event": "*ed"}, [4, 2, 1, 0]),
		({"event": "*step_r*"}, [2]),
		({"user": "bob"}, [3, 2]),
		({"run": "FR-1", "event": "run.s*"}, [2, 0]),
		({"template": "FT-00001"}, []),
		({"since": "2026-11-01"}, [4, 3, 2]),
		({"until": "2026-10-31"}, [1, 0]),
		({"since": "2026-10-31T08:00:00", "until": "2026-10-31T08:00:01"}, [0]),
		({"since": "2026-11-01T12:00:00+00:00", "until": "2026-11-01T12:00:00.000001+00:00"}, [2]),
	],
)
def test_filters_say_what_is_wanted(host, given, found):
	assert numbers(list_events(host, given)) == found


@pytest.mark.parametrize(
	"given",
	[
		{"since": "yesterday"},
		{"until": "2026-02-30"},
		{"event": "run.%"},
		{"event": "run.failed; drop"},
		{"event": "x" * 65},
		{"limit": "many"},
		{"user": ["ann"]},
	],
)
def test_what_cannot_be_read_is_refused(host, given):
	with pytest.raises(BadInput):
		list_events(host, given)


def test_the_last_day_there_is_has_no_end(host):
	with pytest.raises(BadInput):
		read_filters({"until": "9999-12-31"}, MONTREAL)


def test_a_csv_has_a_row_for_each_event_oldest_first(host):
	rows = list(csv.reader(io.StringIO("".join(export_lines(host, {}, "csv")))))
	assert tuple(rows[0]) == COLUMNS
	assert [json.loads(row[-1])["number"] for row in rows[1:]] == [0, 1, 2, 3, 4]
	assert (rows[2][1], rows[2][3]) == ("2026-11-01T00:00:00.000000+00:00", "")


def test_lines_of_json_are_the_events_as_the_list_shows_them(host):
	lines = [
		json.loads(line) for line in "".join(export_lines(host, {"event": "run.*"}, "jsonl")).splitlines()
	]
	assert lines == list_events(host, {"event": "run.*"})["events"][::-1]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_a_spreadsheet_takes_no_reason_for_a_formula(host, text):
	host.runs.audit(AuditEvent("run.cancelled", reason=text))
	(row,) = list(csv.reader(io.StringIO("".join(export_lines(host, {"event": "run.cancelled"}, "csv")))))[1:]
	assert row[9] == "'" + text


def test_an_export_reads_a_batch_at_a_time_and_misses_none(host):
	host.runs.transact(
		lambda: host.runs.audit(*[AuditEvent("bulk.made", details={"n": n}) for n in range(2 * BATCH + 7)])
	)
	chunks = list(export_lines(host, {"event": "bulk.made"}, "jsonl"))
	assert [chunk.count("\n") for chunk in chunks] == [BATCH, BATCH, 7]
	found = [json.loads(line)["metadata"]["n"] for chunk in chunks for line in chunk.splitlines()]
	assert found == list(range(2 * BATCH + 7))


def test_nothing_is_read_before_it_is_asked_for():
	def batches():
		raise AssertionError("read too early")
		yield

	assert next(exported(batches(), "csv")).startswith("id,")


def test_it_is_found_along_an_index(host):
	plan = host.database.rows(
		"EXPLAIN QUERY PLAN SELECT name FROM `tabFlow Audit Event` WHERE name > 'x' ORDER BY name LIMIT 1000"
	)
	assert "SEARCH" in plan[0]["detail"] and "TEMP B-TREE" not in str(plan)
