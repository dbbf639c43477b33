"""Date triggers: what is accepted, which moment a value stands for, and that the window of days holds it."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flow_engine.engine.definition import dump_definition, parse_definition
from flow_engine.engine.kinds import register
from flow_engine.engine.schedules.calendars import Calendar, OffDays
from flow_engine.engine.schedules.dates import DateRule, dates_for, moment_of
from flow_engine.engine.validation import validate_definition

UTC = timezone.utc
TORONTO = ZoneInfo("America/Toronto")
TRIGGER = {"event": "date", "doctype": "Subscription", "field": "end_date"}


def problems(**trigger):
	data = {"version": 1, "trigger": {**TRIGGER, **trigger}, "variables": {}, "steps": []}
	found = validate_definition(data, register(), events=("date",))
	return [(problem.path, problem.code) for problem in found]


@pytest.mark.parametrize(
	("wrong", "found"),
	[
		({"doctype": None}, ("trigger.doctype", "missing_field")),
		({"field": ""}, ("trigger.field", "missing_field")),
		({"offset_days": 1.5}, ("trigger.offset_days", "bad_value")),
		({"offset_days": "2"}, ("trigger.offset_days", "bad_value")),
		({"offset_days": True}, ("trigger.offset_days", "bad_value")),
		({"offset_hours": 10**9}, ("trigger.offset_hours", "bad_value")),
		({"time": "9:00"}, ("trigger.time", "bad_value")),
		({"time": "24:00"}, ("trigger.time", "bad_value")),
		({"time": 9}, ("trigger.time", "bad_value")),
		({"day_policy": "sometimes"}, ("trigger.day_policy", "bad_value")),
		({"holiday_list": 5}, ("trigger.holiday_list", "bad_value")),
		({"doc_event": "on_submit"}, ("trigger.doc_event", "unknown_key")),
		({"event": "manual"}, ("trigger.field", "unknown_key")),
		({"event": "manual", "field": None, "offset_days": 1}, ("trigger.offset_days", "unknown_key")),
	],
)
def test_what_is_wrong_with_a_date_trigger_is_named(wrong, found):
	assert found in problems(**wrong)


def test_a_date_trigger_is_valid_and_comes_back_as_it_was():
	more = {"offset_days": -7, "offset_hours": 2, "time": "09:00", "day_policy": "next", "holiday_list": "QC"}
	assert problems(**more) == problems() == []
	data = {"version": 1, "trigger": {**TRIGGER, "condition": "", **more}, "variables": {}, "steps": []}
	assert dump_definition(parse_definition(data))["trigger"] == data["trigger"]


@pytest.mark.parametrize(
	("rule", "value", "moment"),
	[
		({}, "2026-06-10", "2026-06-10T04:00"),
		({}, date(2026, 6, 10), "2026-06-10T04:00"),
		({}, datetime(2026, 6, 10, 15, 30), "2026-06-10T19:30"),
		({}, "2026-06-10T15:30:00+00:00", "2026-06-10T15:30"),
		({"at": time(9)}, datetime(2026, 6, 10, 15, 30), "2026-06-10T13:00"),
		({"offset_days": -7, "at": time(9)}, "2026-06-10", "2026-06-03T13:00"),
		({"offset_hours": -5}, "2026-06-10", "2026-06-09T23:00"),
		# nine stays nine across a change of the clocks, hours are hours
		({"offset_days": 1, "at": time(9)}, "2026-03-07", "2026-03-08T13:00"),
		({"offset_hours": 24, "at": time(9)}, "2026-03-07", "2026-03-08T14:00"),
		({"at": time(2, 30)}, "2026-03-08", "2026-03-08T07:00"),
		({"at": time(1, 30)}, "2026-11-01", "2026-11-01T05:30"),
		({"at": time(9), "off_days": OffDays.NEXT}, "2026-11-21", "2026-11-23T14:00"),
		({"at": time(9), "off_days": OffDays.PREVIOUS}, "2026-11-21", "2026-11-20T14:00"),
		({"off_days": OffDays.SKIP}, "2026-11-21", None),
		({}, None, None),
		({}, "", None),
		({}, "soon", None),
		({"offset_days": 1}, "9999-12-31", None),
		({"offset_days": -1}, "0001-01-01", None),
		({"offset_days": 365}, "2028-02-29", "2029-02-28T05:00"),
	],
)
def test_the_moment_that_a_value_stands_for(rule, value, moment):
	found = moment_of(DateRule(TORONTO, **rule), value)
	assert found == (datetime.fromisoformat(moment).replace(tzinfo=UTC) if moment else None)


rules = st.builds(
	DateRule,
	st.sampled_from(
		[TORONTO, ZoneInfo("Asia/Kolkata"), ZoneInfo("Australia/Sydney"), ZoneInfo("Pacific/Apia")]
	),
	st.integers(-60, 60),
	st.integers(-500, 500),
	st.none() | st.times().map(lambda at: at.replace(microsecond=0)),
	st.sampled_from(OffDays),
	st.sets(st.integers(0, 200), max_size=120).map(
		lambda days: Calendar(
			frozenset(date(2026, 1, 1) + timedelta(days=n) for n in days), date(2026, 1, 1), date(2026, 7, 20)
		)
	),
)
values = st.dates(date(2025, 12, 1), date(2026, 8, 31)) | st.datetimes(
	datetime(2025, 12, 1), datetime(2026, 8, 31)
)


@settings(max_examples=1_000, deadline=None)
@given(rules, values, st.integers(0, 3_000), st.integers(0, 3_000))
def test_every_value_whose_moment_lies_in_a_span_is_among_the_days_that_are_looked_at(
	rule, value, before, past
):
	at = moment_of(rule, value)
	if at is None:
		return
	after, until = at - timedelta(minutes=before + 1), at + timedelta(minutes=past)
	first, last = dates_for(rule, after, until)
	day = value.date() if isinstance(value, datetime) else value
	assert first <= day <= last


def test_few_days_are_looked_at():
	rule = DateRule(TORONTO, offset_days=-7, at=time(9))
	now = datetime(2026, 6, 10, 13, tzinfo=UTC)
	first, last = dates_for(rule, now - timedelta(minutes=11), now)
	assert (last - first).days == 2
