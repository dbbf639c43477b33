"""Reading plain JSON-like values: as text, as a number, as a time; parsing JSON; weighing data before using
it.

Nothing here raises on a strange value except `parse_json` (ValueError with a message for people), `weigh` and
`Work` (TooMuch). Templates, conditions and validation share these, so a value means the same in all three.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

MAX_JSON_DEPTH = 200
_MAX_DIGITS = 400

_NUMBER = re.compile(r"\s*[+-]?(\d{1,60}(\.\d{0,60})?|\.\d{1,60})([eE][+-]?\d{1,3})?\s*", re.ASCII)
_TIME = re.compile(
	r"\s*(\d{4})-(\d\d)-(\d\d)"
	r"(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s*(Z|z|[+-]\d\d:?\d\d)?)?\s*",
	re.ASCII,
)


class TooMuch(Exception):
	"""More work or data than the bound allows; callers turn it into the coded error of their own subject."""


class Work:
	"""A budget of work units that evaluation or rendering spends; one unit is about one node or 100
	characters.
	"""

	__slots__ = ("left",)

	def __init__(self, units: int):
		self.left = units

	def spend(self, units: int) -> None:
		"""Raises TooMuch when the budget is used up."""
		self.left -= units
		if self.left < 0:
			raise TooMuch

	def spend_on(self, *values: Any) -> None:
		"""Pay for looking at all of these values once."""
		for value in values:
			self.spend(weigh(value, self.left))


def weigh(value: Any, limit: int) -> int:
	"""Nodes plus a hundredth of the characters of a value, seen as a tree. Raises TooMuch above `limit`.

	Seen as a tree, because a list that holds one list many times is small in memory and huge once written
	out.
	"""
	if not isinstance(value, str | list | tuple | Mapping):
		return 1
	total = 0
	stack = [value]
	while stack:
		node = stack.pop()
		total += 1
		if isinstance(node, str):
			total += len(node) // 100
		elif isinstance(node, Mapping):
			total += len(node)
			if total <= limit:
				stack.extend(node.values())
		elif isinstance(node, list | tuple):
			if total + len(node) <= limit:
				stack.extend(node)
			else:
				total += len(node)
		if total > limit:
			raise TooMuch
	return total


def is_number(value: Any) -> bool:
	"""A finite int or float that is no boolean."""
	if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
		return False
	if isinstance(value, Decimal):
		return value.is_finite()
	return isinstance(value, int) or math.isfinite(value)


def as_number(value: Any) -> Decimal | None:
	"""Numbers and numeric strings as an exact decimal; None for everything else, booleans included.

	A float counts as it is written (0.1 is one tenth), so it equals the string that shows it.
	"""
	if isinstance(value, str):
		if not _NUMBER.fullmatch(value):
			return None
		try:
			return Decimal(value.strip())
		except InvalidOperation:
			return None
	if not is_number(value):
		return None
	if isinstance(value, int):
		return Decimal(value) if value.bit_length() <= 1024 else None
	return Decimal(repr(value)) if isinstance(value, float) else value


def as_time(value: Any) -> date | datetime | None:
	"""A date or datetime, or the ISO 8601 text of one (`T` or space; optional seconds, fraction, offset)."""
	if isinstance(value, date):
		return value
	if not isinstance(value, str) or len(value) > 64:
		return None
	match = _TIME.fullmatch(value)
	if not match:
		return None
	year, month, day, hour, minute, second, fraction, offset = match.groups()
	try:
		if hour is None:
			return date(int(year), int(month), int(day))
		micro = int((fraction or "0")[:6].ljust(6, "0"))
		parts = [int(part or 0) for part in (year, month, day, hour, minute, second)]
		return datetime(*parts, micro, tzinfo=_offset(offset))
	except ValueError:
		return None


def _offset(text: str | None) -> timezone | None:
	if text is None:
		return None
	if text in "Zz":
		return timezone.utc
	minutes = int(text[1:3]) * 60 + int(text[-2:])
	return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def as_moment(value: Any, zone: ZoneInfo | None) -> datetime | None:
	"""`as_time` made comparable: a date is its midnight, a naive time is in `zone` (UTC when None)."""
	found = as_time(value)
	if found is None:
		return None
	if not isinstance(found, datetime):
		found = datetime(found.year, found.month, found.day)
	return found.replace(tzinfo=zone or timezone.utc) if found.tzinfo is None else found


def as_text(value: Any) -> str:
	"""What a value looks like inside a text.

	None is empty; booleans are `true` and `false`; whole floats lose their `.0`; mappings and lists are
	compact JSON; times are ISO 8601; what is not plain data is empty, and so are NaN and the infinities.
	"""
	if isinstance(value, str):
		return str(value)
	if value is None:
		return ""
	if isinstance(value, bool):
		return "true" if value else "false"
	if isinstance(value, int):
		return str(value) if value.bit_length() <= 1024 else ""
	if isinstance(value, float):
		if not math.isfinite(value):
			return ""
		return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
	if isinstance(value, Decimal):
		return format(value, "f") if value.is_finite() and abs(value.adjusted()) < 400 else ""
	if isinstance(value, date):
		return value.isoformat()
	if isinstance(value, timedelta):
		return str(value)
	if isinstance(value, Mapping | list | tuple):
		return as_json_text(value)
	return ""


def as_json_text(value: Any) -> str:
	"""Compact JSON; what JSON does not know is written as its text. Empty when it is nested too deeply."""
	try:
		return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_json_default)
	except (ValueError, TypeError, RecursionError):
		return ""


def _json_default(value: Any) -> Any:
	return dict(value) if isinstance(value, Mapping) else as_text(value)


def parse_json(text: str) -> Any:
	"""JSON text → data. Raises ValueError, also for what only Python's reader accepts (NaN) or chokes on."""
	try:
		return json.loads(text, parse_constant=_refuse_constant, parse_int=_parse_int)
	except RecursionError:
		raise ValueError("it is nested too deeply") from None


def _refuse_constant(name: str) -> Any:
	raise ValueError(f"{name} is not JSON")


def _parse_int(digits: str) -> int:
	# Reading an integer takes quadratic time; without this bound a megabyte of digits takes seconds.
	if len(digits) > _MAX_DIGITS:
		raise ValueError(f"a number of {len(digits)} digits is too long")
	return int(digits)
