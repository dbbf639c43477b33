"""The operators of predicates: what `doc.status == Open` means for values of every type.

Two numbers (or numeric strings) compare as numbers, two ISO dates or datetimes as times, everything else as
text. *Missing* is an absent value, null and the empty string: they equal one another, no ordering with them
is true, and nothing contains them. `0` and `false` are values. A boolean counts as 1 or 0 beside a number,
and equals the words `true` and `false`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from flow_engine.engine.plain import as_moment, as_number, as_text

Compare = Callable[[Any, Any, "ZoneInfo | None"], bool]


def is_missing(value: Any) -> bool:
	return value is None or (isinstance(value, str) and not value)


def _pair(a: Any, b: Any, zone: ZoneInfo | None) -> tuple[Any, Any]:
	"""The two values as things of one type that can be compared."""
	numbers = as_number(_bit(a, b)), as_number(_bit(b, a))
	if numbers[0] is not None and numbers[1] is not None:
		return numbers
	moments = as_moment(a, zone), as_moment(b, zone)
	if moments[0] is not None and moments[1] is not None:
		return moments
	if isinstance(a, bool) and isinstance(b, str):
		b = b.strip().lower()
	if isinstance(b, bool) and isinstance(a, str):
		a = a.strip().lower()
	return as_text(a), as_text(b)


def _bit(value: Any, other: Any) -> Any:
	"""A boolean as 0 or 1 when what stands beside it is a boolean or a number."""
	return (
		int(value)
		if isinstance(value, bool) and (isinstance(other, bool) or as_number(other) is not None)
		else value
	)


def equals(a: Any, b: Any, zone: ZoneInfo | None = None) -> bool:
	if is_missing(a) or is_missing(b):
		return is_missing(a) and is_missing(b)
	left, right = _pair(a, b, zone)
	return left == right


def _ordered(holds: Callable[[Any, Any], bool]) -> Compare:
	def compare(a: Any, b: Any, zone: ZoneInfo | None) -> bool:
		if is_missing(a) or is_missing(b):
			return False
		left, right = _pair(a, b, zone)
		return holds(left, right)

	return compare


def _choices(value: Any) -> list[Any]:
	if isinstance(value, str):
		return [part.strip() for part in value.split(",")] if value.strip() else []
	if isinstance(value, list | tuple):
		return list(value)
	return [] if value is None or isinstance(value, Mapping) else [value]


def _in(a: Any, b: Any, zone: ZoneInfo | None) -> bool:
	return any(equals(a, choice, zone) for choice in _choices(b))


def _empty(a: Any, b: Any, zone: ZoneInfo | None) -> bool:
	return (
		a is None
		or (isinstance(a, str) and not a.strip())
		or (isinstance(a, list | tuple | Mapping) and not a)
	)


def _contains(a: Any, b: Any, zone: ZoneInfo | None) -> bool:
	if is_missing(a) or is_missing(b):
		return False
	if isinstance(a, list | tuple):
		return any(equals(item, b, zone) for item in a)
	if isinstance(a, Mapping):
		return as_text(b) in a
	return as_text(b) in as_text(a)


def _on_texts(holds: Callable[[str, str], bool]) -> Compare:
	return lambda a, b, zone: not is_missing(a) and not is_missing(b) and holds(as_text(a), as_text(b))


PREDICATES: Mapping[str, Compare] = {
	"==": equals,
	"!=": lambda a, b, zone: not equals(a, b, zone),
	"<": _ordered(operator.lt),
	">": _ordered(operator.gt),
	"<=": _ordered(operator.le),
	">=": _ordered(operator.ge),
	"in": _in,
	"not_in": lambda a, b, zone: not _in(a, b, zone),
	"empty": _empty,
	"not_empty": lambda a, b, zone: not _empty(a, b, zone),
	"contains": _contains,
	"starts_with": _on_texts(str.startswith),
	"ends_with": _on_texts(str.endswith),
}
