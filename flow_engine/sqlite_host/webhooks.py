"""Webhook endpoints in one file: their rows, and their secrets beside them."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from flow_engine.engine.errors import NameTaken, SaveConflict
from flow_engine.engine.ports import AuditEvent
from flow_engine.engine.webhooks import DOCTYPE, read_patterns
from flow_engine.service.webhooks import check_endpoint, new_secret, secrets_in_use
from flow_engine.sqlite_host.signing_key import SigningKey
from flow_engine.sqlite_host.store import SqliteRuns
from flow_engine.store.webhooks import SqlEndpoints

_TABLE = f"`tab{DOCTYPE}`"
_CHANGED = ("url", "events", "flow_template", "enabled")


class SqliteEndpointStore:
	"""`service.endpoint_health.EndpointStore` on SQLite."""

	def __init__(self, runs: SqliteRuns, key: SigningKey, tell: Any):
		self.runs = runs
		self._key = key
		self.endpoints = SqlEndpoints(runs)
		# Who is told of an endpoint that was paused by itself: `(name, reason)`.
		self._tell = tell

	def insert(self, values: Mapping[str, Any]) -> str:
		check_endpoint(values)
		name = str(values["endpoint_name"]).strip()
		stamp, user = self.runs._stamp(), self.runs._user()
		row = {
			"name": name,
			"creation": stamp,
			"modified": stamp,
			"owner": user,
			"modified_by": user,
			"docstatus": 0,
			"idx": 0,
			"endpoint_name": name,
			**_columns(values),
			"given_up": 0,
			"failed_attempts": 0,
			"secret": values.get("secret") or new_secret(),
		}
		try:
			self.runs._insert(DOCTYPE, [row])
		except sqlite3.IntegrityError:
			raise NameTaken(f"There is a webhook endpoint named {name!r} already.") from None
		self._audit(name, row.get("flow_template"), "webhook.created")
		return name

	def update(self, name: str, values: Mapping[str, Any], modified: str | None = None) -> None:
		before = self.endpoints.get(name)
		if modified and before["modified"] != modified:
			raise SaveConflict()
		check_endpoint({**before, "secret": None, **values})
		columns = _columns({**before, **values})
		changed = [key for key in _CHANGED if columns[key] != _columns(before)[key]]
		self._set(name, modified=self.runs._stamp(), **columns)
		if "url" in changed:
			self.endpoints.readdress(name, columns["url"])
		if changed:
			self._audit(name, columns["flow_template"], "webhook.changed", fields=changed)

	def delete(self, name: str) -> None:
		before = self.endpoints.get(name)
		self.runs._change(f"DELETE FROM {_TABLE} WHERE name = %s", [name])
		while self.endpoints.drop(name, "Its endpoint is gone."):
			pass
		self._audit(name, before["flow_template"], "webhook.deleted")

	def changed(self) -> None:
		"""Nobody remembers: a file's endpoints are asked for whenever something happens."""

	def replace_signing_key(self, overlap_until: datetime | None) -> None:
		self._key.replace(overlap_until)

	def tell_paused(self, name: str, owner: str | None, reason: str) -> None:
		self._tell(name, reason)

	def secrets(self, name: str) -> Sequence[str]:
		rows = self.runs._rows(
			f"SELECT secret, previous_secret, previous_secret_until FROM {_TABLE} WHERE name = %s", [name]
		)
		if not rows:
			return ("",)
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

	def _set(self, name: str, **values: Any) -> None:
		sets = ", ".join(f"`{column}` = %s" for column in values)
		self.runs._change(f"UPDATE {_TABLE} SET {sets} WHERE name = %s", [*values.values(), name])

	def _audit(self, name: str, template: Any, event: str, **details: Any) -> None:
		self.runs.audit(
			AuditEvent(event, flow_template=template or None, details={"endpoint": name, **details})
		)


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
	return {
		"url": str(values.get("url") or "").strip(),
		"events": "\n".join(read_patterns(values.get("events"))),
		"flow_template": str(values.get("flow_template") or "").strip() or None,
		"enabled": int(bool(values.get("enabled"))),
	}
