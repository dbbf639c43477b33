"""What has changed in a document's row since this transaction last looked.

A save says what the document was; `db_set` writes single fields of an object that may be stale, sometimes in
the middle of a save of the same document. So rows are compared, not objects: the row as it was before the
first write, then the row at every `on_change`. Each change is told once, whichever way it was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import frappe

Row = Mapping[str, Any]
_LOCAL = "flow_engine_seen_rows"
_NEW: Row = {}


@dataclass(slots=True)
class _Seen:
	"""The row as last seen, and the object whose save is under way (its write may come at any moment)."""

	row: Row
	saving: Any = None


@dataclass(frozen=True, slots=True)
class Change:
	"""Two rows of one document; `before` is empty for a new one."""

	before: Row
	after: Row

	def fields(self, names: set[str]) -> list[tuple[str, Any, Any]]:
		"""`(field, from, to)` of those of these fields that differ, in order of their names."""
		return [
			(name, self.before.get(name), self.after.get(name))
			for name in sorted(names)
			if differs(self.before.get(name), self.after.get(name), new=not self.before)
		]


def differs(before: Any, after: Any, new: bool = False) -> bool:
	"""Null and the empty text are both empty; a number that starts at zero was not set by anybody."""
	if before in (None, "") and after in (None, ""):
		return False
	if new and not isinstance(after, str) and not after:
		return False
	return before != after


def before_save(doc: Any) -> None:
	"""A save begins: remember the row it will change."""
	seen = _seen_rows()
	key = _key(doc)
	known = seen.get(key)
	if known is not None and known.saving is not None:
		return  # inside another save of the same document, whose own comparison is still to come
	previous = doc.get_doc_before_save()
	seen[key] = _Seen(_NEW if previous is None else _row_of(previous), saving=doc)


def before_db_set(doc: Any) -> None:
	"""Single fields are about to be written."""
	doc.flags.flow_engine_db_set = True
	seen = _seen_rows()
	key = _key(doc)
	known = seen.get(key)
	if known is None or known.saving is None:
		seen[key] = _Seen(read_row(doc.doctype, doc.name, lock=True) or _NEW)


def observe_row(doctype: str, name: str) -> None:
	"""Remember a row that something other than the Document API is about to write."""
	seen = _seen_rows()
	key = (doctype, str(name))
	if key not in seen or seen[key].saving is None:
		seen[key] = _Seen(read_row(doctype, name, lock=True) or _NEW)


def take_change(doc: Any) -> Change | None:
	"""What has changed since the last look; None for a document that is being deleted or is not there."""
	seen = _seen_rows()
	key = _key(doc)
	by_db_set = doc.flags.pop("flow_engine_db_set", False)
	if doc.flags.in_delete:
		seen.pop(key, None)
		return None
	after = read_row(doc.doctype, doc.name)
	if after is None:
		return None
	known = seen.get(key)
	if known is None:
		# A save that ran no validation, so nobody announced it.
		previous = doc.get_doc_before_save()
		known = seen[key] = _Seen(_NEW if previous is None else _row_of(previous))
	before, known.row = known.row, after
	if known.saving is doc and not by_db_set:
		known.saving = None
	return Change(before, after)


def read_row(doctype: str, name: str, lock: bool = False) -> Row | None:
	"""The row as this transaction sees it; with `lock`, as it is now."""
	meta = frappe.get_meta(doctype)
	if meta.issingle:
		return frappe.db.get_singles_dict(doctype, cast=True)
	if meta.get("is_virtual"):
		return None
	return frappe.db.get_value(doctype, name, "*", as_dict=True, for_update=lock, order_by=None)


def _row_of(doc: Any) -> Row:
	return {name: doc.get(name) for name in doc.meta.get_valid_columns()}


def _key(doc: Any) -> tuple[str, str]:
	return (doc.doctype, str(doc.name))


def _seen_rows() -> dict[tuple[str, str], _Seen]:
	seen = getattr(frappe.local, _LOCAL, None)
	if seen is None:
		seen = {}
		setattr(frappe.local, _LOCAL, seen)
		# Either way the transaction is over, and what it has seen may be another's by now.
		frappe.db.after_commit.add(_forget)
		frappe.db.after_rollback.add(_forget)
	return seen


def _forget() -> None:
	setattr(frappe.local, _LOCAL, None)
