"""Fires that were missed, and how fires are spread: a table and a property."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flow_engine.engine.schedules.policies import GRACE, MOST_CAUGHT_UP, Missed, decide_due, jitter_of
from flow_engine.engine.schedules.timing import Timing, fires_after

UTC = timezone.utc
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOURLY = Timing(ZoneInfo("UTC"), "0 * * * *")


def hours(*numbers: int) -> tuple[datetime, ...]:
	return tuple(NOON + timedelta(hours=n) for n in numbers)


@pytest.mark.parametrize(
	("missed", "cap", "late_by", "fires", "given_up"),
	[
		# noticed in time
		(Missed.SKIP, 10, timedelta(minutes=9), hours(0), None),
		# an hour that nobody was there for; the one at 13:00 is in time
		(Missed.SKIP, 10, timedelta(hours=1, minutes=2), hours(1), (*hours(0, 0), 1)),
		(Missed.RUN_ONCE, 10, timedelta(hours=1, minutes=2), hours(1), (*hours(0, 0), 1)),
		(Missed.ALL, 10, timedelta(hours=1, minutes=2), hours(0, 1), None),
		# five hours and a half: none is in time any more
		(Missed.SKIP, 10, timedelta(hours=5, minutes=30), (), (*hours(0, 5), 6)),
		(Missed.RUN_ONCE, 10, timedelta(hours=5, minutes=30), hours(5), (*hours(0, 4), 5)),
		(Missed.ALL, 10, timedelta(hours=5, minutes=30), hours(0, 1, 2, 3, 4, 5), None),
		(Missed.ALL, 2, timedelta(hours=5, minutes=30), hours(4, 5), (*hours(0, 3), 4)),
	],
)
def test_what_an_outage_leaves_to_do(missed, cap, late_by, fires, given_up):
	due = decide_due(HOURLY, NOON, NOON + late_by, missed, cap)
	assert due.fires == fires
	assert due.missed == given_up
	assert due.next_at is not None
	assert NOON + late_by < due.next_at <= NOON + late_by + timedelta(hours=1)


def test_a_fire_that_is_late_on_purpose_is_not_missed():
	now = NOON + timedelta(minutes=30)
	assert decide_due(HOURLY, NOON, now, Missed.SKIP, 1, spread=timedelta(minutes=30)).fires == (NOON,)


def test_a_year_without_a_tick_is_bounded():
	every_minute = Timing(ZoneInfo("UTC"), "* * * * *")
	now = NOON + timedelta(days=366)
	due = decide_due(every_minute, NOON, now, Missed.ALL, 10_000)
	assert len(due.fires) == MOST_CAUGHT_UP + GRACE // timedelta(minutes=1) + 1
	assert due.fires[-1] == now
	assert due.missed[0] == NOON and due.missed[2] > 1_500
	assert due.next_at == now + timedelta(minutes=1)
	assert decide_due(every_minute, NOON, now, Missed.RUN_ONCE, 1).fires == (now,)


def test_an_outage_of_a_schedule_that_fires_often_is_made_up_for_once():
	every_minute = Timing(ZoneInfo("UTC"), "* * * * *")
	now = NOON + timedelta(minutes=31)
	due = decide_due(every_minute, NOON, now, Missed.RUN_ONCE, 1)
	assert due.fires == (now,)
	assert due.missed == (NOON, now - timedelta(minutes=1), 31)


@settings(max_examples=100, deadline=None)
@given(
	st.sampled_from(["0 * * * *", "*/15 8-18 * * *", "0 9 * * 1", "7 3 1 * *"]),
	st.sampled_from(Missed),
	st.integers(1, 20),
	st.lists(st.integers(1, 4 * 24 * 60), min_size=1, max_size=40),
)
def test_every_moment_is_fired_or_given_up_exactly_once_however_ticks_stop_and_jump(cron, missed, cap, waits):
	timing = Timing(ZoneInfo("America/Toronto"), cron)
	now, next_at = NOON, next(fires_after(timing, NOON)).at
	fired, given_up = [], 0
	for wait in waits:
		now += timedelta(minutes=wait)
		if next_at > now:
			continue
		due = decide_due(timing, next_at, now, missed, cap)
		fired += due.fires
		given_up += due.missed[2] if due.missed else 0
		next_at = due.next_at
	wanted = []
	for fire in fires_after(timing, NOON):
		if fire.at > now:
			break
		wanted.append(fire.at)
	assert fired == sorted(set(fired))
	assert set(fired) <= set(wanted)
	assert len(fired) + given_up == len(wanted)


@given(st.text(max_size=20), st.integers(0, 86_400), st.integers(0, 10**6))
def test_a_fire_is_spread_by_the_same_at_every_look(name, seconds, minute):
	at = NOON + timedelta(minutes=minute)
	first = jitter_of(name, at, seconds)
	assert first == jitter_of(name, at, seconds)
	assert timedelta() <= first <= timedelta(seconds=seconds)


def test_fires_are_spread_over_the_whole_span():
	found = {jitter_of(f"FS-{n:05d}", NOON, 3600) // timedelta(minutes=6) for n in range(500)}
	assert found == set(range(10))
