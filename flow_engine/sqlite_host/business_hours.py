"""Working hours of the standalone host, from documents as ERPNext has them.

A Service Level Agreement has rows `support_and_resolution` (`workday`, `start_time`, `end_time`) and may name
a `holiday_list`; a Holiday List has rows `holidays` (`holiday_date`). The agreement called `business` is what
holds for the file; without it, that is Monday to Friday, 9 to 17.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from flow_engine.engine.errors import DocumentNotFound
from flow_engine.engine.plain import as_time
from flow_engine.engine.sla.business_hours import BusinessHours, weekdays_nine_to_five
from flow_engine.engine.sla.rules import BUSINESS
from flow_engine.service.working_hours import week_of
from flow_engine.sqlite_host.documents import SqliteDocuments

AGREEMENT, HOLIDAYS = "Service Level Agreement", "Holiday List"


def stored_hours(documents: SqliteDocuments, name: str, zone: ZoneInfo) -> BusinessHours:
	"""The calendar of this name; one that is not known counts as `business`."""
	agreement = _get(documents, AGREEMENT, name)
	if agreement is None and name != BUSINESS:
		holidays = _get(documents, HOLIDAYS, name)
		if holidays is not None:
			return weekdays_nine_to_five(zone, _days(holidays))
		agreement = _get(documents, AGREEMENT, BUSINESS)
	if agreement is None:
		return weekdays_nine_to_five(zone)
	closed = _get(documents, HOLIDAYS, str(agreement.get("holiday_list") or ""))
	return BusinessHours(zone, week_of(_rows(agreement, "support_and_resolution")), _days(closed or {}))


def _get(documents: SqliteDocuments, doctype: str, name: str) -> Mapping[str, Any] | None:
	try:
		return documents.get(doctype, name) if name else None
	except DocumentNotFound:
		return None


def _rows(document: Mapping[str, Any], table: str) -> list[Mapping[str, Any]]:
	rows = document.get(table)
	return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


def _days(holidays: Mapping[str, Any]) -> Collection[date]:
	found = (as_time(row.get("holiday_date")) for row in _rows(holidays, "holidays"))
	return frozenset(day if type(day) is date else date(day.year, day.month, day.day) for day in found if day)
