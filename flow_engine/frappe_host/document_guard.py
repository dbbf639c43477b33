"""What a flow may write on a site, whatever permissions its user has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import frappe
from frappe.model import table_fields

from flow_engine.engine.errors import GuardRefused, UnknownDocType, ValidationFailed
from flow_engine.engine.standard_fields import STANDARD_FIELDS
from flow_engine.frappe_host.document_values import fitting, holds_value, permission_levels
from flow_engine.frappe_host.subscription_trial import end_trial

OWN_MODULE = "Flow Engine"
FRAMEWORK_MODULES = frozenset(
	(
		"Core",
		"Custom",
		"Desk",
		"Email",
		"Integrations",
		"Automation",
		"Website",
		"Workflow",
		"Printing",
	)
)
# Everyday documents that live in one of those modules.
EVERYDAY = frozenset(("ToDo", "Event", "Note", "Contact", "Address"))
OWN_WRITABLE = frozenset(("Dispatch Job",))

# What Frappe keeps itself; so are all names that begin with an underscore (tags, assignments, likes).

# Methods of documents that flows may run; each saves by itself, with the acting user's permissions. None: the
# document's own method of that name.
METHODS: Mapping[str, Mapping[str, Callable[[Any], object] | None]] = {
	"Subscription": {"restart_subscription": None, "process": None, "end_trial": end_trial},
}


def known_meta(doctype: str):
	"""The DocType's meta, by its exact name. Raises UnknownDocType."""
	doctype = str(doctype or "")
	try:
		meta = frappe.get_meta(doctype) if doctype else None
	except (frappe.DoesNotExistError, ImportError):
		meta = None
	# The database finds `user` when asked for `User`; rules by name must not be passed by that way.
	if meta is None or meta.name != doctype:
		raise UnknownDocType(f"There is no DocType {doctype[:140]!r} on this site.", doctype=doctype)
	return meta


def check_own_document(meta) -> None:
	"""Raises GuardRefused for what is no document of its own: singles and rows."""
	if meta.issingle:
		raise GuardRefused(f"{meta.name} is a settings page, which flows do not touch.")
	if meta.istable:
		raise GuardRefused(f"{meta.name} is a row of other documents; a flow goes through the document.")


def check_writable(meta) -> None:
	"""Raises GuardRefused for DocTypes that no flow writes."""
	check_own_document(meta)
	if meta.module in FRAMEWORK_MODULES and meta.name not in EVERYDAY:
		raise GuardRefused(f"{meta.name} belongs to the framework ({meta.module}); a flow may not write it.")
	if meta.module == OWN_MODULE and meta.name not in OWN_WRITABLE:
		raise GuardRefused(f"{meta.name} is the flow engine's own record; a flow may not write it.")


def check_method(meta, method: str) -> None:
	"""Raises GuardRefused for a method that is not on the list, which other apps extend by hook."""
	added = (frappe.get_hooks("flow_engine_methods") or {}).get(meta.name) or ()
	if method not in METHODS.get(meta.name, {}) and method not in added:
		raise GuardRefused(f"{meta.name}.{method} is not a method that flows may run.")


def run_method(doc, method: str) -> None:
	"""Run a method that `check_method` let through. Raises GuardRefused when this version has none."""
	ours = METHODS.get(doc.doctype, {}).get(method)
	if ours is not None:
		ours(doc)
		return
	own = getattr(doc, method, None)
	if not callable(own):
		raise GuardRefused(f"{doc.doctype} has no method {method} in this version.")
	own()


def writable_values(
	meta, values: Mapping[str, Any], users: tuple[str, ...], may_name: bool = False
) -> dict[str, Any]:
	"""The values as the fields store them; each user must be allowed to write each field's level.

	Frappe drops a value above the user's level without a word; a flow must not believe that it was written.
	Raises GuardRefused, ValidationFailed.
	"""
	levels = [permission_levels(meta, user, "write") for user in users]
	return _writable(meta, values, levels, may_name)


def writable_row(meta, table: str, values: Mapping[str, Any], users: tuple[str, ...]) -> dict[str, Any]:
	"""One new row of the document's table, as `writable_values`."""
	df = meta.get_field(table)
	if df is None or df.fieldtype not in table_fields:
		raise ValidationFailed(f"{meta.name} has no table {table!r}.", field=table)
	return writable_values(meta, {table: [values]}, users)[table][0]


def _writable(meta, values: Mapping[str, Any], levels: list, may_name: bool) -> dict[str, Any]:
	fitted: dict[str, Any] = {}
	for name, value in values.items():
		name = str(name)
		if may_name and name == "name":
			fitted[name] = str(value)
			continue
		if name in STANDARD_FIELDS or name.startswith("_"):
			raise GuardRefused(f"A flow may not write the field {name[:100]}.", field=name)
		df = meta.get_field(name)
		if df is None or not holds_value(df) or df.get("is_virtual"):
			raise ValidationFailed(f"{meta.name} has no field {name[:100]!r} to write.", field=name)
		level = df.permlevel or 0
		if any(allowed is not None and level not in allowed for allowed in levels):
			raise GuardRefused(
				f"The field {name} of {meta.name} is above the acting user's permission level.", field=name
			)
		if df.fieldtype == "Password":
			raise GuardRefused(f"The field {name} of {meta.name} is a password.", field=name)
		fitted[name] = _rows(df, value, levels) if df.fieldtype in table_fields else fitting(df, value)
	return fitted


def _rows(df, value: Any, levels: list) -> list[dict[str, Any]]:
	if not isinstance(value, list | tuple) or not all(isinstance(row, Mapping) for row in value):
		raise ValidationFailed(f"The table {df.fieldname} takes a list of rows.", field=df.fieldname)
	# Levels of a row's fields are granted by the document's own permissions.
	row_meta = frappe.get_meta(df.options)
	return [_writable(row_meta, row, levels, may_name=False) for row in value]
