"""Kinds of documents where there is no ERP to ask: what is known of them, and what stored documents show.

Decides what a value in a document says about its field. A description wins over what was seen, and a field
that was seen wins over nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flow_engine.engine.plain import as_time
from flow_engine.sqlite_host import schema
from flow_engine.sqlite_host.known_doctypes import DOCTYPES, OWN
from flow_engine.sqlite_host.store import Database

# Enough to see every field that is in use, and not a whole database.
LOOKED_AT = 50
_STANDARD = (
	("name", "ID", "Data"),
	("creation", "Created On", "Datetime"),
	("modified", "Last Updated On", "Datetime"),
	("owner", "Created By", "Link", "User"),
	("docstatus", "Document Status", "Int"),
)
_HIDDEN = frozenset(("doctype", "idx", "modified_by", "parent", "parenttype", "parentfield"))
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


class KnownDocumentTypes:
	"""`DocumentTypes` of the standalone host; there are no permissions here."""

	def __init__(self, database: Database):
		self.database = database

	def fields(self, doctype: str) -> dict[str, Any]:
		found = [_described(row) for row in (*_STANDARD, *DOCTYPES.get(doctype, ()))]
		if doctype in OWN:
			found += _of_own(doctype)
		known = {field["name"] for field in found}
		seen = [field for field in _seen(self._stored(doctype)) if field["name"] not in known]
		return {"doctype": doctype, "label": doctype, "fields": found + seen}

	def search(self, doctype: str, text: str, limit: int) -> list[dict[str, str]]:
		rows = self.database.rows(
			"SELECT name, `values` FROM document WHERE doctype = %s ORDER BY ordinal DESC LIMIT 2000",
			[doctype],
		)
		found = [(row["name"], _title(doctype, row["name"], json.loads(row["values"]))) for row in rows]
		matching = [
			{"name": name, "label": label} for name, label in found if _has(text, name) or _has(text, label)
		]
		return matching[:limit]

	def doctypes(self, text: str, limit: int) -> list[dict[str, str]]:
		rows = self.database.rows("SELECT DISTINCT doctype FROM document")
		names = sorted({*DOCTYPES, *OWN, *(row["doctype"] for row in rows)})
		return [{"name": name, "label": name} for name in names if _has(text, name)][:limit]

	def _stored(self, doctype: str) -> list[dict[str, Any]]:
		rows = self.database.rows(
			f"SELECT `values` FROM document WHERE doctype = %s ORDER BY ordinal DESC LIMIT {LOOKED_AT}",
			[doctype],
		)
		return [json.loads(row["values"]) for row in rows]


def _has(text: str, where: str) -> bool:
	return text.casefold() in where.casefold()


def _title(doctype: str, name: str, values: Mapping[str, Any]) -> str:
	for field in (f"{doctype.lower().replace(' ', '_')}_name", "customer_name", "title", "subject"):
		if isinstance(values.get(field), str) and values[field]:
			return values[field]
	return name


def _field(name: str, label: str, kind: str, **more: Any) -> dict[str, Any]:
	plain = {"options": None, "link": None, "reqd": 0, "children": None}
	return {"name": name, "label": label, "type": kind, **plain, **more}


def _described(row: Sequence[Any]) -> dict[str, Any]:
	name, label, kind, *more = row
	if kind == "Select":
		return _field(name, label, kind, options=list(more[0]))
	if kind == "Link":
		return _field(name, label, kind, link=more[0])
	if kind == "Table":
		return _field(name, label, kind, children=[_described(child) for child in more[0]])
	return _field(name, label, kind)


def _of_own(doctype: str, rows: bool = True) -> list[dict[str, Any]]:
	"""One of the engine's DocTypes, from its file."""
	return [_from_file(field, rows) for field in schema.meta_of(doctype)["fields"] if _holds(field, rows)]


def _holds(field: Mapping[str, Any], rows: bool) -> bool:
	return (rows and field["fieldtype"] == "Table") or field["fieldtype"] not in schema.NO_COLUMN


def _from_file(field: Mapping[str, Any], rows: bool) -> dict[str, Any]:
	kind, options = field["fieldtype"], field.get("options")
	more: dict[str, Any] = {"reqd": int(field.get("reqd") or 0)}
	if kind == "Select":
		more["options"] = [choice for choice in (options or "").split("\n") if choice]
	elif kind == "Link":
		more["link"] = options
	elif kind == "Table" and rows:
		more["children"] = _of_own(options, rows=False)
	return _field(field["fieldname"], field.get("label") or field["fieldname"], kind, **more)


def _seen(documents: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
	"""The fields that these documents have, by the first value of each that says something."""
	values: dict[str, Any] = {}
	for document in documents:
		for name, value in document.items():
			if name not in _HIDDEN and values.get(name) in (None, "", []):
				values[name] = value
	return [_guessed(name, value) for name, value in values.items()]


def _guessed(name: str, value: Any) -> dict[str, Any]:
	label = name.replace("_", " ").title()
	if isinstance(value, bool):
		return _field(name, label, "Check")
	if isinstance(value, int | float):
		return _field(name, label, "Int" if isinstance(value, int) else "Float")
	if isinstance(value, list) and all(isinstance(row, Mapping) for row in value):
		return _field(name, label, "Table", children=_seen(value))
	if isinstance(value, list | Mapping):
		return _field(name, label, "JSON")
	if isinstance(value, str) and as_time(value) is not None and _DATE.match(value):
		return _field(name, label, "Date" if _DATE.fullmatch(value) else "Datetime")
	return _field(name, label, "Text" if isinstance(value, str) and len(value) > 140 else "Data")
