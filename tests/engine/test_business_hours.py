"""Durations as people write them, and when they are over in working hours."""

from datetime import date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flow_engine.engine.sla.business_hours import BusinessHours, weekdays_nine_to_five
from flow_engine.engine.sla.durations import NEVER, BadDuration, Duration, parse_duration

PARIS, TORONTO = ZoneInfo("Europe/Paris"), ZoneInfo("America/Toronto")
KOLKATA, SYDNEY = ZoneInfo("Asia/Kolkata"), ZoneInfo("Australia/Sydney")


@pytest.mark.parametrize(
	("text", "expected"),
	[
		("30m", Duration(seconds=1_800)),
		("4h", Duration(seconds=14_400)),
		("3d", Duration(days=3)),
		("1w", Duration(weeks=1)),
		("1d 12h", Duration(days=1, seconds=43_200)),
		("1d12h30m", Duration(days=1, seconds=45_000)),
		(" 2D ", Duration(days=2)),
		("3660d", Duration(days=3_660)),
	],
)
def test_a_duration_is_read(text, expected):
	assert parse_duration(text) == expected


@pytest.mark.parametrize(
	"text",
	[
		*("", " ", "3", "d", "-3d", "3y", "3 months", "1.5d", "1,5d", "0d", "0h 0m", "3d 4d", "3661d"),
		*("9999999w", "99999999999999d", "3d;", "three days", "٣d", "d3", "1d 1h 1m 1w 1d"),
		*(None, 3, 3.5, True, [], {}),
	],
)
def test_anything_else_is_no_duration_and_says_why(text):
	with pytest.raises(BadDuration) as caught:
		parse_duration(text)
	assert str(caught.value).endswith(".")


@given(st.text(max_size=40))
def test_no_text_does_anything_but_be_read_or_refused(text):
	try:
		assert parse_duration(text).elapsed_seconds > 0
	except BadDuration:
		pass


def local(zone, text):
	return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(timezone.utc)


# 2026-03-16 is a Monday.
@pytest.mark.parametrize(
	("zone", "since", "duration", "until"),
	[
		(PARIS, "2026-03-16 10:00", "4h", "2026-03-16 14:00"),
		(PARIS, "2026-03-16 16:00", "4h", "2026-03-17 12:00"),
		(PARIS, "2026-03-16 16:00", "1h", "2026-03-16 17:00"),
		(PARIS, "2026-03-16 03:00", "2h", "2026-03-16 11:00"),
		(PARIS, "2026-03-16 20:00", "2h", "2026-03-17 11:00"),
		(PARIS, "2026-03-20 16:00", "2h", "2026-03-23 10:00"),
		(PARIS, "2026-03-21 12:00", "30m", "2026-03-23 09:30"),
		(PARIS, "2026-03-16 10:00", "3d", "2026-03-19 10:00"),
		(PARIS, "2026-03-19 10:00", "3d", "2026-03-24 10:00"),
		(PARIS, "2026-03-16 10:00", "1w", "2026-03-23 10:00"),
		(PARIS, "2026-03-16 16:00", "1d 2h", "2026-03-18 10:00"),
		(PARIS, "2026-03-21 12:00", "1d", "2026-03-24 09:00"),
		# Clocks go forward on Sunday, 29 March, and back on 25 October: 10:00 stays 10:00.
		(PARIS, "2026-03-27 10:00", "1d", "2026-03-30 10:00"),
		(PARIS, "2026-03-27 16:00", "2h", "2026-03-30 10:00"),
		(PARIS, "2026-10-23 16:00", "2h", "2026-10-26 10:00"),
		(TORONTO, "2026-03-06 16:00", "2h", "2026-03-09 10:00"),
		(TORONTO, "2026-10-30 10:00", "1d", "2026-11-02 10:00"),
		(SYDNEY, "2026-04-03 16:30", "1h", "2026-04-06 09:30"),
		(SYDNEY, "2026-10-02 10:00", "1d", "2026-10-05 10:00"),
		(KOLKATA, "2026-03-27 16:00", "2h", "2026-03-30 10:00"),
	],
)
def test_a_duration_is_over_in_working_hours(zone, since, duration, until):
	found = weekdays_nine_to_five(zone).after(local(zone, since), parse_duration(duration))
	assert found == local(zone, until), found.astimezone(zone)


def test_holidays_do_not_count_and_no_day_off_is_where_it_ends():
	hours = weekdays_nine_to_five(PARIS, [date(2026, 5, 1), date(2026, 5, 8)])
	assert hours.after(local(PARIS, "2026-04-30 16:00"), parse_duration("2h")) == local(
		PARIS, "2026-05-04 10:00"
	)
	assert hours.after(local(PARIS, "2026-04-30 10:00"), parse_duration("5d")) == local(
		PARIS, "2026-05-11 10:00"
	)


def test_a_lunch_break_and_a_short_day_are_left_out():
	morning, afternoon = (time(8), time(12)), (time(13), time(17))
	hours = BusinessHours(PARIS, {**{day: (morning, afternoon) for day in range(4)}, 4: (morning,)})
	assert hours.after(local(PARIS, "2026-03-16 11:00"), parse_duration("2h")) == local(
		PARIS, "2026-03-16 14:00"
	)
	assert hours.after(local(PARIS, "2026-03-16 12:30"), parse_duration("1h")) == local(
		PARIS, "2026-03-16 14:00"
	)
	# Thursday 16:00 and a day is Friday, which has closed by then.
	assert hours.after(local(PARIS, "2026-03-19 16:00"), parse_duration("1d")) == local(
		PARIS, "2026-03-20 12:00"
	)


def test_work_over_a_clock_change_counts_real_hours():
	night = BusinessHours(PARIS, {6: ((time(0), time(6)),)})
	# 29 March 2026 has no hour from two to three, 25 October has it twice.
	assert night.after(local(PARIS, "2026-03-29 01:00"), parse_duration("2h")) == local(
		PARIS, "2026-03-29 04:00"
	)
	assert night.after(local(PARIS, "2026-10-25 01:00"), parse_duration("2h")) == local(
		PARIS, "2026-10-25 01:00"
	) + (timedelta(hours=2))


@pytest.mark.parametrize(
	"hours",
	[
		BusinessHours(PARIS, {}),
		BusinessHours(PARIS, {0: ()}),
		BusinessHours(PARIS, {0: ((time(9), time(9)),)}),
		weekdays_nine_to_five(PARIS, [date(2026, 1, 1) + timedelta(days=n) for n in range(1_000)]),
	],
)
def test_where_nobody_ever_works_nothing_is_ever_due(hours):
	assert hours.after(local(PARIS, "2026-03-16 10:00"), parse_duration("1h")) == NEVER


@given(
	st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)),
	st.integers(0, 40),
	st.integers(0, 200_000),
	st.sampled_from([PARIS, TORONTO, KOLKATA, SYDNEY]),
)
def test_it_ends_while_somebody_works_and_never_before_it_began(moment, days, seconds, zone):
	since = moment.replace(tzinfo=timezone.utc)
	hours = weekdays_nine_to_five(zone)
	until = hours.after(since, Duration(days=days, seconds=seconds))
	shown = until.astimezone(zone)
	assert until >= since
	assert shown.weekday() < 5
	assert time(9) <= shown.time() <= time(17)
	assert hours.after(since, Duration(days=days, seconds=seconds + 60)) > until or shown.time() == time(17)


@given(st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1)), st.integers(1, 200_000))
def test_working_time_adds_up(moment, seconds):
	"""What lies between, counted minute by minute, is what was asked for."""
	hours = weekdays_nine_to_five(PARIS)
	since = moment.replace(tzinfo=timezone.utc)
	until = hours.after(since, Duration(seconds=seconds))
	worked, day = timedelta(), since.astimezone(PARIS).date()
	while day <= until.astimezone(PARIS).date():
		for begins, ends in hours.windows(day):
			worked += max(min(ends, until) - max(begins, since), timedelta())
		day += timedelta(days=1)
	assert worked == timedelta(seconds=seconds)
