"""When a ready step fires."""

from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flow_engine.engine.definition import StepTrigger, TriggerType
from flow_engine.engine.errors import BadDate, BadDelay
from flow_engine.engine.firing import FAR_FUTURE, At, Now, OnCall, decide_firing, read_time

UTC = timezone.utc
TORONTO = ZoneInfo("America/Toronto")
READY = datetime(2026, 3, 1, 12, tzinfo=UTC)
VALUES = {
	"doc": {
		"days": 2,
		"text_days": "3",
		"date": "2026-05-10",
		"stamp": "2026-05-10 09:30:00",
		"word": "soon",
		"none": None,
		"real_date": date(2026, 5, 10),
	}
}


def fire(type_, ready=READY, zone=UTC, **fields):
	return decide_firing(StepTrigger(TriggerType(type_), fields), ready, VALUES, zone)


@pytest.mark.parametrize("type_", ["on_flow_start", "on_prev_complete"])
def test_steps_without_a_time_fire_at_once(type_):
	assert fire(type_) == Now()


@pytest.mark.parametrize(
	("fields", "after"),
	[
		({}, timedelta()),
		({"delay_minutes": 5}, timedelta(minutes=5)),
		({"delay_days": 1, "delay_hours": 2, "delay_minutes": 3}, timedelta(days=1, hours=2, minutes=3)),
		({"delay_hours": 0.5}, timedelta(minutes=30)),
		({"delay_hours": "1.5"}, timedelta(minutes=90)),
		({"delay_days": "{{doc.days}}"}, timedelta(days=2)),
		({"delay_days": "{{doc.text_days}}"}, timedelta(days=3)),
		({"delay_days": "", "delay_minutes": None}, timedelta()),
		({"delay_days": 365}, timedelta(days=365)),
	],
)
def test_a_delay_counts_from_the_moment_the_step_became_ready(fields, after):
	assert fire("after_delay", **fields) == At(READY + after, "delay")


@pytest.mark.parametrize(
	"value",
	[
		"{{doc.word}}",
		"{{doc.nothing}}",
		"{{doc.none}}",
		"tomorrow",
		-1,
		"-0.5",
		True,
		[1],
		"nan",
		"inf",
		10**400,
	],
)
def test_a_delay_that_is_no_usable_number_is_refused(value):
	with pytest.raises(BadDelay):
		fire("after_delay", delay_hours=value)


@pytest.mark.parametrize("fields", [{"delay_days": 10**9}, {"delay_days": 1e300}, {"delay_minutes": 1e308}])
def test_a_delay_past_the_calendar_ends_in_its_last_days(fields):
	assert fire("after_delay", **fields).when == FAR_FUTURE


@pytest.mark.parametrize(
	("at", "expected"),
	[
		("2026-05-10", datetime(2026, 5, 10, 4, tzinfo=UTC)),
		("2026-05-10T09:30:00", datetime(2026, 5, 10, 13, 30, tzinfo=UTC)),
		("2026-05-10 09:30:00.000500", datetime(2026, 5, 10, 13, 30, 0, 500, tzinfo=UTC)),
		("2026-05-10T09:30:00Z", datetime(2026, 5, 10, 9, 30, tzinfo=UTC)),
		("2026-05-10T09:30:00+02:00", datetime(2026, 5, 10, 7, 30, tzinfo=UTC)),
		("{{doc.date}}", datetime(2026, 5, 10, 4, tzinfo=UTC)),
		("{{doc.stamp}}", datetime(2026, 5, 10, 13, 30, tzinfo=UTC)),
		("{{doc.real_date}}", datetime(2026, 5, 10, 4, tzinfo=UTC)),
		("2026-01-10", datetime(2026, 1, 10, 5, tzinfo=UTC)),
		("2028-02-29", datetime(2028, 2, 29, 5, tzinfo=UTC)),
		("1999-12-31", datetime(1999, 12, 31, 5, tzinfo=UTC)),
	],
)
def test_a_naive_date_is_the_sites_own_time(at, expected):
	assert fire("on_date", zone=TORONTO, at=at) == At(expected, "date")


@pytest.mark.parametrize(
	"at",
	["", "   ", "soon", "{{doc.word}}", "{{doc.nothing}}", "2026-02-29", "2026-13-01", "10/05/2026", None],
)
def test_a_date_that_cannot_be_read_is_refused(at):
	with pytest.raises(BadDate):
		fire("on_date", at=at)


@pytest.mark.parametrize(
	("at", "days", "hours", "local"),
	[
		# 2026: clocks go forward on 8 March at 02:00 and back on 1 November at 02:00
		("2026-03-07T09:00", 1, 0, "2026-03-08T09:00-04:00"),
		("2026-03-07T09:00", 0, 24, "2026-03-08T10:00-04:00"),
		("2026-03-07T02:30", 1, 0, "2026-03-08T03:30-04:00"),
		("2026-03-09T09:00", -2, 0, "2026-03-07T09:00-05:00"),
		("2026-10-31T09:00", 1, 0, "2026-11-01T09:00-05:00"),
		("2026-10-31T01:30", 1, 0, "2026-11-01T01:30-04:00"),
		("2026-10-31T09:00", 0, 24, "2026-11-01T08:00-05:00"),
		("2026-11-02T09:00", -3, 0, "2026-10-30T09:00-04:00"),
		("2026-11-01T01:30-05:00", 0, 0, "2026-11-01T01:30-05:00"),
		("2028-02-28", 1, 0, "2028-02-29T00:00-05:00"),
		("2028-02-29", 366, 0, "2029-03-01T00:00-05:00"),
		("2028-03-01", -1, 0, "2028-02-29T00:00-05:00"),
		("2026-06-01", 1.5, 0, "2026-06-02T12:00-04:00"),
		("2026-06-03", -1.5, 0, "2026-06-01T12:00-04:00"),
		("2026-06-03", "-1", "2", "2026-06-02T02:00-04:00"),
		("2026-06-03", "{{doc.days}}", 0, "2026-06-05T00:00-04:00"),
	],
)
def test_days_are_calendar_days_and_hours_are_real_ones(at, days, hours, local):
	fired = fire("on_date", zone=TORONTO, at=at, offset_days=days, offset_hours=hours)
	assert fired.when == datetime.fromisoformat(local)
	assert fired.when.utcoffset() == timedelta()


@pytest.mark.parametrize("days", ["{{doc.word}}", "soon", True, "nan", 10**400])
def test_an_offset_that_is_no_number_makes_a_bad_date(days):
	with pytest.raises(BadDate):
		fire("on_date", at="2026-01-01", offset_days=days)


@pytest.mark.parametrize(
	("at", "days", "hours"),
	[
		("9999-12-31", 0, 0),
		("9999-12-31", 10, 0),
		("9999-12-31T23:59:59", 0, 0),
		("2026-01-01", 10**9, 0),
		("2026-01-01", 1e300, 0),
		("2026-01-01", 0, 1e308),
	],
)
def test_the_end_of_the_calendar_is_far_away_and_no_error(at, days, hours):
	fired = fire("on_date", zone=TORONTO, at=at, offset_days=days, offset_hours=hours)
	assert fired.when == FAR_FUTURE


@pytest.mark.parametrize(
	("at", "days", "hours"),
	[
		("0001-01-01T00:00:00+14:00", 0, 0),
		("0001-01-02", 0, -100),
		("2026-01-01", -(10**9), 0),
		("2026-01-01", 0, -1e308),
	],
)
def test_before_the_calendar_there_is_no_date(at, days, hours):
	with pytest.raises(BadDate):
		fire("on_date", at=at, offset_days=days, offset_hours=hours)


@pytest.mark.parametrize("type_", ["on_webhook", "manual"])
@pytest.mark.parametrize(
	("hours", "until"),
	[
		(None, None),
		("", None),
		(0, READY),
		(48, READY + timedelta(days=2)),
		("{{doc.days}}", READY + timedelta(hours=2)),
	],
)
def test_a_step_that_needs_somebody_waits_until_its_timeout(type_, hours, until):
	assert fire(type_, timeout_hours=hours) == OnCall(until)


def test_a_timeout_that_is_no_number_is_refused():
	with pytest.raises(BadDelay):
		fire("manual", timeout_hours="{{doc.word}}")


@given(
	st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)),
	st.integers(-4_000, 4_000),
	st.sampled_from(
		["America/Toronto", "Europe/Paris", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"]
	),
)
def test_an_offset_in_days_keeps_the_wall_clock_where_the_wall_clock_has_that_time(naive, days, name):
	zone = ZoneInfo(name)
	fired = fire("on_date", zone=zone, at=naive.isoformat(), offset_days=days)
	wanted = (read_time(naive.isoformat(), zone).astimezone(zone) + timedelta(days=days)).replace(tzinfo=None)
	local = fired.when.astimezone(zone).replace(tzinfo=None)
	# Where clocks were put forward over it, the time does not exist; it moves by what was left out.
	assert local == wanted or timedelta() < local - wanted <= timedelta(days=1)
