"""A site's documents for trying a flow on them: read as the caller, and rules asked without a write.

Decides what of a document's rules can be asked without saving it: permissions, field levels, which fields
there are and what fits them, choices and links. What a document's own code checks and computes when it is
saved is not run, because nobody can say that it writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import frappe
from frappe.model import table_fields

from flow_engine.engine.errors import CannotSimulate, PermissionDenied, ValidationFailed
from flow_engine.frappe_host.acting import forbid_commit
from flow_engine.frappe_host.document_guard import (
	check_writable,
	known_meta,
	writable_row,
	writable_values,
)
from flow_engine.frappe_host.document_values import plain_document
from flow_engine.frappe_host.documents import FrappeDocuments
from flow_engine.frappe_host.foreign_errors import translated


class SiteBehind:
	"""`Behind` of a site: who asks is the session's user."""

	def __init__(self) -> None:
		self.is_made: Callable[[str, str], bool] = lambda doctype, name: False
		self.documents = FrappeDocuments()
		self.get = self.documents.get
		self.find = self.documents.find
		self.link_target = self.documents.link_target

	def created(self, doctype: str, values: Mapping[str, Any]) -> dict[str, Any]:
		with translated(f"Creating {doctype}"):
			user = frappe.session.user
			meta = known_meta(doctype)
			check_writable(meta)
			if not frappe.has_permission(doctype, "create", user=user):
				raise PermissionDenied(f"{user} has no create permission for {doctype}.", user=user)
			fitted = writable_values(meta, values, (user,), may_name=True)
			self._check(meta, fitted)
			doc = frappe.new_doc(doctype)
			doc.update({key: value for key, value in fitted.items() if value is not None})
			return {key: value for key, value in plain_document(doc, user).items() if key != "name"}

	def changed(
		self, doctype: str, name: str, values: Mapping[str, Any], known: Callable[[], Mapping[str, Any]]
	) -> dict[str, Any]:
		with translated(f"Updating {doctype} {name}"):
			user = frappe.session.user
			meta = known_meta(doctype)
			check_writable(meta)
			now = known()
			self._may_write(doctype, name, user)
			fitted = writable_values(meta, values, (user,))
			self._check(meta, fitted)
			doc = frappe.get_doc({**now, "doctype": doctype, "name": name, **fitted})
			plain = plain_document(doc, user)
			return {key: plain.get(key) for key in fitted}

	def row(self, doctype: str, name: str, table: str, values: Mapping[str, Any]) -> dict[str, Any]:
		with translated(f"Adding to {table} of {doctype} {name}"):
			user = frappe.session.user
			meta = known_meta(doctype)
			check_writable(meta)
			self._may_write(doctype, name, user)
			row = writable_row(meta, table, values, (user,))
			doc = frappe.get_doc({"doctype": doctype, "name": name, table: [row]})
			return plain_document(doc, user)[table][0]

	def _may_write(self, doctype: str, name: str, user: str) -> None:
		"""Of a document that the trial itself made, whether the user may write such documents at all."""
		doc = frappe.get_doc(doctype, name) if frappe.db.exists(doctype, name) else None
		if not frappe.has_permission(doctype, "write", doc=doc, user=user):
			raise PermissionDenied(f"{user} has no write permission for {doctype} {name}.", user=user)

	def _check(self, meta: Any, fitted: Mapping[str, Any]) -> None:
		"""Choices and links, as saving would check them. Raises ValidationFailed."""
		for name, value in fitted.items():
			df = meta.get_field(name)
			if df is None or value in (None, "") or df.fieldtype in table_fields:
				continue
			if df.fieldtype == "Select" and df.options:
				choices = [choice.strip() for choice in df.options.split("\n")]
				# A Dispatch Job brings its priority into the spelling of its choices by itself.
				if value not in choices and (meta.name, name) != ("Dispatch Job", "priority"):
					raise ValidationFailed(
						f"{value!r} is no choice of the field {df.label or name}.", field=name
					)
			elif df.fieldtype == "Link" and not self._is_there(df.options, value):
				raise ValidationFailed(
					f"There is no {df.options} {value!r} for {df.label or name}.", field=name
				)

	def _is_there(self, doctype: str, name: str) -> bool:
		# The run that a trial's documents name is in memory only.
		return (
			doctype == "Flow Run" or self.is_made(doctype, str(name)) or bool(frappe.db.exists(doctype, name))
		)


@contextmanager
def read_only_site() -> Iterator[None]:
	"""Nothing inside changes the site's database, whatever it calls: the connection is set to read-only
	transactions, the framework's own flag says so too (it would open a writable one after a commit), and all
	is rolled back at the end, what was to be done after a commit included.

	Only where nothing is pending: what the request wrote before is rolled back as well.
	"""
	messages, flag = frappe.local.message_log, frappe.flags.read_only
	frappe.db.rollback()
	frappe.db.sql("SET SESSION TRANSACTION READ ONLY")
	frappe.flags.read_only = True
	frappe.local.message_log = []
	try:
		frappe.db.begin()
		yield
	finally:
		frappe.flags.read_only = flag
		frappe.local.message_log = messages
		# Takes back what waits for a commit too; the next transaction is begun under the next line's setting.
		frappe.db.sql("ROLLBACK")
		frappe.db.sql("SET SESSION TRANSACTION READ WRITE")
		frappe.db.rollback()


@contextmanager
def shielded_handler() -> Iterator[None]:
	"""Around one handler inside `read_only_site`: it may neither write nor end the transaction. Raises
	CannotSimulate, HandlerCommitted."""
	try:
		with forbid_commit():
			yield
	except frappe.InReadOnlyMode:
		frappe.clear_messages()
		raise CannotSimulate("The step's kind writes to the database by itself.") from None


def reading_addresses() -> list[tuple[str, int]]:
	"""What the site itself connects to when it reads: its database and its caches."""
	conf = frappe.local.conf
	found = [(conf.db_host or "127.0.0.1", int(conf.db_port or 3306))]
	# Not the queue: a job put there would run.
	cache = urlsplit(conf.redis_cache or "")
	if cache.hostname and cache.port:
		found.append((cache.hostname, cache.port))
	return found
