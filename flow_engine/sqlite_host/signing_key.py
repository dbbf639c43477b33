"""Keys that a file keeps for itself, and the one that signs deliveries, which may be replaced."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime

from flow_engine.engine.ports import Clock
from flow_engine.service.webhooks import secrets_in_use
from flow_engine.sqlite_host.store import Database

_SECRET, _PREVIOUS, _UNTIL = "delivery_secret", "delivery_secret_previous", "delivery_secret_until"


def kept_key(database: Database, name: str) -> str:
	"""A key of 32 random bytes that the database keeps, as hex; made when it is first asked for."""

	def work() -> str:
		database.execute(
			"INSERT OR IGNORE INTO setting (name, value) VALUES (%s, %s)", [name, secrets.token_hex(32)]
		)
		return str(database.rows("SELECT value FROM setting WHERE name = %s", [name])[0]["value"])

	return database.transact(work)


class SigningKey:
	"""What deliveries that go to no endpoint are signed with."""

	def __init__(self, database: Database, clock: Clock):
		self.database = database
		self.clock = clock
		kept_key(database, _SECRET)

	def secrets(self) -> Sequence[str]:
		"""The present one first; while both are in use, the former one after it."""
		rows = self.database.rows(
			"SELECT name, value FROM setting WHERE name IN (%s, %s, %s)", [_SECRET, _PREVIOUS, _UNTIL]
		)
		kept = {row["name"]: row["value"] for row in rows}
		until = datetime.fromisoformat(kept[_UNTIL]) if kept.get(_UNTIL) else None
		return secrets_in_use(kept[_SECRET], kept.get(_PREVIOUS), until, self.clock.now())

	def replace(self, overlap_until: datetime | None) -> None:
		"""Sign with a new one, in the current transaction."""
		kept = {_PREVIOUS: self.secrets()[0], _SECRET: secrets.token_hex(32), _UNTIL: ""}
		if overlap_until is not None:
			kept[_UNTIL] = overlap_until.isoformat()
		for name, value in kept.items():
			self.database.execute(
				"INSERT OR REPLACE INTO setting (name, value) VALUES (%s, %s)", [name, value]
			)
