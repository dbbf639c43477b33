"""Values between documents and flows: plain JSON data on one side, Frappe's types on the other.

Decides which of a document's values a user may see, how they are written as JSON, and what of a flow's values
fits a field. Whether a field may be written at all is decided in `document_guard.py`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import frappe
from frappe.model import no_value_fields, table_fields
from frappe.utils import get_system_timezone, strip_html

from flow_engine.engine.errors import ValidationFailed
from flow_engine.engine.plain import as_number, as_text, as_time

_NUMBERS = ("Float", "Currency", "Percent", "Duration", "Rating")
_WHOLE = ("Int", "Long Int")
_TRUE, _FALSE = ("1", "true", "yes"), ("0", "false", "no", "")
# Of a row, only what says which one it is; the rest repeats the document.
_ROW_NOISE = frozenset(
	"doctype owner creation modified modified_by docstatus parent parentfield parenttype".split()
)


# --- out of documents ---------------------------------------------------------------------------------------


def permission_levels(meta, user: str, ptype: str = "read") -> set[int] | None:
	"""Levels of fields a user may read or write in a document open to them for that; None: all of them."""
	if user == "Administrator":
		return None
	roles = frappe.get_roles(user)
	levels = {perm.permlevel for perm in meta.permissions if perm.role in roles and perm.get(ptype)}
	# Who may open the document, by whatever right, may open its ordinary fields.
	return levels | {0}


def plain_document(doc, user: str) -> dict[str, Any]:
	"""The document's values as this user may see them: no passwords, no field above their level."""
	levels = permission_levels(doc.meta, user)
	values = _plain_row(doc, levels)
	values["doctype"], values["name"] = doc.doctype, _plain_value(doc.name)
	for table in doc.meta.get_table_fields():
		if not _is_hidden(table, levels):
			rows = doc.get(table.fieldname) or []
			values[table.fieldname] = [
				{key: value for key, value in _plain_row(row, levels).items() if key not in _ROW_NOISE}
				for row in rows
			]
	return values


def plain_fields(doc, user: str, names: Iterable[str]) -> dict[str, Any]:
	"""What `plain_document` says of these fields, for those that hold a value."""
	levels = permission_levels(doc.meta, user)
	values = {}
	for name in names:
		# The document's own attributes first: most documents have none of the fields that are asked for.
		value = doc.get(name)
		if value is None or value == "":
			continue
		df = doc.meta.get_field(name)
		if name == "name":
			values[name] = _plain_value(value)
		elif df is not None and holds_value(df) and not _is_hidden(df, levels):
			values[name] = _plain_value(value, df.fieldtype)
	return values


def _plain_row(doc, levels: set[int] | None) -> dict[str, Any]:
	values = {}
	for name, value in doc.get_valid_dict().items():
		df = doc.meta.get_field(name)
		if name.startswith("_") or (df and _is_hidden(df, levels)):
			continue
		values[name] = _plain_value(value, df.fieldtype if df else "")
	for name in ("creation", "modified"):
		if values.get(name):
			values[name] = _plain_value(values[name], "Datetime")
	return values


def _is_hidden(df, levels: set[int] | None) -> bool:
	return df.fieldtype == "Password" or (levels is not None and (df.permlevel or 0) not in levels)


def _plain_value(value: Any, fieldtype: str = "") -> Any:
	"""Dates, datetimes and times as ISO text, numbers as numbers."""
	if fieldtype in ("Date", "Datetime") and isinstance(value, str):
		# A document that was just saved may still have the text it was given.
		value = as_time(value) or value
	if value is None or isinstance(value, bool):
		return value
	if isinstance(value, datetime):
		if fieldtype == "Date":
			return value.date().isoformat()
		return value.replace(microsecond=0).isoformat()
	if isinstance(value, date):
		return value.isoformat()
	if isinstance(value, timedelta):
		seconds = int(value.total_seconds())
		return f"{seconds // 3600:02d}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"
	if isinstance(value, time):
		return value.replace(microsecond=0).isoformat()
	if isinstance(value, Decimal):
		return float(value)
	if isinstance(value, int):
		return int(value)
	if isinstance(value, float | str):
		return value
	if isinstance(value, Mapping):
		return {str(key): _plain_value(inner) for key, inner in value.items()}
	if isinstance(value, Iterable):
		return [_plain_value(inner) for inner in value]
	return str(value)


# --- into documents -----------------------------------------------------------------------------------------


def fitting(df, value: Any) -> Any:
	"""The value as the field stores it. Raises ValidationFailed when it does not fit."""
	kind = df.fieldtype
	if value is None or (isinstance(value, str) and not value.strip() and kind in _EMPTY_IS_NOTHING):
		return None
	if isinstance(value, Mapping | list | tuple):
		if kind in ("JSON", "Code"):
			return json.dumps(value, ensure_ascii=False, default=str)
		raise _misfit(df, value)
	if kind == "Check":
		return _as_check(df, value)
	if kind in _WHOLE or kind in _NUMBERS:
		return _as_number(df, value)
	if kind in ("Date", "Datetime"):
		return _as_date(df, value)
	if kind == "Time":
		return _as_time_of_day(df, value)
	return str(int(value)) if isinstance(value, bool) else as_text(value)


_EMPTY_IS_NOTHING = ("Date", "Datetime", "Time", *_WHOLE, *_NUMBERS)


def _as_check(df, value: Any) -> int:
	text = as_text(value).strip().lower()
	if text in _TRUE or text in _FALSE:
		return int(text in _TRUE)
	raise _misfit(df, value)


def _as_number(df, value: Any) -> int | float:
	number = Decimal(int(value)) if isinstance(value, bool) else as_number(value)
	if number is None or not number.is_finite() or math.isinf(float(number)):
		raise _misfit(df, value)
	if df.fieldtype not in _WHOLE:
		return float(number)
	if number != number.to_integral_value():
		raise _misfit(df, value)
	return int(number)


def _as_date(df, value: Any) -> str:
	"""A moment with an offset is meant where the site is."""
	when = as_time(value.strip() if isinstance(value, str) else value)
	if when is None:
		raise _misfit(df, value)
	if isinstance(when, datetime) and when.tzinfo is not None:
		when = when.astimezone(ZoneInfo(get_system_timezone())).replace(tzinfo=None)
	if df.fieldtype == "Date":
		return (when.date() if isinstance(when, datetime) else when).isoformat()
	if not isinstance(when, datetime):
		when = datetime(when.year, when.month, when.day)
	return when.isoformat(sep=" ")


def _as_time_of_day(df, value: Any) -> str:
	if isinstance(value, timedelta):
		value = _plain_value(value)
	text = str(value).strip()
	try:
		return time.fromisoformat(f"0{text}" if text[1:2] == ":" else text).replace(tzinfo=None).isoformat()
	except ValueError:
		raise _misfit(df, value) from None


def _misfit(df, value: Any) -> ValidationFailed:
	shown = strip_html(as_text(value))[:60]
	return ValidationFailed(
		f"{shown!r} does not fit the field {df.fieldname} ({df.fieldtype}).", field=df.fieldname
	)


def holds_value(df) -> bool:
	"""Is there anything to write in this field, or is it layout?"""
	return df.fieldtype in table_fields or df.fieldtype not in no_value_fields
