"""Working hours as ERPNext writes them down, for both hosts: a day of the week, from when, until when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import time, timedelta
from typing import Any

from flow_engine.engine.sla.business_hours import Window

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def week_of(rows: Iterable[Mapping[str, Any] | Any]) -> Mapping[int, list[Window]]:
	"""Weekday (0 is Monday) → windows, of rows with `workday`, `start_time` and `end_time`; a row that cannot
	be read opens nothing."""
	week: dict[int, list[Window]] = {}
	for row in rows:
		given = row.get if hasattr(row, "get") else lambda name: None
		opens, closes = read_clock(given("start_time")), read_clock(given("end_time"))
		if opens is not None and closes is not None and opens < closes and given("workday") in WEEKDAYS:
			week.setdefault(WEEKDAYS.index(given("workday")), []).append((opens, closes))
	return {day: sorted(windows) for day, windows in week.items()}


def read_clock(value: Any) -> time | None:
	"""A time of day: as a time, as text, or as the length of time since midnight that MariaDB gives."""
	if isinstance(value, time):
		return value
	try:
		seconds = int(value.total_seconds() if isinstance(value, timedelta) else _seconds(str(value)))
	except (ValueError, OverflowError):
		return None
	if seconds < 0:
		return None
	minutes, second = divmod(min(seconds, 86_399), 60)
	return time(minutes // 60, minutes % 60, second)


def _seconds(text: str) -> float:
	parts = [float(part) for part in text.split(":")]
	if not 2 <= len(parts) <= 3:
		raise ValueError(text)
	return sum(part * unit for part, unit in zip(parts, (3_600, 60, 1), strict=False))
