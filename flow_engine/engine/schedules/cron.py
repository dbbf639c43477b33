"""Cron expressions: which are accepted, and the local times they name.

Five fields (minute, hour, day of month, month, day of week), or one of `@hourly @daily @midnight @weekly
@monthly @yearly @annually`. A field is `*`, numbers, ranges `1-5`, steps `*/15` and lists; months and days of
the week may be three-letter names; the day of month may be `L` (the last one); a day of the week may be `L5`
(the last Friday) or `5#2` (the second). Where day of month and day of week are both given, either is enough,
as in cron. Seconds, years, `@reboot`, `W`, `H` and `R` are refused.

A time here is what a clock on the wall shows: naive, no zone. Finding them is croniter's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache

from croniter import croniter
from croniter.croniter import CroniterBadDateError, CroniterError

from flow_engine.engine.errors import FlowError
from flow_engine.engine.problems import quoted

MAX_LENGTH = 140
ALIASES = {
	"@hourly": "0 * * * *",
	"@daily": "0 0 * * *",
	"@midnight": "0 0 * * *",
	"@weekly": "0 0 * * 0",
	"@monthly": "0 0 1 * *",
	"@yearly": "0 0 1 1 *",
	"@annually": "0 0 1 1 *",
}
FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")
_MONTH = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_DAY = "sun|mon|tue|wed|thu|fri|sat"
_NUMBER = r"\d{1,2}"


def _list_of(item: str) -> re.Pattern[str]:
	return re.compile(rf"(?:{item})(?:,(?:{item}))*")


def _items(value: str) -> str:
	return rf"(?:\*|{value}(?:-{value})?)(?:/\d{{1,2}})?"


_SHAPES = (
	_list_of(_items(_NUMBER)),
	_list_of(_items(_NUMBER)),
	_list_of(rf"l|\?|{_items(_NUMBER)}"),
	_list_of(_items(rf"(?:{_NUMBER}|{_MONTH})")),
	_list_of(rf"\?|l[0-7]|(?:[0-7]|{_DAY})#[1-5]|{_items(rf'(?:[0-7]|{_DAY})')}"),
)


class BadCron(FlowError):
	"""The cron expression cannot be read."""

	code = "bad_cron"
	http_status = 422


class NeverFires(FlowError):
	"""No date ever fits this cron expression."""

	code = "never_fires"
	http_status = 422


@lru_cache(maxsize=2_000)
def read_cron(text: str) -> str:
	"""The expression as five fields, lower case. Raises BadCron, which names the field, and NeverFires."""
	if len(text) > MAX_LENGTH:
		raise BadCron(f"A cron expression has at most {MAX_LENGTH} characters.")
	given = text.strip().lower()
	if given.startswith("@"):
		if given not in ALIASES:
			raise BadCron(f"There is no {quoted(text.strip())}; there are {', '.join(ALIASES)}.")
		return ALIASES[given]
	parts = given.split()
	if len(parts) != 5:
		raise BadCron(f"A cron expression has five fields ({', '.join(FIELDS)}); this one has {len(parts)}.")
	for part, shape, name in zip(parts, _SHAPES, FIELDS, strict=True):
		if not shape.fullmatch(part):
			raise BadCron(f"{quoted(part)} cannot be read as the {name} of a cron expression.")
	for place, name in enumerate(FIELDS):
		# One field at a time, so that the message can say which.
		alone = " ".join(part if i == place else "*" for i, part in enumerate(parts))
		try:
			croniter.expand(alone)
		except CroniterError:
			raise BadCron(
				f"{quoted(parts[place])} is out of range for the {name} of a cron expression."
			) from None
	expression = " ".join(parts)
	if next(local_times(expression, datetime(2000, 1, 1)), None) is None:
		raise NeverFires(f"No date fits {quoted(expression)}: there is no such day in those months.")
	return expression


def local_times(expression: str, after: datetime) -> Iterator[datetime]:
	"""The naive local times later than `after`, in order, until the calendar ends."""
	try:
		times = croniter(expression, after)
		while True:
			yield times.get_next(datetime)
	except (CroniterBadDateError, OverflowError, ValueError):
		# No such date within croniter's fifty years, or the year 9999 is over.
		return
