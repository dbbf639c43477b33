"""Kinds of documents on a site, as the caller may know them: the framework's own meta, permissions applied.

Decides which fields a flow can name; which of them the *flow* may read is decided again when it runs, as the
user it runs as.
"""

from __future__ import annotations

from typing import Any

import frappe
from frappe import _
from frappe.desk.search import search_link
from frappe.model import table_fields

from flow_engine.engine.errors import NotAllowed
from flow_engine.frappe_host.document_guard import OWN_MODULE, OWN_WRITABLE, known_meta
from flow_engine.frappe_host.document_values import holds_value, permission_levels

_STANDARD = (
	("name", "ID", "Data", None),
	("creation", "Created On", "Datetime", None),
	("modified", "Last Updated On", "Datetime", None),
	("owner", "Created By", "Link", "User"),
	("docstatus", "Document Status", "Int", None),
)


class SiteDocumentTypes:
	"""`DocumentTypes` of a site."""

	def fields(self, doctype: str) -> dict[str, Any]:
		meta = _readable(doctype)
		levels = permission_levels(meta, frappe.session.user)
		standard = [_field(name, label, kind, link=link) for name, label, kind, link in _STANDARD]
		return {
			"doctype": meta.name,
			"label": _(meta.name),
			"fields": standard + [_described(df, levels) for df in meta.fields if _is_offered(df, levels)],
		}

	def search(self, doctype: str, text: str, limit: int) -> list[dict[str, str]]:
		meta = _readable(doctype)
		found = search_link(meta.name, text, page_length=limit)
		return [
			{"name": row["value"], "label": row.get("label") or row.get("description") or row["value"]}
			for row in found
		]

	def doctypes(self, text: str, limit: int) -> list[dict[str, str]]:
		readable = set(frappe.get_user().get_can_read())
		rows = frappe.get_all(
			"DocType", {"istable": 0, "issingle": 0, "is_virtual": 0}, ["name", "module"], order_by="name"
		)
		wanted = text.casefold()
		found = [
			{"name": row.name, "label": _(row.name)}
			for row in rows
			if row.name in readable
			and (row.module != OWN_MODULE or row.name in OWN_WRITABLE)
			and (wanted in row.name.casefold() or wanted in _(row.name).casefold())
		]
		# What begins with the text is what was meant, more often than what has it inside.
		found.sort(key=lambda entry: not entry["label"].casefold().startswith(wanted))
		return found[:limit]


def _readable(doctype: str) -> Any:
	"""Raises UnknownDocType, NotAllowed."""
	meta = known_meta(doctype)
	if not frappe.has_permission(meta.name, "read") and not frappe.has_permission(meta.name, "select"):
		raise NotAllowed(f"You may not read documents of {_(meta.name)}.")
	return meta


def _is_offered(df: Any, levels: set[int] | None) -> bool:
	if df.fieldtype == "Password" or not holds_value(df):
		return False
	return levels is None or (df.permlevel or 0) in levels


def _field(name: str, label: str, kind: str, **more: Any) -> dict[str, Any]:
	plain = {"options": None, "link": None, "reqd": 0, "children": None}
	return {"name": name, "label": _(label), "type": kind, **plain, **more}


def _described(df: Any, levels: set[int] | None, rows: bool = True) -> dict[str, Any]:
	more: dict[str, Any] = {"reqd": int(df.reqd or 0)}
	if df.fieldtype in ("Select", "Autocomplete"):
		more["options"] = [choice for choice in (df.options or "").split("\n") if choice.strip()]
	elif df.fieldtype == "Link":
		more["link"] = df.options
	elif df.fieldtype in table_fields and rows:
		row_meta = frappe.get_meta(df.options)
		# Levels of a row's fields are granted by the document's own permissions.
		more["children"] = [
			_described(child, levels, rows=False)
			for child in row_meta.fields
			if child.fieldtype not in table_fields and _is_offered(child, levels)
		]
	return _field(df.fieldname, df.label or df.fieldname, df.fieldtype, **more)
