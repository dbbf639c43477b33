"""Durations as people write them in a service level: `30m`, `4h`, `3d`, `1w`, `1d 4h`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone

_PART = re.compile(r"(\d{1,7})([a-z]{1,16})", re.ASCII)
_WHOLE = re.compile(r"\d{1,7}[a-z]{1,16}(?: ?\d{1,7}[a-z]{1,16}){0,3}", re.ASCII)
UNITS = ("w", "d", "h", "m")
DAY_SECONDS = 86_400
# Ten years: longer than any promise to a customer, and a calendar of working days is walked day by day.
LONGEST_DAYS = 3_660
# As late as a time can be told: what is due then is never due.
NEVER = datetime(9999, 12, 30, tzinfo=timezone.utc)


class BadDuration(ValueError):
	"""The text says no duration; the message is for people."""


@dataclass(frozen=True, slots=True, order=True)
class Duration:
	"""Days and seconds, kept apart: a working day has no length of its own. A week is seven days; what it is
	in working days, the calendar knows."""

	weeks: int = 0
	days: int = 0
	seconds: int = 0

	@property
	def elapsed_seconds(self) -> int:
		"""As real time."""
		return (self.weeks * 7 + self.days) * DAY_SECONDS + self.seconds


def parse_duration(text: object) -> Duration:
	"""Raises BadDuration."""
	if not isinstance(text, str):
		raise BadDuration("A duration is a text like 30m, 4h, 3d or 1w.")
	cleaned = text.strip().lower()
	if cleaned.startswith("-"):
		raise BadDuration("A duration is not negative.")
	if not _WHOLE.fullmatch(cleaned):
		raise BadDuration(f"“{text.strip()[:40]}” is no duration like 30m, 4h, 3d or 1w.")
	found: dict[str, int] = {}
	for number, unit in _PART.findall(cleaned):
		if unit not in UNITS:
			raise BadDuration(f"There is no unit “{unit}”: w, d, h and m are weeks, days, hours and minutes.")
		if unit in found:
			raise BadDuration(f"“{cleaned[:40]}” says “{unit}” twice.")
		found[unit] = int(number)
	duration = Duration(
		found.get("w", 0), found.get("d", 0), found.get("h", 0) * 3_600 + found.get("m", 0) * 60
	)
	if not duration.elapsed_seconds:
		raise BadDuration("A duration is more than nothing.")
	if duration.elapsed_seconds > LONGEST_DAYS * DAY_SECONDS:
		raise BadDuration("A service level is at most ten years.")
	return duration
