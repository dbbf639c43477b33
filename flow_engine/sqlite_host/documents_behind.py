"""Documents for trying a flow on what is really there: read through to a host, every write kept in memory.

What was read stays as it was read; what was written is only here, and goes back with the transaction like any
other row. The host behind is asked for values and for its rules, never to write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from flow_engine.engine.errors import Conflict, DocumentNotFound, GuardRefused
from flow_engine.engine.ports import Clock
from flow_engine.sqlite_host.documents import SqliteDocuments
from flow_engine.sqlite_host.store import Database

Known = Callable[[], Mapping[str, Any]]


class Behind(Protocol):
	"""The documents that are really there, for reading, with the permissions of whoever tries the flow.
	Raises as `ports.Documents`."""

	# Tells whether the trial itself has such a document: what is made in it may be linked in it.
	is_made: Callable[[str, str], bool]

	def get(self, doctype: str, name: str) -> dict[str, Any]: ...

	def find(self, doctype: str, filters: Mapping[str, Any], limit: int = 20) -> list[str]: ...

	def link_target(self, doctype: str, values: Mapping[str, Any], field: str) -> str | None: ...

	def created(self, doctype: str, values: Mapping[str, Any]) -> dict[str, Any]:
		"""The values that a new document would have, defaults included, if it may be created so."""
		...

	def changed(self, doctype: str, name: str, values: Mapping[str, Any], known: Known) -> dict[str, Any]:
		"""The changed values as the document would store them, if it may be changed so. known: gives all of
		its values now, which may be of a document that exists in the trial only."""
		...

	def row(self, doctype: str, name: str, table: str, values: Mapping[str, Any]) -> dict[str, Any]:
		"""The row as it would be appended to the table, if it may be."""
		...


class DocumentsBehind(SqliteDocuments):
	"""`ports.Documents` in memory over a host's own. Acts as one person all along: whoever tries the flow."""

	def __init__(self, database: Database, clock: Clock, behind: Behind, user: str):
		super().__init__(database, clock)
		self.behind = behind
		self._user = user
		behind.is_made = self._exists

	@property
	def user(self) -> str:
		return self._user

	@contextmanager
	def acting_as(self, user: str, also: str | None = None) -> Iterator[None]:
		yield

	def get(self, doctype: str, name: str) -> dict[str, Any]:
		if not self._exists(doctype, name):
			self.load({**self.behind.get(doctype, name), "doctype": doctype, "name": name})
		return super().get(doctype, name)

	def find(self, doctype: str, filters: Mapping[str, Any], limit: int = 20) -> list[str]:
		held = self.database.rows("SELECT COUNT(*) AS n FROM document WHERE doctype = %s", [doctype])[0]["n"]
		# Some of what is found behind may have been changed here, and then no longer fits.
		for name in self.behind.find(doctype, filters, limit + held):
			if not self._exists(doctype, name):
				self.get(doctype, name)
		return super().find(doctype, filters, limit)

	def link_target(self, doctype: str, values: Mapping[str, Any], field: str) -> str | None:
		return self.behind.link_target(doctype, values, field)

	def insert(self, doctype: str, values: Mapping[str, Any]) -> dict[str, Any]:
		given = values.get("name")
		if given and self._is_there(doctype, str(given)):
			raise Conflict(f"{doctype} {given!r} exists already.")
		number = self.database.next_value(f"trial {doctype}")
		name = given or f"{doctype} (test {number})"
		return super().insert(doctype, {**self.behind.created(doctype, values), "name": name})

	def update(self, doctype: str, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
		changed = self.behind.changed(doctype, name, values, lambda: self.get(doctype, name))
		return super().update(doctype, name, changed)

	def exchange(
		self,
		doctype: str,
		name: str,
		values: Mapping[str, Any],
		expected: Mapping[str, Any] | None = None,
	) -> tuple[dict[str, Any], dict[str, Any]]:
		# As on the site, what no flow may write is refused before anything of it is read.
		self.behind.changed(doctype, name, {}, lambda: self.get(doctype, name))
		return super().exchange(doctype, name, values, expected)

	def call(self, doctype: str, name: str, method: str) -> dict[str, Any]:
		self.behind.changed(doctype, name, {}, lambda: self.get(doctype, name))
		try:
			return super().call(doctype, name, method)
		except GuardRefused:
			raise GuardRefused(
				f"{doctype}.{method} saves by itself, so it cannot be tried without effect."
			) from None

	def add_row(self, doctype: str, name: str, table: str, values: Mapping[str, Any]) -> dict[str, Any]:
		self.get(doctype, name)
		return super().add_row(doctype, name, table, self.behind.row(doctype, name, table, values))

	def remove_rows(
		self, doctype: str, name: str, table: str, filters: Mapping[str, Any]
	) -> tuple[int, dict[str, Any]]:
		self.behind.changed(doctype, name, {}, lambda: self.get(doctype, name))
		return super().remove_rows(doctype, name, table, filters)

	def _is_there(self, doctype: str, name: str) -> bool:
		try:
			self.get(doctype, name)
		except DocumentNotFound:
			return False
		return True


class StoredBehind:
	"""`Behind` over the standalone host's own documents, which have no rules to ask for."""

	def __init__(self, documents: SqliteDocuments):
		self.is_made: Callable[[str, str], bool] = lambda doctype, name: False
		self.get = documents.get
		self.find = documents.find
		self.link_target = documents.link_target

	def created(self, doctype: str, values: Mapping[str, Any]) -> dict[str, Any]:
		return dict(values)

	def changed(self, doctype: str, name: str, values: Mapping[str, Any], known: Known) -> dict[str, Any]:
		return dict(values)

	def row(self, doctype: str, name: str, table: str, values: Mapping[str, Any]) -> dict[str, Any]:
		return dict(values)
