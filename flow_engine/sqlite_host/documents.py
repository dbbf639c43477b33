"""The standalone host's documents: a schemaless store. It is not an ERP and does not pretend to be one.

It keeps what flows read and write, with the few rules the built-in kinds rely on (a Dispatch Job's open merge
key, a Subscription's two methods) and the same guard on standard fields as a site.
"""

from __future__ import annotations

import copy
import json
import sqlite3
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from functools import lru_cache
from typing import Any

from flow_engine.engine.errors import Conflict, DocumentNotFound, GuardRefused, ValidationFailed
from flow_engine.engine.outside import unchanged
from flow_engine.engine.ports import Clock
from flow_engine.engine.standard_fields import STANDARD_FIELDS
from flow_engine.sqlite_host.known_doctypes import link_target
from flow_engine.sqlite_host.store import Database

_OPEN_JOB = ("Open", "Scheduled", "In Progress")
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
	"Issue": {"status": "Open"},
	"Dispatch Job": {"status": "Open"},
}


_encode = json.JSONEncoder(ensure_ascii=False, default=str).encode


class _Caller(threading.local):
	"""For whom a thread of the server acts."""

	user = "operator"


class _Acting:
	def __init__(self, caller: _Caller, user: str):
		self.caller = caller
		self.before = caller.user
		self.user = user or self.before

	def __enter__(self) -> None:
		self.caller.user = self.user

	def __exit__(self, *error: object) -> None:
		self.caller.user = self.before


@lru_cache(maxsize=256)
def _initials(doctype: str) -> str:
	return "".join(word[0] for word in doctype.split()).upper()


class SqliteDocuments:
	"""`ports.Documents` over one table of JSON values."""

	def __init__(self, database: Database, clock: Clock):
		self.database = database
		self.clock = clock
		# Called with a Dispatch Job's values before (None: it is new) and after every change.
		self.after_job: Callable[[Mapping[str, Any] | None, Mapping[str, Any]], None] | None = None
		self._caller = _Caller()

	@property
	def user(self) -> str:
		return self._caller.user

	def acting_as(self, user: str, also: str | None = None) -> AbstractContextManager[None]:
		return _Acting(self._caller, user)

	def get(self, doctype: str, name: str) -> dict[str, Any]:
		rows = self.database.rows(
			"SELECT `values` FROM document WHERE doctype = %s AND name = %s", [doctype, name]
		)
		if not rows:
			raise DocumentNotFound(f"{doctype} {name!r} does not exist.", doctype=doctype, name=name)
		return json.loads(rows[0]["values"])

	def read_as(self, user: str, doctype: str, name: str) -> dict[str, Any]:
		"""There are no permissions here, so every user sees the same."""
		return self.get(doctype, name)

	def link_target(self, doctype: str, values: Mapping[str, Any], field: str) -> str | None:
		return link_target(doctype, values, field)

	def find(self, doctype: str, filters: Mapping[str, Any], limit: int = 20) -> list[str]:
		where = "".join(" AND json_extract(`values`, %s) = %s" for _ in filters)
		values = [value for field, wanted in filters.items() for value in (f'$."{field}"', wanted)]
		rows = self.database.rows(
			f"SELECT name FROM document WHERE doctype = %s{where} ORDER BY ordinal LIMIT %s",
			[doctype, *values, limit],
		)
		return [row["name"] for row in rows]

	def insert(self, doctype: str, values: Mapping[str, Any]) -> dict[str, Any]:
		if not doctype:
			raise ValidationFailed("A document needs a DocType.")
		ordinal = self.database.next_value(f"document {doctype}")
		given, initials = values.get("name"), _initials(doctype)
		now, user = self._now(), self.user
		document = {
			**_DEFAULTS.get(doctype, {}),
			**{key: value for key, value in values.items() if value is not None},
			"doctype": doctype,
			"name": given or f"{initials}-{ordinal:05d}",
			"owner": user,
			"creation": now,
			"modified": now,
			"modified_by": user,
			"docstatus": values.get("docstatus") or 0,
		}
		while True:
			try:
				self._store(document, ordinal, "created", new=True)
				break
			except Conflict:
				# Loaded documents bring names that look like ours.
				if given or not self._exists(doctype, document["name"]):
					raise
			ordinal = self.database.next_value(f"document {doctype}")
			document["name"] = f"{initials}-{ordinal:05d}"
		self._tell(None, document)
		return document

	def load(self, values: Mapping[str, Any]) -> None:
		"""Put a document in as it is: what a simulation starts from."""
		ordinal = self.database.next_value(f"document {values['doctype']}")
		self._store(dict(values), ordinal, None, new=True)

	def put(self, values: Mapping[str, Any]) -> dict[str, Any]:
		"""What the operator does by hand: create the document, or change the fields given, standard ones
		included. Raises ValidationFailed, Conflict."""
		doctype, name = values.get("doctype"), values.get("name")
		if doctype and name and self.find(doctype, {"name": name}, limit=1):
			return self._change(doctype, name, lambda document: document.update(values))
		return self.insert(str(doctype or ""), values)

	def latest(self, doctype: str | None = None, limit: int = 50) -> list[dict[str, Any]]:
		"""`{doctype, name, modified}` of documents, those changed last first."""
		where, values = ("WHERE doctype = %s ", [doctype]) if doctype else ("", [])
		return self.database.rows(
			"SELECT doctype, name, json_extract(`values`, '$.modified') AS modified FROM document "
			f"{where}ORDER BY modified DESC, rowid DESC LIMIT {int(limit)}",
			values,
		)

	def update(self, doctype: str, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
		refused = sorted(set(values) & STANDARD_FIELDS)
		if refused:
			raise GuardRefused(
				f"{refused[0]} is a standard field; a flow may not write it.", field=refused[0]
			)
		return self._change(doctype, name, lambda document: document.update(values))

	def call(self, doctype: str, name: str, method: str) -> dict[str, Any]:
		model = _METHODS.get((doctype, method))
		if model is None:
			raise GuardRefused(f"{doctype}.{method} is not a method that flows may run.")
		return self._change(
			doctype, name, lambda document: model(document, self.clock.now().astimezone(self.clock.time_zone))
		)

	def add_row(self, doctype: str, name: str, table: str, values: Mapping[str, Any]) -> dict[str, Any]:
		def append(document: dict[str, Any]) -> None:
			rows = document.setdefault(table, [])
			rows.append({**values, "idx": len(rows) + 1})

		return self._change(doctype, name, append)

	def remove_rows(
		self, doctype: str, name: str, table: str, filters: Mapping[str, Any]
	) -> tuple[int, dict[str, Any]]:
		document = self.get(doctype, name)
		rows = document.get(table) or []
		left = [row for row in rows if any(row.get(field) != value for field, value in filters.items())]
		if len(left) < len(rows):
			document = self._change(doctype, name, lambda document: document.update({table: left}))
		return len(rows) - len(left), document

	def exchange(
		self,
		doctype: str,
		name: str,
		values: Mapping[str, Any],
		expected: Mapping[str, Any] | None = None,
	) -> tuple[dict[str, Any], dict[str, Any]]:
		before = self.get(doctype, name)
		wanted = unchanged(values, before, expected)
		return before, self.update(doctype, name, wanted) if wanted else before

	def all_of(self, doctype: str) -> list[dict[str, Any]]:
		"""The values of every document of this kind, the oldest first."""
		rows = self.database.rows(
			"SELECT `values` FROM document WHERE doctype = %s ORDER BY ordinal, rowid", [doctype]
		)
		return [json.loads(row["values"]) for row in rows]

	def changes(self) -> list[dict[str, Any]]:
		"""Documents created or updated since they were loaded: `{doctype, name, change, values}`."""
		rows = self.database.rows("SELECT * FROM document WHERE change IS NOT NULL ORDER BY rowid")
		return [
			{
				"doctype": row["doctype"],
				"name": row["name"],
				"change": row["change"],
				"values": json.loads(row["values"]),
			}
			for row in rows
		]

	def _exists(self, doctype: str, name: str) -> bool:
		return bool(
			self.database.rows("SELECT 1 FROM document WHERE doctype = %s AND name = %s", [doctype, name])
		)

	def _change(self, doctype: str, name: str, change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
		document = self.get(doctype, name)
		before = copy.deepcopy(document)
		change(document)
		document.update(modified=self._now(), modified_by=self.user)
		self._store(document, None, "updated", new=False)
		self._tell(before, document)
		return document

	def _tell(self, before: Mapping[str, Any] | None, document: Mapping[str, Any]) -> None:
		if self.after_job is not None and document["doctype"] == "Dispatch Job":
			self.after_job(before, document)

	def _store(self, document: dict[str, Any], ordinal: int | None, change: str | None, new: bool) -> None:
		if document["doctype"] == "Dispatch Job":
			is_open = document.get("status") in _OPEN_JOB
			document["open_merge_key"] = (document.get("merge_key") or None) if is_open else None
		text = _encode(document)
		try:
			text.encode()
		except UnicodeEncodeError:
			raise ValidationFailed("The values hold characters that cannot be stored.") from None
		try:
			if new:
				self.database.execute(
					"INSERT INTO document (doctype, name, ordinal, change, `values`) "
					"VALUES (%s, %s, %s, %s, %s)",
					[document["doctype"], document["name"], ordinal, change, text],
				)
			else:
				self.database.execute(
					"UPDATE document SET `values` = %s, change = COALESCE(change, %s) "
					"WHERE doctype = %s AND name = %s",
					[text, change, document["doctype"], document["name"]],
				)
		except sqlite3.IntegrityError:
			raise Conflict(f"{document['doctype']} {document['name']!r} exists already.") from None

	def _now(self) -> str:
		return self.clock.now().astimezone(self.clock.time_zone).isoformat(timespec="seconds")[:19]


def _restart(document: dict[str, Any], now: datetime) -> None:
	document.update(status="Active", cancelation_date=None)


def _end_trial(document: dict[str, Any], now: datetime) -> None:
	document.update(status="Active", trial_period_end=now.date().isoformat())


_METHODS: Mapping[tuple[str, str], Callable[[dict[str, Any], datetime], None]] = {
	("Subscription", "restart_subscription"): _restart,
	("Subscription", "end_trial"): _end_trial,
}
