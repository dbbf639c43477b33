"""Date triggers: so many days or hours before or after a date of a document, at a time of day.

Decides the moment a value stands for, and which values could stand for a moment in a span: what a host has to
look at. `offset_days` are calendar days in the site's zone, before any day off is moved; `offset_hours` are
hours of real time after that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flow_engine.engine.plain import as_time
from flow_engine.engine.schedules.calendars import Calendar, OffDays
from flow_engine.engine.schedules.zones import end_of_gap, moments

EVENT = "date"
FIELDS = ("offset_days", "offset_hours", "time", "day_policy", "holiday_list")
MAX_DAYS = 36_525
MAX_HOURS = 24 * MAX_DAYS
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True)
class DateRule:
	"""`at`: the time of day; None keeps a Datetime's own and means midnight for a Date."""

	zone: ZoneInfo
	offset_days: int = 0
	offset_hours: int = 0
	at: time | None = None
	off_days: OffDays = OffDays.ANY
	calendar: Calendar = field(default_factory=Calendar)


def read_rule(trigger: Mapping[str, Any], zone: ZoneInfo, calendar: Calendar | None = None) -> DateRule:
	"""The rule of a trigger that `rule_problems` passed."""
	matched = _TIME.fullmatch(str(trigger.get("time") or ""))
	return DateRule(
		zone,
		int(trigger.get("offset_days") or 0),
		int(trigger.get("offset_hours") or 0),
		time(int(matched[1]), int(matched[2])) if matched else None,
		OffDays(trigger.get("day_policy") or "any"),
		calendar or Calendar(),
	)


def rule_problems(trigger: Mapping[str, Any]) -> list[tuple[str, str, str]]:
	"""`(key of the trigger, code, message)` of everything wrong with a date trigger."""
	found = []
	for key, message in (
		("doctype", "Choose the DocType whose documents have the date."),
		("field", "Choose the date."),
	):
		if trigger.get(key) in (None, ""):
			found.append((key, "missing_field", message))
	for key, most in (("offset_days", MAX_DAYS), ("offset_hours", MAX_HOURS)):
		value = trigger.get(key)
		if value is None:
			continue
		if isinstance(value, bool) or not isinstance(value, int) or abs(value) > most:
			found.append((key, "bad_value", f"This is a whole number from {-most} to {most}."))
	at = trigger.get("time")
	if at not in (None, "") and not (isinstance(at, str) and _TIME.fullmatch(at)):
		found.append(("time", "bad_value", "The time of day is written 09:00."))
	policies = [policy.value for policy in OffDays]
	policy = trigger.get("day_policy")
	if policy not in (None, "") and policy not in policies:
		found.append(("day_policy", "bad_value", f"Choose one of {', '.join(policies)}."))
	holidays = trigger.get("holiday_list")
	if holidays is not None and not isinstance(holidays, str):
		found.append(("holiday_list", "bad_value", "The Holiday List is a name."))
	return found


def moment_of(rule: DateRule, value: Any) -> datetime | None:
	"""When the trigger fires for a document with this value: aware UTC; None where it never does (no date, a
	day off that is skipped, outside the calendar)."""
	found = as_time(value)
	if found is None:
		return None
	if isinstance(found, datetime) and found.tzinfo is not None:
		found = found.astimezone(rule.zone).replace(tzinfo=None, fold=0)
	own = found.time() if isinstance(found, datetime) else time()
	day = found.date() if isinstance(found, datetime) else found
	try:
		moved = rule.calendar.moved(day + timedelta(days=rule.offset_days), rule.off_days)
		if moved is None:
			return None
		local = datetime.combine(moved, rule.at if rule.at is not None else own)
		shown = moments(local, rule.zone)
		at = shown[0] if shown else end_of_gap(local, rule.zone)
		return (at + timedelta(hours=rule.offset_hours)).replace(microsecond=0)
	except OverflowError:
		return None


def dates_for(rule: DateRule, after: datetime, until: datetime) -> tuple[date, date]:
	"""The first and the last day that a value can have whose moment lies in (after, until]: an
	over-estimate by a day at either end."""
	first = _day(rule, after) - timedelta(days=1)
	last = _day(rule, until) + timedelta(days=1)
	if rule.off_days is OffDays.NEXT:
		first = rule.calendar.rest_before(first)
	elif rule.off_days is OffDays.PREVIOUS:
		last = rule.calendar.rest_after(last)
	return _shifted(first, -rule.offset_days), _shifted(last, -rule.offset_days)


def _day(rule: DateRule, moment: datetime) -> date:
	return (moment - timedelta(hours=rule.offset_hours)).astimezone(rule.zone).date()


def _shifted(day: date, days: int) -> date:
	try:
		return day + timedelta(days=days)
	except OverflowError:
		return date.max if days > 0 else date.min
