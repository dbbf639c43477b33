"""The moments at which a schedule fires, and those it passes over with the reason.

Local times come from cron (or are the one of a one-time schedule), days off move or drop them, the zone turns
them into moments. The same moment is named once, whatever leads to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from flow_engine.engine.schedules.calendars import Calendar, OffDays
from flow_engine.engine.schedules.cron import local_times
from flow_engine.engine.schedules.zones import Fold, Gap, end_of_gap, moments, second_pass

# After so many passed over in a row nothing is looked for any further.
MOST_PASSED_OVER = 100_000
WEEKEND, HOLIDAY, GAP = "weekend", "holiday", "gap"


@dataclass(frozen=True)
class Timing:
	"""When a schedule fires. `cron`: five fields as `read_cron` gives them; else `run_at`, naive local time
	in `zone`, once."""

	zone: ZoneInfo
	cron: str | None = None
	run_at: datetime | None = None
	off_days: OffDays = OffDays.ANY
	calendar: Calendar = field(default_factory=Calendar)
	gap: Gap = Gap.AFTER
	fold: Fold = Fold.FIRST


@dataclass(frozen=True, slots=True)
class Fire:
	"""`at`: aware UTC; `local`: what the wall shows then, naive. `because`: why it does not happen
	(`weekend`, `holiday`, `gap`), or None. `moved_from`: the local time that a day off or a jump of the
	clocks moved it from."""

	at: datetime
	local: datetime
	because: str | None = None
	moved_from: datetime | None = None


def fires_after(timing: Timing, after: datetime) -> Iterator[Fire]:
	"""Every fire later than `after`, those that do not happen among them, in the order of time."""
	if timing.cron is None:
		yield from (fire for fire in _once(timing) if fire.at > after)
		return
	last = after
	while True:
		found = None
		for fire in _found_after(timing, last):
			if fire.because is None:
				found = fire
				break
			yield fire
		if found is None:
			return
		yield found
		last = found.at


def next_fire(timing: Timing, after: datetime) -> datetime | None:
	"""The first moment later than `after` at which it fires; None: never again."""
	return next((fire.at for fire in fires_after(timing, after) if fire.because is None), None)


def _once(timing: Timing) -> Iterator[Fire]:
	assert timing.run_at is not None
	day = timing.calendar.moved(timing.run_at.date(), timing.off_days)
	if day is None:
		for at in moments(timing.run_at, timing.zone)[:1]:
			yield Fire(at, timing.run_at, timing.calendar.reason(timing.run_at.date()))
		return
	# Once is once, also where the clock shows it twice.
	found = _placed(timing, datetime.combine(day, timing.run_at.time()), timing.run_at, timing.zone)
	yield from islice(found, 1)


def _found_after(timing: Timing, after: datetime) -> Iterator[Fire]:
	"""Those passed over after `after` and then one that happens: the first."""
	local = after.astimezone(timing.zone)
	again = second_pass(after, timing.zone) if timing.fold is Fold.BOTH else None
	if again is not None:
		# What is shown between now and then has a second turn that begins before later local times do.
		turn = again.astimezone(timing.zone) - timedelta(minutes=1)
		second = _walk(timing, turn, again - timedelta(microseconds=1))
		yield from _earliest(_walk(timing, local, after), second)
		return
	yield from _walk(timing, local, after)


def _earliest(one: Iterator[Fire], other: Iterator[Fire]) -> Iterator[Fire]:
	found = [fire for fires in (list(one), list(other)) for fire in fires]
	happening = min((fire.at for fire in found if fire.because is None), default=None)
	told = set()
	for fire in sorted(found, key=lambda fire: fire.at):
		if fire.at not in told and (happening is None or fire.at <= happening):
			told.add(fire.at)
			yield fire


def _walk(timing: Timing, local: datetime, after: datetime) -> Iterator[Fire]:
	"""Local times from where `local` is, until one happens later than `after`."""
	assert timing.cron is not None
	start = local.replace(tzinfo=None, fold=0)
	if timing.off_days is OffDays.NEXT:
		# What was due on the days off before today may have been moved to later today.
		rest = timing.calendar.rest_before(start.date())
		if rest < start.date() or timing.calendar.is_off(start.date()):
			start = datetime.combine(rest, time()) - timedelta(minutes=1)
	passed = 0
	while passed < MOST_PASSED_OVER:
		for due in local_times(timing.cron, start):
			passed += 1
			if passed >= MOST_PASSED_OVER:
				return
			day = timing.calendar.moved(due.date(), timing.off_days)
			if day is None:
				for at in moments(due, timing.zone)[:1]:
					if at > after:
						yield Fire(at, due, timing.calendar.reason(due.date()))
				# The rest of the day off holds nothing but more of the same.
				start = _end_of(due)
				break
			for fire in _placed(timing, datetime.combine(day, due.time()), due, timing.zone):
				if fire.at <= after:
					continue
				yield fire
				if fire.because is None:
					return
		else:
			return


def _end_of(local: datetime) -> datetime:
	return datetime.combine(local.date(), time(23, 59))


def _placed(timing: Timing, local: datetime, due: datetime, zone: ZoneInfo) -> Iterator[Fire]:
	"""The moments of one local time."""
	moved_from = due if local != due else None
	found = moments(local, zone)
	if found:
		for at in found if timing.fold is Fold.BOTH else found[:1]:
			yield Fire(at, local, None, moved_from)
		return
	try:
		jump = end_of_gap(local, zone)
	except OverflowError:
		return
	if timing.gap is Gap.SKIP:
		yield Fire(jump, local, GAP, moved_from)
	else:
		shown = jump.astimezone(zone).replace(tzinfo=None, fold=0)
		yield Fire(jump, shown, None, due)
