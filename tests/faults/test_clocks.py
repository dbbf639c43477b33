"""Clocks that jump, hours that repeat, ticks that stop: a wait fires once and not before its time."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from flow_engine.clock import SystemClock
from flow_engine.engine.draining import drain, start_run
from flow_engine.engine.ports import NewRun
from flow_engine.engine.running import LEASE_SECONDS
from flow_engine.sqlite_host.host import open_host
from flow_engine.sqlite_host.templates import store_definition
from flow_engine.testing.builders import flow, issue, step

TORONTO = ZoneInfo("America/Toronto")


class JumpingClock(SystemClock):
	"""Stands where it is put, also back in time."""

	def __init__(self, at: datetime):
		super().__init__("America/Toronto")
		self.at = at

	def now(self) -> datetime:
		return self.at.astimezone(timezone.utc)

	def monotonic(self) -> float:
		return 0.0


def toronto(*when: int, fold: int = 0) -> datetime:
	return datetime(*when, tzinfo=TORONTO, fold=fold)


class Site:
	def __init__(self, at: datetime):
		self.clock = JumpingClock(at)
		self.host = open_host(clock=self.clock)
		self.made = None

	def start(self, trigger: tuple, **variables: int) -> str:
		if self.made is None:
			steps = step("wait", when=trigger), issue("then", "x", after=["wait"])
			self.made = store_definition(self.host.templates, flow(*steps), "Clock")
		new = NewRun(
			self.made.template, self.made.version, "manual", variables=variables, run_as="a@example.com"
		)
		return self.host.runs.transact(lambda: start_run(self.host, new))

	def work(self, at: datetime) -> int:
		"""Everything due at that time; how many documents there are."""
		self.clock.at = at
		while drain(self.host, 60):
			pass
		return self.host.database.rows("SELECT COUNT(*) AS n FROM document")[0]["n"]


# trigger, started, the last moment before it fires and the first it may.
WAITS = [
	(
		"a delay over the hour that is left out",
		("after_delay", {"delay_hours": 2}),
		toronto(2026, 3, 8, 1, 30),
		datetime(2026, 3, 8, 8, 29, 59, tzinfo=timezone.utc),
		datetime(2026, 3, 8, 8, 30, tzinfo=timezone.utc),
	),
	(
		"a delay over the hour that repeats",
		("after_delay", {"delay_hours": 2}),
		toronto(2026, 11, 1, 0, 30),
		datetime(2026, 11, 1, 6, 29, 59, tzinfo=timezone.utc),
		datetime(2026, 11, 1, 6, 30, tzinfo=timezone.utc),
	),
	(
		"a date on a leap day",
		("on_date", {"at": "2028-02-29T09:00:00"}),
		toronto(2026, 3, 1, 9),
		toronto(2028, 2, 29, 8, 59, 59),
		toronto(2028, 2, 29, 9),
	),
	(
		"a day after a leap day",
		("on_date", {"at": "2028-02-29T09:00:00", "offset_days": 1}),
		toronto(2028, 2, 28, 9),
		toronto(2028, 3, 1, 8, 59, 59),
		toronto(2028, 3, 1, 9),
	),
	(
		"a year, to the second",
		("after_delay", {"delay_days": 365}),
		toronto(2026, 3, 1, 9),
		datetime(2027, 3, 1, 13, 59, 59, tzinfo=timezone.utc),
		datetime(2027, 3, 1, 14, tzinfo=timezone.utc),
	),
]


@pytest.mark.parametrize(
	"trigger,started,before,due", [row[1:] for row in WAITS], ids=[row[0] for row in WAITS]
)
def test_a_wait_fires_at_its_time_and_not_before(trigger, started, before, due):
	site = Site(started)
	site.start(trigger)
	assert site.work(started) == 0
	assert site.work(before) == 0
	assert site.work(due) == 1
	assert site.work(due + timedelta(days=400)) == 1


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(hours=-1)], ids=["forward", "back"])
def test_a_clock_that_jumps_by_an_hour_neither_loses_nor_repeats_a_wait(jump):
	at = toronto(2026, 6, 1, 9)
	site = Site(at)
	run = site.start(("after_delay", {"delay_hours": 3}))
	site.work(at)
	site.work(at + timedelta(hours=2) + jump)
	site.work(at + timedelta(hours=2))
	assert site.work(at + timedelta(hours=3, minutes=1)) == 1
	assert site.host.runs.read(run).status == "completed"


def test_a_lease_taken_by_a_clock_an_hour_ahead_ends_all_the_same():
	at = toronto(2026, 6, 1, 9)
	site = Site(at)
	run = site.start(("after_delay", {"delay_hours": 0}))
	site.clock.at = at + timedelta(hours=1)
	assert site.host.runs.claim(1, LEASE_SECONDS)
	assert site.work(at + timedelta(minutes=5)) == 0
	assert site.work(at + timedelta(hours=1, seconds=LEASE_SECONDS + 1)) == 1
	assert site.host.runs.read(run).status == "completed"


def test_a_tick_that_stood_still_for_a_day_catches_up_in_bounded_batches():
	at = toronto(2026, 6, 1, 9)
	site = Site(at)
	runs = [site.start(("after_delay", {"delay_hours": "{{variables.h}}"}), h=h % 20 + 1) for h in range(130)]
	site.work(at)
	site.clock.at = at + timedelta(days=1)
	claims = site.host.runs.claim(50, LEASE_SECONDS)
	assert len(claims) == 50
	site.host.runs.give_back(claims)
	assert site.work(at + timedelta(days=1)) == len(runs)
	assert site.host.runs.count_due() == 0
