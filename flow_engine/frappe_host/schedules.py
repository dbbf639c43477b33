"""Schedules on a site: people's writes go through the Document API, the clock's through the store.

The controller calls `prepare_document` and `record_document`, whatever the door: the desk, the API, an
import.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import frappe
from frappe.model.db_query import DatabaseQuery
from frappe.utils import getdate

from flow_engine.engine.errors import NotAllowed, PermissionDenied, SaveConflict, ValidationFailed
from flow_engine.engine.problems import quoted
from flow_engine.engine.schedules.calendars import Calendar
from flow_engine.engine.schedules.dates import EVENT as DATE_EVENT
from flow_engine.engine.standard_fields import STANDARD_FIELDS
from flow_engine.frappe_host.acting import check_user
from flow_engine.frappe_host.document_guard import check_own_document, known_meta
from flow_engine.frappe_host.document_values import permission_levels
from flow_engine.frappe_host.foreign_errors import translated
from flow_engine.frappe_host.refusals import Refused
from flow_engine.frappe_host.trigger_cache import current_map
from flow_engine.service.schedule_values import FIELDS
from flow_engine.service.schedules import prepare, record, removed
from flow_engine.service.templates import check_unchanged
from flow_engine.store.schedules import ScheduleNotFound

DOCTYPE = "Flow Schedule"
_ORDER = re.compile(r"([a-z_][a-z0-9_]{0,139})(?: +(asc|desc))?", re.IGNORECASE)


# --- what the controller calls ------------------------------------------------------------------------------


def prepare_document(doc) -> None:
	"""Set everything that follows from what was entered. Raises FlowError."""
	from flow_engine.frappe_host.run_access import check_may_start, starters_of

	host = _host()
	if doc.status != "paused":
		# Whom a flow keeps from starting it by hand cannot have the clock do it.
		check_may_start(starters_of(doc.flow_template))
	doc.flags.schedule_before = before = None if doc.is_new() else host.schedules.store.hold(doc.name)
	if before is not None:
		# The clock may have written it since the form was opened.
		doc.last_fire_at = host.runs.site_text(before["last_fire_at"])
	values = {key: doc.get(key) for key in FIELDS}
	doc.update(host.schedules.store.columns(prepare(host, values, doc.name, before)))


def record_document(doc) -> None:
	"""After the row is written: the audit event, in its transaction."""
	record(_host(), _row(doc), doc.flags.schedule_before, doc.flags.schedule_reason or "")


def document_removed(doc) -> None:
	removed(_host(), _row(doc), doc.flags.schedule_reason or "")


def _row(doc) -> dict[str, Any]:
	return {key: doc.get(key) for key in ("name", "schedule_name", "flow_template", "status")}


# --- people's writes ----------------------------------------------------------------------------------------


class SiteScheduleRecords:
	"""`schedule_host.Records`. Permissions are the Document API's."""

	def insert(self, values: Mapping[str, Any]) -> str:
		doc = frappe.get_doc({"doctype": DOCTYPE, **_stored(values)})
		with _as_flow_errors():
			return str(doc.insert().name)

	def update(
		self, name: str, values: Mapping[str, Any], reason: str = "", modified: str | None = None
	) -> None:
		doc = _doc(name)
		check_unchanged(doc.modified, modified)
		doc.update(_stored(values))
		doc.flags.schedule_reason = reason
		# A schedule whose flow is gone can still be put to rest.
		doc.flags.ignore_links = values == {"status": "paused"}
		with _as_flow_errors():
			doc.save()

	def delete(self, name: str, reason: str = "") -> None:
		_doc(name)
		with _as_flow_errors():
			frappe.delete_doc(DOCTYPE, name, flags={"schedule_reason": reason})


def _stored(values: Mapping[str, Any]) -> dict[str, Any]:
	"""Values that Document fields can hold on their way to the controller."""
	return {
		key: frappe.as_json(value, indent=None) if isinstance(value, list | Mapping) else value
		for key, value in values.items()
	}


def _doc(name: str):
	if not frappe.db.exists(DOCTYPE, name):
		raise ScheduleNotFound(f"There is no schedule {quoted(name)}.", schedule=name)
	return frappe.get_doc(DOCTYPE, name, for_update=True)


@contextmanager
def _as_flow_errors() -> Iterator[None]:
	try:
		yield
	except Refused as error:
		frappe.clear_messages()
		raise error.flow_error from None
	except frappe.TimestampMismatchError:
		frappe.clear_messages()
		raise SaveConflict() from None
	except frappe.PermissionError:
		frappe.clear_messages()
		raise NotAllowed() from None


def _host() -> Any:
	from flow_engine.frappe_host.host import get_host

	return get_host()


# --- what documents say -------------------------------------------------------------------------------------


class SiteSources:
	"""`schedule_values.Sources` on a site: documents as a user may list and filter them."""

	def calendar(self, holiday_list: str) -> Calendar | None:
		row = frappe.db.get_value("Holiday List", holiday_list, ["from_date", "to_date"])
		if not row:
			return None
		rows = frappe.get_all(
			"Holiday", {"parent": holiday_list, "parenttype": "Holiday List"}, pluck="holiday_date"
		)
		return Calendar(frozenset(getdate(day) for day in rows), getdate(row[0]), getdate(row[1]))

	def check_matching(self, doctype: str, filters: list[Any], order: str) -> list[tuple[str, str]]:
		meta = known_meta(doctype)
		check_own_document(meta)
		found = []
		for place, (field, _operator, _value) in enumerate(filters):
			if meta.get_field(field) is None and field not in _FILTERED:
				found.append((f"fan_out_filters[{place}]", f"{doctype} has no field {quoted(field)}."))
		matched = _ORDER.fullmatch(order) if order else None
		if order and (
			matched is None or (meta.get_field(matched[1]) is None and matched[1] not in _FILTERED)
		):
			found.append(("fan_out_order", f"{quoted(order)} is no field of {doctype} with asc or desc."))
		return found

	def matching(self, user: str, doctype: str, filters: list[Any], order: str, limit: int) -> list[str]:
		with translated(f"Listing {doctype}"):
			meta = known_meta(doctype)
			check_own_document(meta)
			check_user(user)
			problems = self.check_matching(doctype, filters, order)
			if problems:
				raise ValidationFailed(problems[0][1])
			levels = permission_levels(meta, user)
			for field, _operator, _value in filters:
				df = meta.get_field(field)
				if df is not None and levels is not None and (df.permlevel or 0) not in levels:
					raise PermissionDenied(f"{user} may not read the field {field} of {doctype}.")
			return DatabaseQuery(doctype, user=user).execute(
				user=user,
				filters=[[doctype, *entry] for entry in filters],
				order_by=_order_by(doctype, order),
				limit_page_length=limit,
				pluck="name",
			)

	def date_triggers(self) -> list[Any]:
		return current_map().by_event.get(DATE_EVENT, [])

	def dated(
		self, doctype: str, field: str, first: date, last: date, after: tuple[Any, str] | None, limit: int
	) -> list[tuple[Any, str]]:
		meta = known_meta(doctype)
		check_own_document(meta)
		df = meta.get_field(field)
		if field not in ("creation", "modified") and (df is None or df.fieldtype not in ("Date", "Datetime")):
			raise ValidationFailed(f"{doctype} has no date field {field!r}.")
		span = [first, min(last, date.max - timedelta(days=1)) + timedelta(days=1)]
		# A range of the field: one look along its index where it has one.
		further = f"AND (`{field}`, name) > (%s, %s) " if after else ""
		with translated(f"Looking at {field} of {doctype}"):
			rows = frappe.db.sql(
				f"SELECT `{field}`, name FROM `tab{doctype}` WHERE `{field}` >= %s AND `{field}` < %s "
				f"AND docstatus < 2 {further}ORDER BY `{field}`, name LIMIT {int(limit)}",
				[*span, *(after or ())],
			)
		return [(value, str(name)) for value, name in rows]

	def may_read(self, doctype: str, name: str) -> bool:
		"""May whoever asks read this document?"""
		return bool(frappe.has_permission(doctype, "read", doc=name))


_FILTERED = frozenset(("name", *STANDARD_FIELDS))


def _order_by(doctype: str, order: str) -> str:
	name = f"`tab{doctype}`.`name` asc"
	matched = _ORDER.fullmatch(order) if order else None
	if matched is None:
		return name
	return f"`tab{doctype}`.`{matched[1].lower()}` {(matched[2] or 'asc').lower()}, {name}"
