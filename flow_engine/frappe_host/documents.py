"""A site's documents as flows read and change them: the Document API, with the acting user's permissions.

Decides nothing that the Document API decides: validation, naming, hooks and workflows are the documents' own.
It adds the guard, the second user where a flow asks for one, and errors in the engine's words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import frappe

from flow_engine.engine.errors import (
	DocumentNotFound,
	PermissionDenied,
	UnknownDocType,
	ValidationFailed,
)
from flow_engine.engine.outside import unchanged
from flow_engine.engine.standard_fields import STANDARD_FIELDS
from flow_engine.frappe_host.acting import as_user, check_user
from flow_engine.frappe_host.document_guard import (
	check_method,
	check_own_document,
	check_writable,
	known_meta,
	run_method,
	writable_row,
	writable_values,
)
from flow_engine.frappe_host.document_values import fitting, permission_levels, plain_document
from flow_engine.frappe_host.foreign_errors import translated


class FrappeDocuments:
	"""`ports.Documents` on a site. Who acts is the session's user; see `acting.py` about switching it."""

	def __init__(self) -> None:
		self._also: str | None = None

	@contextmanager
	def acting_as(self, user: str, also: str | None = None) -> Iterator[None]:
		"""Act as `user`; with `also` (who triggered the flow), every write needs that user's permission too.

		For jobs only, never in a web request. Raises RunAsInvalid.
		"""
		before = self._also
		with translated(f"Acting as {user}"):
			if also:
				check_user(also)
		with as_user(user):
			self._also = also if also != user else None
			try:
				yield
			finally:
				self._also = before

	# --- reading ---------------------------------------------------------------------------------

	def get(self, doctype: str, name: str) -> dict[str, Any]:
		return self.read_as(frappe.session.user, doctype, name)

	def read_as(self, user: str, doctype: str, name: str) -> dict[str, Any]:
		"""`get` with the permissions of `user`, without switching to them: usable in a web request.

		Raises RunAsInvalid as well.
		"""
		with translated(f"Reading {doctype} {name}"):
			if user != frappe.session.user:
				check_user(user)
			meta = known_meta(doctype)
			check_own_document(meta)
			doc = self._load(doctype, name)
			if not frappe.has_permission(doctype, "read", doc=doc, user=user):
				raise PermissionDenied(f"{user} may not read {doctype} {doc.name}.", user=user)
			return plain_document(doc, user)

	def find(self, doctype: str, filters: Mapping[str, Any], limit: int = 20) -> list[str]:
		with translated(f"Looking for {doctype}"):
			meta = known_meta(doctype)
			check_own_document(meta)
			conditions = [self._condition(meta, name, value) for name, value in filters.items()]
			if limit < 1:
				return []
			return frappe.get_list(
				doctype,
				filters=conditions,
				pluck="name",
				order_by=f"`tab{doctype}`.`creation` asc, `tab{doctype}`.`name` asc",
				limit_page_length=limit,
			)

	def link_target(self, doctype: str, values: Mapping[str, Any], field: str) -> str | None:
		if field in ("owner", "modified_by"):
			return "User"
		df = known_meta(doctype).get_field(field)
		if df is None:
			return None
		if df.fieldtype == "Dynamic Link":
			return values.get(df.options) or None
		return df.options if df.fieldtype == "Link" else None

	# --- writing ---------------------------------------------------------------------------------

	def insert(self, doctype: str, values: Mapping[str, Any]) -> dict[str, Any]:
		with translated(f"Creating {doctype}"):
			meta = known_meta(doctype)
			check_writable(meta)
			self._require_any(meta, "create")
			fitted = writable_values(meta, values, self._users, may_name=True)
			doc = frappe.get_doc({"doctype": doctype, **fitted})
			self._require(doc, "create", user=self._also)
			doc.insert(set_name=fitted.get("name"))
			return self._written(doc)

	def update(self, doctype: str, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
		with translated(f"Updating {doctype} {name}"):
			meta = known_meta(doctype)
			check_writable(meta)
			doc = self._open(doctype, name)
			doc.update(writable_values(meta, values, self._users))
			doc.save()
			return self._written(doc)

	def call(self, doctype: str, name: str, method: str) -> dict[str, Any]:
		with translated(f"Running {method} of {doctype} {name}"):
			meta = known_meta(doctype)
			check_writable(meta)
			check_method(meta, method)
			doc = self._open(doctype, name)
			run_method(doc, method)
			return self._written(doc.reload())

	def add_row(self, doctype: str, name: str, table: str, values: Mapping[str, Any]) -> dict[str, Any]:
		with translated(f"Adding to {table} of {doctype} {name}"):
			meta = known_meta(doctype)
			check_writable(meta)
			doc = self._open(doctype, name)
			doc.append(table, writable_row(meta, table, values, self._users))
			doc.save()
			return self._written(doc)

	def remove_rows(
		self, doctype: str, name: str, table: str, filters: Mapping[str, Any]
	) -> tuple[int, dict[str, Any]]:
		with translated(f"Removing from {table} of {doctype} {name}"):
			meta = known_meta(doctype)
			check_writable(meta)
			# As a row of it would be written: the same is refused.
			writable_row(meta, table, {}, self._users)
			doc = self._open(doctype, name)
			rows = doc.get(table) or []
			left = [row for row in rows if any(row.get(field) != value for field, value in filters.items())]
			if len(left) == len(rows):
				return 0, self._written(doc)
			doc.set(table, left)
			doc.save()
			return len(rows) - len(left), self._written(doc)

	def exchange(
		self,
		doctype: str,
		name: str,
		values: Mapping[str, Any],
		expected: Mapping[str, Any] | None = None,
	) -> tuple[dict[str, Any], dict[str, Any]]:
		with translated(f"Updating {doctype} {name}"):
			meta = known_meta(doctype)
			check_writable(meta)
			doc = self._open(doctype, name)
			before = self._written(doc)
			wanted = unchanged(values, before, expected)
			if not wanted:
				return before, before
			doc.update(writable_values(meta, wanted, self._users))
			doc.save()
			return before, self._written(doc)

	# --- inside ----------------------------------------------------------------------------------

	@property
	def _users(self) -> tuple[str, ...]:
		"""Everybody whose permission a write needs."""
		user = frappe.session.user
		return (user, self._also) if self._also else (user,)

	def _load(self, doctype: str, name: str, lock: bool = False):
		"""The document as the database has it now. Raises DocumentNotFound, UnknownDocType."""
		name = str(name or "")
		if not name:
			raise DocumentNotFound(f"The name of the {doctype} is empty.", doctype=doctype, name=name)
		try:
			return frappe.get_doc(doctype, name, for_update=True) if lock else frappe.get_doc(doctype, name)
		except frappe.DoesNotExistError:
			raise DocumentNotFound(
				f"{doctype} {name[:140]} does not exist.", doctype=doctype, name=name
			) from None
		except ImportError as error:
			raise UnknownDocType(
				f"The app that brings {doctype} is not installed here.", doctype=doctype
			) from error

	def _open(self, doctype: str, name: str):
		"""A document to change. Locked before it is read: a plain read may be older than what others have
		committed since, and saving it would be refused as a conflict."""
		doc = self._load(doctype, name, lock=True)
		for user in self._users:
			self._require(doc, "write", user)
		return doc

	def _require(self, doc, ptype: str, user: str | None) -> None:
		if user and not frappe.has_permission(doc.doctype, ptype, doc=doc, user=user):
			what = f"{doc.doctype} {doc.name}" if ptype == "write" else doc.doctype
			raise PermissionDenied(f"{user} has no {ptype} permission for {what}.", user=user)

	def _require_any(self, meta, ptype: str) -> None:
		"""Said before any word about fields: who may not create the document learns nothing about it."""
		for user in self._users:
			if not frappe.has_permission(meta.name, ptype, user=user):
				raise PermissionDenied(f"{user} has no {ptype} permission for {meta.name}.", user=user)

	def _written(self, doc) -> dict[str, Any]:
		return plain_document(doc, frappe.session.user)

	def _condition(self, meta, name: str, value: Any) -> list[Any]:
		"""Equality and nothing else; what a user may not read they may not search by either."""
		df = meta.get_field(name)
		if df is None and name not in STANDARD_FIELDS:
			raise ValidationFailed(f"{meta.name} has no field {str(name)[:100]!r}.", field=name)
		levels = permission_levels(meta, frappe.session.user)
		if df is not None and levels is not None and (df.permlevel or 0) not in levels:
			raise PermissionDenied(f"{frappe.session.user} may not read the field {name} of {meta.name}.")
		if df is not None:
			value = fitting(df, value)
		if value is None or value == "":
			return [meta.name, name, "is", "not set"]
		return [meta.name, name, "=", value]
