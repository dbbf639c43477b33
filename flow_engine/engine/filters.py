"""The fixed filters of templates. There are no others, and no way to add one from a flow.

A filter that is given something it cannot handle returns it unchanged: rendering never raises.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal, DecimalException
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from flow_engine.engine.plain import as_json_text, as_moment, as_number, as_text, as_time

_DECIMALS = re.compile(r"\d|10", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d{1,7}", re.ASCII)
_LITERAL_NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d{1,10})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Filter:
	"""apply: `(value, argument or None, zone) → value`. argument: what it must look like; None: it takes
	none.
	"""

	apply: Callable[[Any, str | None, ZoneInfo | None], Any]
	argument: re.Pattern[str] | None = None
	required: bool = False
	example: str = ""


def unquoted(argument: str) -> str:
	"""An argument without the quotes around it."""
	if len(argument) >= 2 and argument[0] in "'\"" and argument[-1] == argument[0]:
		return argument[1:-1]
	return argument


def argument_problem(name: str, argument: str | None) -> str | None:
	"""Why a filter cannot take this argument, or None."""
	known = FILTERS[name]
	if argument is None:
		return f"the filter “{name}” needs an argument, like {known.example}." if known.required else None
	if known.argument is None:
		return f"the filter “{name}” takes no argument."
	if not known.argument.fullmatch(unquoted(argument)):
		return f"“{argument[:40]}” is no argument for the filter “{name}”; write it like {known.example}."
	return None


def apply_filter(name: str, value: Any, argument: str | None, zone: ZoneInfo | None) -> Any:
	"""The filtered value; the value itself when the filter cannot handle it."""
	try:
		return FILTERS[name].apply(value, argument, zone)
	except (ValueError, TypeError, ArithmeticError, RecursionError, DecimalException):
		return value


def _default(value: Any, argument: str | None, zone: ZoneInfo | None) -> Any:
	if value is not None and value != "":
		return value
	if argument is not None and _LITERAL_NUMBER.fullmatch(argument):
		return float(argument) if "." in argument else int(argument)
	return unquoted(argument or "")


def _on_text(change: Callable[[str], str]) -> Callable[[Any, str | None, ZoneInfo | None], Any]:
	return lambda value, argument, zone: change(value) if isinstance(value, str) else value


def _local(value: Any, zone: ZoneInfo | None) -> date | datetime | None:
	found = as_time(value)
	if isinstance(found, datetime) and found.tzinfo is not None and zone is not None:
		return found.astimezone(zone)
	return found


def _date(value: Any, argument: str | None, zone: ZoneInfo | None) -> Any:
	found = _local(value, zone)
	if found is None:
		return value
	return found.date().isoformat() if isinstance(found, datetime) else found.isoformat()


def _datetime(value: Any, argument: str | None, zone: ZoneInfo | None) -> Any:
	found = _local(value, zone)
	if found is None:
		return value
	if not isinstance(found, datetime):
		return f"{found.isoformat()} 00:00"
	return found.replace(tzinfo=None).isoformat(sep=" ", timespec="minutes")


def _add_days(value: Any, argument: str | None, zone: ZoneInfo | None) -> Any:
	found = _local(value, zone)
	return value if found is None else (found + timedelta(days=int(unquoted(argument or "0")))).isoformat()


def _add_minutes(value: Any, argument: str | None, zone: ZoneInfo | None) -> Any:
	"""Real time: across a clock change the hour on the wall shifts, unlike with days."""
	found = as_moment(value, zone)
	if found is None:
		return value
	later = found.astimezone(timezone.utc) + timedelta(minutes=int(unquoted(argument or "0")))
	return later.astimezone(found.tzinfo).isoformat()


def _rounded(number: Decimal, decimals: int) -> Decimal:
	return number.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)


def _money(value: Any, argument: str | None, zone: ZoneInfo | None) -> Any:
	number = as_number(value)
	if number is None:
		return value
	amount = f"{_rounded(number, 2):,.2f}"
	return f"{amount} {unquoted(argument)}" if argument else amount


def _number(value: Any, argument: str | None, zone: ZoneInfo | None) -> Any:
	number = as_number(value)
	if number is None or abs(number.adjusted()) > 50:
		return value
	if argument is not None:
		decimals = int(unquoted(argument))
		return f"{_rounded(number, decimals):,.{decimals}f}"
	return f"{int(number):,}" if number == number.to_integral_value() else f"{number:,f}"


def _round(value: Any, argument: str | None, zone: ZoneInfo | None) -> Any:
	number = as_number(value)
	if number is None:
		return value
	decimals = int(unquoted(argument or "0"))
	rounded = _rounded(number, decimals)
	return float(rounded) if decimals > 0 else int(rounded)


def _url(value: Any, argument: str | None, zone: ZoneInfo | None) -> Any:
	return quote(as_text(value), safe="", errors="replace")


def _json(value: Any, argument: str | None, zone: ZoneInfo | None) -> Any:
	return as_json_text(value)


def _count(value: Any, argument: str | None, zone: ZoneInfo | None) -> Any:
	if value is None:
		return 0
	return len(value) if isinstance(value, list | tuple | Mapping) else value


def _join(value: Any, argument: str | None, zone: ZoneInfo | None) -> Any:
	if not isinstance(value, list | tuple):
		return value
	return (", " if argument is None else unquoted(argument)).join(as_text(item) for item in value)


_ANY = re.compile(r"[^{}]*")

FILTERS: Mapping[str, Filter] = {
	"default": Filter(_default, _ANY, required=True, example="default:'none'"),
	"upper": Filter(_on_text(str.upper)),
	"lower": Filter(_on_text(str.lower)),
	"title": Filter(_on_text(str.title)),
	"trim": Filter(_on_text(str.strip)),
	"date": Filter(_date),
	"datetime": Filter(_datetime),
	"money": Filter(_money, re.compile(r"[^{}|]{1,8}"), example="money:CAD"),
	"number": Filter(_number, _DECIMALS, example="number:2"),
	"round": Filter(_round, _DECIMALS, example="round:2"),
	"add_days": Filter(_add_days, _WHOLE, required=True, example="add_days:7"),
	"add_minutes": Filter(_add_minutes, _WHOLE, required=True, example="add_minutes:90"),
	"url": Filter(_url),
	"json": Filter(_json),
	"count": Filter(_count),
	"join": Filter(_join, _ANY, example="join:', '"),
}
