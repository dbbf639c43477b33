"""Working hours: which moments count, and when a duration counted in them is over.

A day (`3d`) is a working day: the same time of day, that many working days later. Hours and minutes are
working time. Local times are read in the calendar's zone, so that a clock change moves no opening time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

from flow_engine.engine.sla.durations import NEVER, Duration

Window = tuple[time, time]
# Somebody who never works keeps no promise: so many days in a row without an hour, and the search ends.
LONGEST_CLOSED_DAYS = 750


@dataclass(frozen=True)
class BusinessHours:
	"""`week`: weekday (0 is Monday) → its opening windows, in order. `closed`: days on which nobody works."""

	zone: ZoneInfo
	week: Mapping[int, Sequence[Window]]
	closed: Collection[date] = field(default_factory=frozenset)

	def windows(self, day: date) -> list[tuple[datetime, datetime]]:
		"""The day's windows in UTC, none that is empty (a clock change may swallow one)."""
		if day in self.closed:
			return []
		found = []
		for opens, closes in self.week.get(day.weekday(), ()):
			begins, ends = self._utc(day, opens), self._utc(day, closes)
			if begins < ends:
				found.append((begins, ends))
		return found

	def _utc(self, day: date, at: time) -> datetime:
		return datetime.combine(day, at, tzinfo=self.zone).astimezone(timezone.utc)

	def _open_days(self, day: date) -> Iterator[tuple[date, list[tuple[datetime, datetime]]]]:
		"""From this day on; ends where nobody works any more."""
		closed = 0
		while closed <= LONGEST_CLOSED_DAYS and day.year < 9_999:
			windows = self.windows(day)
			if windows:
				yield day, windows
			closed = 0 if windows else closed + 1
			day += timedelta(days=1)

	def opening(self, when: datetime) -> datetime:
		"""This moment, or the next at which somebody works."""
		for _day, windows in self._open_days(self._day(when)):
			for begins, ends in windows:
				if when < ends:
					return max(when, begins)
		return NEVER

	def _day(self, when: datetime) -> date:
		return when.astimezone(self.zone).date()

	def after(self, when: datetime, duration: Duration) -> datetime:
		"""When the duration is over that begins then; NEVER when it never is."""
		days = duration.days + duration.weeks * max(len([day for day in self.week.values() if day]), 1)
		moment = self.opening(when)
		if moment == NEVER:
			return NEVER
		if days:
			moment = self._same_time(moment, days)
		return self._working_time(moment, duration.seconds)

	def _same_time(self, when: datetime, days: int) -> datetime:
		"""The same time of day so many working days later; on a shorter day at most when it closes."""
		local = when.astimezone(self.zone)
		for place, (day, windows) in enumerate(self._open_days(local.date())):
			if place == days:
				wanted = self._utc(day, local.time())
				for begins, ends in windows:
					if wanted <= ends:
						return max(wanted, begins)
				return windows[-1][1]
		return NEVER

	def _working_time(self, when: datetime, seconds: int) -> datetime:
		left = timedelta(seconds=seconds)
		if not left or when == NEVER:
			return when
		for _day, windows in self._open_days(self._day(when)):
			for begins, ends in windows:
				begins = max(begins, when)
				if begins >= ends:
					continue
				if left <= ends - begins:
					return begins + left
				left -= ends - begins
		return NEVER


NINE_TO_FIVE: Window = (time(9), time(17))


def weekdays_nine_to_five(zone: ZoneInfo, closed: Collection[date] = frozenset()) -> BusinessHours:
	"""What holds where nobody has said otherwise: Monday to Friday, 9 to 17."""
	return BusinessHours(zone, {day: (NINE_TO_FIVE,) for day in range(5)}, frozenset(closed))
