"""Schedules on SQLite: people's writes, and what the stored documents say to them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from flow_engine.engine.errors import DocumentNotFound
from flow_engine.engine.plain import as_time
from flow_engine.engine.predicates import PREDICATES
from flow_engine.engine.schedules.calendars import Calendar
from flow_engine.engine.schedules.dates import EVENT as DATE_EVENT
from flow_engine.service.schedules import prepare, record, removed
from flow_engine.service.templates import check_unchanged
from flow_engine.sqlite_host.documents import SqliteDocuments
from flow_engine.store.dialect import assignments
from flow_engine.store.schedules import SqlSchedules

_OPERATORS = {"=": "==", "in": "in", "not in": "not_in"}


class SqliteScheduleRecords:
	"""`schedule_host.Records`. `host` is set once the host is composed."""

	host: Any = None

	def __init__(self, store: SqlSchedules):
		self.store = store

	def insert(self, values: Mapping[str, Any]) -> str:
		database = self.store.database
		name, stamp, user = database._name("Flow Schedule"), database._stamp(), database._user()
		columns = prepare(self.host, values, name)
		standard = {"name": name, "creation": stamp, "modified": stamp, "owner": user, "modified_by": user}
		row = {**standard, "docstatus": 0, "idx": 0, **self.store.columns(columns)}
		database._insert("Flow Schedule", [row])
		record(self.host, self.store.get(name), None)
		# The worker may be waiting for something later.
		self.host.jobs.hint()
		return name

	def update(
		self, name: str, values: Mapping[str, Any], reason: str = "", modified: str | None = None
	) -> None:
		database = self.store.database
		before = self.store.hold(name)
		check_unchanged(before["modified"], modified)
		row = self.store.columns(prepare(self.host, values, name, before))
		row.update(modified=database._stamp(), modified_by=database._user())
		database._change(
			f"UPDATE `tabFlow Schedule` SET {assignments(tuple(row))} WHERE name = %s", [*row.values(), name]
		)
		record(self.host, self.store.get(name), before, reason)
		self.host.jobs.hint()

	def delete(self, name: str, reason: str = "") -> None:
		row = self.store.hold(name)
		removed(self.host, row, reason)
		self.store.database._change("DELETE FROM `tabFlow Schedule` WHERE name = %s", [name])


class StoredSources:
	"""`schedule_values.Sources` over the schemaless store: filters are compared as conditions compare."""

	def __init__(self, documents: SqliteDocuments, templates: Any, zone: ZoneInfo):
		self.documents, self.templates, self.zone = documents, templates, zone

	def calendar(self, holiday_list: str) -> Calendar | None:
		"""A Holiday List is a document with `from_date`, `to_date` and rows `holidays` of `holiday_date`."""
		try:
			found = self.documents.get("Holiday List", holiday_list)
		except DocumentNotFound:
			return None
		rows = [
			_day(row.get("holiday_date")) for row in found.get("holidays") or () if isinstance(row, Mapping)
		]
		days = frozenset(day for day in rows if day is not None)
		begins, ends = _day(found.get("from_date")), _day(found.get("to_date"))
		if days and (begins is None or ends is None):
			begins, ends = begins or min(days), ends or max(days)
		return Calendar(days, begins, ends)

	def check_matching(self, doctype: str, filters: list[Any], order: str) -> list[tuple[str, str]]:
		return [("fan_out_order", ORDER)] if order and _order(order) is None else []

	def matching(self, user: str, doctype: str, filters: list[Any], order: str, limit: int) -> list[str]:
		found = [values for values in self.documents.all_of(doctype) if _fits(values, filters)]
		field, backwards = _order(order) or ("", False)
		if field:
			found.sort(key=lambda values: str(values.get(field) or ""), reverse=backwards)
		return [values["name"] for values in found[:limit]]

	def date_triggers(self) -> list[Any]:
		return self.templates.active_triggers(DATE_EVENT)

	def dated(
		self, doctype: str, field: str, first: date, last: date, after: tuple[Any, str] | None, limit: int
	) -> list[tuple[Any, str]]:
		found = []
		for values in self.documents.all_of(doctype):
			day = _day(values.get(field))
			if day is not None and first <= day <= last and values.get("docstatus") != 2:
				found.append((str(values[field]), str(values["name"])))
		return [entry for entry in sorted(found) if after is None or entry > after][:limit]

	def may_read(self, doctype: str, name: str) -> bool:
		"""There are no permissions here."""
		return True


ORDER = "An order is a field, and asc or desc."


def _order(text: str) -> tuple[str, bool] | None:
	field, _, direction = text.strip().partition(" ")
	direction = direction.strip().lower() or "asc"
	return (field, direction == "desc") if field.isidentifier() and direction in ("asc", "desc") else None


def _day(value: Any) -> date | None:
	found = as_time(value)
	return date(found.year, found.month, found.day) if found is not None else None


def _fits(values: Mapping[str, Any], filters: list[Any]) -> bool:
	return all(_holds(values.get(field), operator, wanted) for field, operator, wanted in filters)


@lru_cache(maxsize=256)
def _pattern(like: str) -> re.Pattern[str]:
	"""As SQL reads it: `%` is anything, `_` one character, case plays no part."""
	parts = (".*" if letter == "%" else "." if letter == "_" else re.escape(letter) for letter in like)
	return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)


def _holds(value: Any, operator: str, wanted: Any) -> bool:
	if operator == "is":
		return (value in (None, "")) == (str(wanted) == "not set")
	if operator in ("like", "not like"):
		return bool(_pattern(str(wanted)).fullmatch(str(value or ""))) == (operator == "like")
	return PREDICATES[_OPERATORS.get(operator, operator)](value, wanted, None)
