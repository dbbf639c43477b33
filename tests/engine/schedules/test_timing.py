"""When schedules fire, held against the library's own times over years of a virtual clock."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from flow_engine.engine.schedules.calendars import Calendar, OffDays
from flow_engine.engine.schedules.cron import ALIASES, BadCron, NeverFires, local_times, read_cron
from flow_engine.engine.schedules.timing import Timing, fires_after, next_fire
from flow_engine.engine.schedules.zones import Fold, Gap, UnknownZone, moments, read_zone

UTC = timezone.utc
ZONES = ("America/Toronto", "Europe/Paris", "Asia/Kolkata", "Australia/Sydney", "Australia/Lord_Howe", "UTC")


def at(text: str, zone: str = "UTC") -> datetime:
	return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def happening(timing: Timing, after: datetime, until: datetime) -> list[datetime]:
	found = []
	for fire in fires_after(timing, after):
		if fire.at > until:
			break
		if fire.because is None:
			found.append(fire.at)
	return found


# --- cron ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
	"text",
	[
		"* * * * *",
		"*/15 8-18 * * 1-5",
		"0 9 * jan,JUL Mon-Fri",
		"0 9 L * *",
		"30 6 * * L5",
		"0 9 * * fri#2",
		"0 9 29 2 *",
		"0 0 ? * 7",
		"  5   4 * *   sun ",
		*ALIASES,
	],
)
def test_expressions_that_are_accepted_have_five_fields_afterwards(text):
	assert len(read_cron(text).split()) == 5


@pytest.mark.parametrize(
	("text", "names"),
	[
		("", "five fields"),
		("* * * *", "five fields"),
		("0 0 9 * * *", "five fields"),
		("61 * * * *", "minute"),
		("0 24 * * *", "hour"),
		("0 9 32 * *", "day of the month"),
		("0 9 * 13 *", "month"),
		("0 9 * * 8", "day of the week"),
		("0 9 * * 5-1", "day of the week"),
		("0 9 15W * *", "day of the month"),
		("H * * * *", "minute"),
		("R * * * *", "minute"),
		("*/0 * * * *", "minute"),
		("0 9 * foo *", "month"),
		("@reboot", "@reboot"),
		("0 9 L-3 * *", "day of the month"),
		("1" * 200, "characters"),
		("0 9 * * 1#6", "day of the week"),
	],
)
def test_what_is_no_expression_is_refused_and_says_where(text, names):
	with pytest.raises(BadCron) as refused:
		read_cron(text)
	assert refused.value.code == "bad_cron"
	assert names in refused.value.message


@pytest.mark.parametrize("text", ["0 0 30 2 *", "0 0 31 4,6,9,11 *"])
def test_a_date_that_never_comes_is_refused(text):
	with pytest.raises(NeverFires):
		read_cron(text)


@given(st.text(max_size=40))
def test_no_text_makes_reading_an_expression_fail_otherwise(text):
	try:
		read_cron(text)
	except (BadCron, NeverFires):
		pass


def test_the_29th_of_february_comes_every_four_years_but_not_in_2100():
	found = islice(local_times(read_cron("0 9 29 2 *"), datetime(2090, 1, 1)), 4)
	assert [when.year for when in found] == [2092, 2096, 2104, 2108]


def test_after_the_last_day_of_the_calendar_nothing_fires():
	timing = Timing(ZoneInfo("America/Toronto"), read_cron("0 9 * * *"))
	found = list(fires_after(timing, datetime(9999, 12, 29, tzinfo=UTC)))
	assert [fire.at.date() for fire in found] == [date(9999, 12, day) for day in (29, 30, 31)]


def test_day_of_month_and_day_of_week_are_either_or_as_in_cron():
	found = islice(local_times(read_cron("0 9 1 * mon"), datetime(2026, 1, 1)), 4)
	assert [when.day for when in found] == [1, 5, 12, 19]


# --- clocks put forward and back ----------------------------------------------------------------------------

GAPS = [
	# zone, a local time that is jumped over, the first moment after the jump
	("America/Toronto", "2026-03-08T02:30", "2026-03-08T07:00"),
	("Europe/Paris", "2026-03-29T02:30", "2026-03-29T01:00"),
	("Australia/Sydney", "2026-10-04T02:30", "2026-10-03T16:00"),
	("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:30"),
	("Pacific/Apia", "2011-12-30T09:00", "2011-12-30T10:00"),
]


@pytest.mark.parametrize(("zone", "local", "jump"), GAPS)
def test_a_time_that_is_jumped_over_fires_at_the_first_moment_after_or_not_at_all(zone, local, jump):
	when = datetime.fromisoformat(local)
	cron = read_cron(f"{when.minute} {when.hour} * * *")
	before = at(jump) - timedelta(hours=12)
	after = Timing(ZoneInfo(zone), cron, gap=Gap.AFTER)
	assert at(jump) in happening(after, before, before + timedelta(days=1))
	skip = Timing(ZoneInfo(zone), cron, gap=Gap.SKIP)
	assert happening(skip, before, at(jump) + timedelta(hours=2)) == []
	passed = [fire for fire in islice(fires_after(skip, before), 2) if fire.because]
	assert [(fire.because, fire.local) for fire in passed] == [("gap", when)]


FOLDS = [
	# zone, a local time that comes twice, when it comes
	("America/Toronto", "2026-11-01T01:30", ("2026-11-01T05:30", "2026-11-01T06:30")),
	("Europe/Paris", "2026-10-25T02:30", ("2026-10-25T00:30", "2026-10-25T01:30")),
	("Australia/Sydney", "2026-04-05T02:30", ("2026-04-04T15:30", "2026-04-04T16:30")),
	("Australia/Lord_Howe", "2026-04-05T01:45", ("2026-04-04T14:45", "2026-04-04T15:15")),
]


@pytest.mark.parametrize(("zone", "local", "twice"), FOLDS)
def test_a_time_that_comes_twice_fires_the_first_time_or_both(zone, local, twice):
	when = datetime.fromisoformat(local)
	cron = read_cron(f"{when.minute} {when.hour} * * *")
	start, end = at(twice[0]) - timedelta(hours=6), at(twice[0]) + timedelta(hours=12)
	assert happening(Timing(ZoneInfo(zone), cron, fold=Fold.FIRST), start, end) == [at(twice[0])]
	assert happening(Timing(ZoneInfo(zone), cron, fold=Fold.BOTH), start, end) == [at(one) for one in twice]


def test_every_half_hour_in_the_repeated_hour_comes_in_the_order_of_time():
	timing = Timing(ZoneInfo("America/Toronto"), read_cron("*/30 * * * *"), fold=Fold.BOTH)
	found = happening(timing, at("2026-11-01T04:45"), at("2026-11-01T07:15"))
	assert found == [at("2026-11-01T05:00") + timedelta(minutes=30 * n) for n in range(5)]


@pytest.mark.parametrize("year", range(2020, 2030))
def test_kolkata_has_neither(year):
	timing = Timing(ZoneInfo("Asia/Kolkata"), read_cron("30 2 * * *"), gap=Gap.SKIP, fold=Fold.BOTH)
	found = happening(timing, datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC))
	assert len(found) == (366 if year % 4 == 0 else 365)
	assert {when.time() for when in found} == {time(21, 0)}


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "/etc/passwd", "a\x00b", "EST5EDT4X"])
def test_what_is_no_zone_is_refused(name):
	with pytest.raises(UnknownZone):
		read_zone(name)


# --- the property -------------------------------------------------------------------------------------------

minutes = st.sampled_from(["0", "30", "*/20", "15,45", "59"])
hours = st.sampled_from(["*", "1", "2", "1-3", "*/6", "9,17", "0", "23"])
days = st.sampled_from(["*", "*", "1", "L", "29", "1,15", "31"])
months = st.sampled_from(["*", "*", "2", "3,10,11", "jan-jun"])
weekdays = st.sampled_from(["*", "*", "1-5", "sun", "6,0", "fri#2", "L1"])
crons = st.builds(lambda *parts: " ".join(parts), minutes, hours, days, months, weekdays)
starts = st.datetimes(datetime(2020, 1, 1), datetime(2032, 1, 1)).map(lambda d: d.replace(tzinfo=UTC))


def expected(cron: str, zone: ZoneInfo, gap: Gap, fold: Fold, after: datetime, until: datetime) -> set:
	"""The library's own local times, each put into the zone by trying every minute of the calendar's day."""
	found: set[datetime] = set()
	start = after.astimezone(zone).replace(tzinfo=None) - timedelta(days=2)
	end = until.astimezone(zone).replace(tzinfo=None) + timedelta(days=2)
	times = croniter(cron, start)
	while True:
		local = times.get_next(datetime)
		if local > end:
			break
		first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
		if first == second or first < second:
			found.add(first)
			if fold is Fold.BOTH:
				found.add(second)
		elif gap is Gap.AFTER:
			# The first minute at which the clock shows something later than what is jumped over.
			minute = second
			while minute.astimezone(zone).replace(tzinfo=None, fold=0) < local:
				minute += timedelta(minutes=1)
			found.add(minute)
	return {when for when in found if after < when <= until}


@settings(max_examples=300, deadline=None)
@given(crons, st.sampled_from(ZONES), st.sampled_from(Gap), st.sampled_from(Fold), starts)
def test_fires_are_the_librarys_times_each_once_and_in_order(cron, zone, gap, fold, start):
	try:
		read = read_cron(cron)
	except NeverFires:
		return
	info, until = ZoneInfo(zone), start + timedelta(days=40)
	found = happening(Timing(info, read, gap=gap, fold=fold), start, until)
	assert found == sorted(set(found))
	assert set(found) == expected(read, info, gap, fold, start, until)


CHANGES = [
	datetime(2026, 3, 7, 12, tzinfo=UTC),
	datetime(2026, 10, 31, 12, tzinfo=UTC),
	datetime(2026, 3, 28, 12, tzinfo=UTC),
	datetime(2026, 10, 24, 12, tzinfo=UTC),
	datetime(2026, 4, 4, 1, tzinfo=UTC),
	datetime(2026, 10, 3, 1, tzinfo=UTC),
]


@settings(max_examples=300, deadline=None)
@given(
	st.builds(lambda m, h: f"{m} {h} * * *", minutes, hours),
	st.sampled_from(ZONES),
	st.sampled_from(Gap),
	st.sampled_from(Fold),
	st.sampled_from(CHANGES),
	st.integers(0, 36 * 60),
)
def test_the_same_holds_from_every_moment_around_the_days_on_which_clocks_change(
	cron, zone, gap, fold, day, minute
):
	start = day + timedelta(minutes=minute)
	info, until = ZoneInfo(zone), day + timedelta(days=2)
	found = happening(Timing(info, read_cron(cron), gap=gap, fold=fold), start, until)
	assert found == sorted(set(found))
	assert set(found) == expected(read_cron(cron), info, gap, fold, start, until)


@settings(max_examples=150, deadline=None)
@given(
	crons, st.sampled_from(ZONES), st.sampled_from(OffDays), starts, st.sets(st.integers(0, 60), max_size=25)
)
def test_days_off_move_or_drop_whole_days_and_nothing_else(cron, zone, off_days, start, off):
	try:
		read = read_cron(cron)
	except NeverFires:
		return
	info, until = ZoneInfo(zone), start + timedelta(days=30)
	first = start.astimezone(info).date() - timedelta(days=10)
	holidays = frozenset(first + timedelta(days=n) for n in off)
	calendar = Calendar(holidays, first, first + timedelta(days=60))
	timing = Timing(info, read, off_days=off_days, calendar=calendar, gap=Gap.SKIP)
	found = happening(timing, start, until)
	wanted = set()
	for local in local_times(read, datetime.combine(first - timedelta(days=400), time())):
		if local.date() > until.astimezone(info).date() + timedelta(days=70):
			break
		day = calendar.moved(local.date(), off_days)
		if day is not None:
			wanted |= set(moments(datetime.combine(day, local.time()), info)[:1])
	assert found == sorted(when for when in wanted if start < when <= until)
	if off_days is not OffDays.ANY:
		assert not any(calendar.is_off(when.astimezone(info).date()) for when in found)


def test_a_calendar_of_nothing_but_days_off_ends_the_search():
	every = frozenset(date(2026, 1, 1) + timedelta(days=n) for n in range(5 * 366))
	calendar = Calendar(every, min(every), max(every))
	timing = Timing(ZoneInfo("UTC"), read_cron("0 9 * * *"), off_days=OffDays.SKIP, calendar=calendar)
	assert next_fire(timing, datetime(2026, 1, 1, tzinfo=UTC)) == datetime(2031, 1, 6, 9, tzinfo=UTC)


# --- once ---------------------------------------------------------------------------------------------------


def test_a_one_time_schedule_fires_once_whatever_the_clocks_do():
	twice = Timing(ZoneInfo("America/Toronto"), run_at=datetime(2026, 11, 1, 1, 30), fold=Fold.BOTH)
	assert happening(twice, at("2026-01-01T00:00"), at("2030-01-01T00:00")) == [at("2026-11-01T05:30")]
	jumped = Timing(ZoneInfo("America/Toronto"), run_at=datetime(2026, 3, 8, 2, 30))
	assert happening(jumped, at("2026-01-01T00:00"), at("2030-01-01T00:00")) == [at("2026-03-08T07:00")]


def test_a_one_time_schedule_on_a_day_off_is_moved():
	timing = Timing(ZoneInfo("UTC"), run_at=datetime(2026, 11, 21, 9), off_days=OffDays.PREVIOUS)
	assert next_fire(timing, at("2026-11-01T00:00")) == at("2026-11-20T09:00")
	assert next_fire(timing, at("2026-11-20T10:00")) is None
