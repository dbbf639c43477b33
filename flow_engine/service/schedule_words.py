"""A schedule in words, in the reader's language: the common shapes of cron by name, the rest as written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flow_engine.service.language import speaker

DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_DAY_NAMES = {name[:3].lower(): place for place, name in enumerate(DAYS)}
EVERY_MINUTE = "Every minute"
EVERY_MINUTES = "Every {0} minutes"
EVERY_HOUR = "Every hour, at minute {0}"
EVERY_DAY = "Every day at {0}"
WEEKDAYS = "From Monday to Friday at {0}"
ON_DAYS = "Every week on {0} at {1}"
ON_DATE = "On day {0} of every month at {1}"
ON_LAST = "On the last day of every month at {0}"
BY_CRON = "By the cron expression {0}"
ONCE = "Once, on {0} at {1}"
TEXTS = (*DAYS, EVERY_MINUTE, EVERY_MINUTES, EVERY_HOUR, EVERY_DAY, WEEKDAYS, ON_DAYS, ON_DATE, ON_LAST)


def words_for(columns: Mapping[str, Any], language: str | None = None) -> str:
	"""One sentence; the time zone follows it in brackets."""
	say = speaker(language)
	if columns["schedule_type"] == "once":
		when = columns["run_at"]
		text = say(ONCE).format(when.date().isoformat(), f"{when:%H:%M}")
	else:
		text = _cron(columns["cron"], say)
	zone = columns.get("timezone")
	return f"{text} ({zone})" if zone else text


def _cron(expression: str, say: Callable[[str], str]) -> str:
	from flow_engine.engine.schedules.cron import read_cron

	minute, hour, day, month, weekday = read_cron(expression).split()
	day, weekday = day.replace("?", "*"), weekday.replace("?", "*")
	rest = (day, month, weekday)
	if rest == ("*", "*", "*") and hour == "*":
		if minute == "*":
			return say(EVERY_MINUTE)
		if minute.startswith("*/") and 60 % int(minute[2:] or 7) == 0:
			return say(EVERY_MINUTES).format(minute[2:])
		if minute.isdigit():
			return say(EVERY_HOUR).format(minute)
	if minute.isdigit() and hour.isdigit() and month == "*":
		at = f"{int(hour):02d}:{int(minute):02d}"
		if (day, weekday) == ("*", "*"):
			return say(EVERY_DAY).format(at)
		if day == "*":
			if weekday in ("1-5", "mon-fri"):
				return say(WEEKDAYS).format(at)
			places = [_weekday(part) for part in weekday.split(",")]
			if None not in places:
				return say(ON_DAYS).format(", ".join(say(DAYS[place or 0]) for place in places), at)
		elif weekday == "*":
			if day == "l":
				return say(ON_LAST).format(at)
			if day.isdigit():
				return say(ON_DATE).format(int(day), at)
	return say(BY_CRON).format(expression)


def _weekday(part: str) -> int | None:
	return int(part) % 7 if part.isdigit() else _DAY_NAMES.get(part)
