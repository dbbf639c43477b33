"""When does a ready step fire: at once, at a time, or when somebody says so?

A pure decision from the step's trigger, the moment it became ready and the values it may read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from dateutil import parser as date_parser

from flow_engine.engine.definition import StepTrigger, TriggerType
from flow_engine.engine.errors import BadDate, BadDelay
from flow_engine.engine.templating import render_value

FAR_FUTURE = datetime(9999, 12, 30, tzinfo=timezone.utc)
_UNITS = {"delay_days": 86_400, "delay_hours": 3_600, "delay_minutes": 60}


@dataclass(frozen=True, slots=True)
class Now:
	"""Fire at once."""


@dataclass(frozen=True, slots=True)
class At:
	"""Fire at this time (aware UTC); `purpose` is delay or date."""

	when: datetime
	purpose: str


@dataclass(frozen=True, slots=True)
class OnCall:
	"""Fire when a webhook or a person says so, or time out at `until`."""

	until: datetime | None


_NOW = Now()
_AT_ONCE = (TriggerType.ON_PREV_COMPLETE, TriggerType.ON_FLOW_START)


def decide_firing(
	trigger: StepTrigger, ready_at: datetime, values: Mapping[str, Any], zone: ZoneInfo
) -> Now | At | OnCall:
	"""Raises BadDelay, BadDate."""
	if trigger.type in _AT_ONCE:
		return _NOW
	if trigger.type is TriggerType.AFTER_DELAY:
		seconds = sum(_number(trigger.fields.get(name), values) * unit for name, unit in _UNITS.items())
		return At(shift(ready_at, seconds), "delay")
	if trigger.type is TriggerType.ON_DATE:
		when = read_time(render_value(str(trigger.fields.get("at", "")), values, zone=zone), zone)
		days = _number(trigger.fields.get("offset_days"), values, BadDate)
		hours = _number(trigger.fields.get("offset_hours"), values, BadDate)
		return At(shift_days(when, days, zone, hours), "date")
	if trigger.type in (TriggerType.ON_WEBHOOK, TriggerType.MANUAL):
		hours = trigger.fields.get("timeout_hours")
		if hours in (None, ""):
			return OnCall(None)
		return OnCall(shift(ready_at, _number(hours, values) * 3_600))
	return _NOW


def _number(raw: Any, values: Mapping[str, Any], error: type[BadDelay] | type[BadDate] = BadDelay) -> float:
	"""A number or a template of one; delays are zero or more, offsets may be negative."""
	value = render_value(raw, values) if isinstance(raw, str) else raw
	if value is None and raw in (None, ""):
		return 0.0
	if isinstance(value, str) and not value.strip() and not (isinstance(raw, str) and "{{" in raw):
		return 0.0
	try:
		number = float(value)
	except (TypeError, ValueError, OverflowError):
		raise error(f"{raw!r} does not give a number but {value!r}.") from None
	if isinstance(value, bool) or not math.isfinite(number) or (error is BadDelay and number < 0):
		raise error(f"{raw!r} gives {value!r}, which is not a usable number.")
	return number


def shift(when: datetime, seconds: float) -> datetime:
	"""`when` plus seconds of real time, at most FAR_FUTURE. Raises BadDate before the first year."""
	try:
		return min(when + timedelta(seconds=seconds), FAR_FUTURE)
	except OverflowError:
		if seconds < 0:
			raise BadDate("The date lies before the first year of the calendar.") from None
		return FAR_FUTURE


def shift_days(when: datetime, days: float, zone: ZoneInfo, hours: float = 0) -> datetime:
	"""Whole days are calendar days in the site's zone (09:00 stays 09:00 across a clock change)."""
	whole, rest = divmod(days, 1) if days >= 0 else (-((-days) // 1), -((-days) % 1))
	try:
		local = when.astimezone(zone)
		moved = datetime.combine(local.date() + timedelta(days=int(whole)), local.time(), tzinfo=zone)
		return shift(moved.astimezone(timezone.utc), rest * 86_400 + hours * 3_600)
	except OverflowError:
		if days < 0:
			raise BadDate("The date lies before the first year of the calendar.") from None
		return FAR_FUTURE


def read_time(value: Any, zone: ZoneInfo) -> datetime:
	"""ISO date or datetime, or such text → aware UTC; naive ones are the site's time. Raises BadDate."""
	if isinstance(value, datetime):
		moment = value
	elif isinstance(value, date):
		moment = datetime.combine(value, time())
	else:
		text = str(value if value is not None else "").strip()
		if not text:
			raise BadDate("The date of the step is empty.")
		try:
			moment = date_parser.isoparse(text)
		except (ValueError, OverflowError):
			raise BadDate(f"{text[:80]!r} is not a date the engine can read (ISO 8601).") from None
	if moment.tzinfo is None:
		moment = moment.replace(tzinfo=zone)
	try:
		return moment.astimezone(timezone.utc)
	except OverflowError:
		if moment.year > 1:
			return FAR_FUTURE
		raise BadDate(f"{value!r} lies outside the calendar.") from None
