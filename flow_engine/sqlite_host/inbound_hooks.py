"""Inbound hooks in one file: their rows, and their secrets beside them."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from flow_engine.engine.errors import NameTaken, SaveConflict
from flow_engine.service.inbound_hooks import FIELDS, audit, audit_change, hook_values
from flow_engine.service.webhooks import new_secret, secrets_in_use
from flow_engine.sqlite_host.store import SqliteRuns
from flow_engine.store.inbound import DOCTYPE, SqlInbound

_TABLE = f"`tab{DOCTYPE}`"
PATH = "/api/method/flow_engine.api.hooks.receive"


class SqliteHookRecords:
	"""`service.inbound_hooks.HookRecords` on SQLite. `host` is the composed host's to set."""

	host: Any

	def __init__(self, runs: SqliteRuns, base_url: str):
		self.runs = runs
		self.store = SqlInbound(runs)
		self.base_url = base_url.rstrip("/")

	def insert(self, values: Mapping[str, Any]) -> str:
		stamp, user = self.runs._stamp(), self.runs._user()
		columns = hook_values(values)
		# Raises TemplateNotFound.
		self.host.templates.get(columns["flow_template"])
		row = {
			"name": self.runs._token()[:10],
			"creation": stamp,
			"modified": stamp,
			"owner": user,
			"modified_by": user,
			"docstatus": 0,
			"idx": 0,
			**columns,
			"secret": values.get("secret") or new_secret(),
		}
		self._write(lambda: self.runs._insert(DOCTYPE, [row]), columns)
		audit_change(self.host, None, row)
		return str(row["name"])

	def update(self, name: str, values: Mapping[str, Any], modified: str | None = None) -> None:
		before = self.store.lock(name)
		if modified and before["modified"] != modified:
			raise SaveConflict()
		columns = hook_values({**{field: before[field] for field in FIELDS}, **values})
		if columns["flow_template"] != before["flow_template"]:
			self.host.templates.get(columns["flow_template"])
		self._write(lambda: self._set(name, **columns, modified=self.runs._stamp()), columns)
		audit_change(self.host, before, {"name": name, **columns})

	def delete(self, name: str) -> None:
		before = self.store.lock(name)
		self.runs._change(f"DELETE FROM {_TABLE} WHERE name = %s", [name])
		audit(self.host, "hook.deleted", before)

	def secrets(self, name: str) -> Sequence[str]:
		rows = self.runs._rows(
			f"SELECT secret, previous_secret, previous_secret_until FROM {_TABLE} WHERE name = %s", [name]
		)
		if not rows:
			return ()
		row = rows[0]
		until = self.runs.from_site(row["previous_secret_until"])
		return secrets_in_use(str(row["secret"]), row["previous_secret"], until, self.runs.now())

	def put_secret(self, name: str, secret: str, overlap_until: datetime | None) -> None:
		former = self.secrets(name)[0] if overlap_until else None
		self._set(
			name,
			secret=secret,
			previous_secret=former,
			previous_secret_until=self.runs.site_text(overlap_until),
			modified=self.runs._stamp(),
		)

	def url(self, name: str) -> str:
		return f"{self.base_url}{PATH}?hook={name}"

	def _set(self, name: str, **values: Any) -> None:
		sets = ", ".join(f"`{column}` = %s" for column in values)
		self.runs._change(f"UPDATE {_TABLE} SET {sets} WHERE name = %s", [*values.values(), name])

	def _write(self, write: Any, columns: Mapping[str, Any]) -> None:
		try:
			write()
		except sqlite3.IntegrityError:
			raise NameTaken(f"There is an inbound hook named {columns['hook_name']!r} already.") from None
