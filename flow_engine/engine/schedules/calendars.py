"""Which days are worked, and where a day that is not is moved to."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, timedelta

from flow_engine.engine.enums import StrEnum

SATURDAY = 5
# A calendar in which nobody ever works must end the search too.
LONGEST_REST = 366


class OffDays(StrEnum):
	"""What becomes of a fire on a day off."""

	ANY = "any"
	SKIP = "skip"
	NEXT = "next"
	PREVIOUS = "previous"


@dataclass(frozen=True)
class Calendar:
	"""Days off. A Holiday List decides alone for the days it covers, its weekly days off among them; on every
	other day, and without one, Saturday and Sunday are off."""

	holidays: Collection[date] = field(default_factory=frozenset)
	begins: date | None = None
	ends: date | None = None

	def covers(self, day: date) -> bool:
		return self.begins is not None and self.ends is not None and self.begins <= day <= self.ends

	def is_off(self, day: date) -> bool:
		return day in self.holidays if self.covers(day) else day.weekday() >= SATURDAY

	def reason(self, day: date) -> str:
		"""Why a day off is one: `holiday` where the list says so, else `weekend`."""
		return "holiday" if self.covers(day) else "weekend"

	def moved(self, day: date, off_days: OffDays) -> date | None:
		"""The day on which what is due on `day` happens; None: it does not."""
		if off_days is OffDays.ANY or not self.is_off(day):
			return day
		if off_days is OffDays.SKIP:
			return None
		return self._worked(day, 1 if off_days is OffDays.NEXT else -1)

	def _worked(self, day: date, step: int) -> date | None:
		try:
			for _ in range(LONGEST_REST):
				day += timedelta(days=step)
				if not self.is_off(day):
					return day
		except OverflowError:
			pass
		return None

	def rest_before(self, day: date) -> date:
		"""The first of the days off that lead up to `day`; `day` itself when the day before is worked."""
		worked = self._worked(day, -1)
		return worked + timedelta(days=1) if worked is not None else day

	def rest_after(self, day: date) -> date:
		"""The last of the days off that follow `day`; `day` itself when the day after is worked."""
		worked = self._worked(day, 1)
		return worked - timedelta(days=1) if worked is not None else day
