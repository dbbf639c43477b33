"""Webhook endpoints in SQL that both hosts speak: who is told, how their deliveries fare, what is held back.

How endpoints are made and changed, and where their secrets lie, is each host's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from flow_engine.engine.errors import WebhookEndpointNotFound
from flow_engine.engine.webhooks import DOCTYPE, Endpoint, Health, read_patterns
from flow_engine.store.deliveries import destination
from flow_engine.store.dialect import Dialect, from_json, places, storable

_TABLE = f"`tab{DOCTYPE}`"
_DELIVERIES = "`tabFlow Delivery`"
_OF = f"reference_doctype = '{DOCTYPE}' AND reference_name = %s"
_SHOWN = (
	"name, endpoint_name, url, events, flow_template, enabled, paused_at, paused_reason, given_up, "
	"failed_attempts, failing_since, previous_secret_until, owner, creation, modified"
)
_TIMES = ("paused_at", "failing_since", "previous_secret_until", "creation")
BATCH = 500
# `20261121061500123456`: how the name of an event that `SqlAudit` wrote begins, in UTC.
_MOMENT, _MOMENT_LENGTH, _NAME_LENGTH = "%Y%m%d%H%M%S%f", 20, 30


class SqlEndpoints:
	"""On the connection and dialect of the run store, so that what is told of an event is written with it."""

	def __init__(self, database: Dialect):
		self.database = database

	def active(self) -> list[Endpoint]:
		"""Those that are on, the paused ones among them."""
		rows = self.database._rows(
			f"SELECT name, url, events, flow_template, paused_at FROM {_TABLE} WHERE enabled = 1 "
			"ORDER BY name"
		)
		return [endpoint_in(row) for row in rows]

	def find(self) -> list[dict[str, Any]]:
		"""All of them, with how many deliveries each has held back; times aware UTC."""
		rows = self.database._rows(f"SELECT {_SHOWN} FROM {_TABLE} ORDER BY endpoint_name")
		return [self._shown(row) for row in rows]

	def get(self, name: str) -> dict[str, Any]:
		"""Raises WebhookEndpointNotFound."""
		return self._shown(self._row(name))

	def lock(self, name: str) -> Mapping[str, Any]:
		"""Its row, locked until the end of the transaction. Raises WebhookEndpointNotFound."""
		return self._row(name, self.database.for_update)

	def _row(self, name: str, suffix: str = "") -> Mapping[str, Any]:
		rows = self.database._rows(f"SELECT {_SHOWN} FROM {_TABLE} WHERE name = %s{suffix}", [name])
		if not rows:
			raise WebhookEndpointNotFound(f"There is no webhook endpoint {name!r}.", endpoint=name)
		return rows[0]

	def _shown(self, row: Mapping[str, Any]) -> dict[str, Any]:
		shown = {**row, **{column: self.database.from_site(row[column]) for column in _TIMES}}
		shown["events"] = list(read_patterns(row["events"]))
		shown["destination"] = destination(row["url"] or "")
		shown["enabled"] = bool(row["enabled"])
		shown["status"] = state_of(row)
		shown["modified"] = str(row["modified"])
		shown["held"] = self.count_held(row["name"])
		return shown

	def state(self, name: str) -> str:
		"""`on`, `paused`, `off` or `gone`."""
		rows = self.database._rows(f"SELECT enabled, paused_at FROM {_TABLE} WHERE name = %s", [name])
		return state_of(rows[0]) if rows else "gone"

	def count_held(self, name: str) -> int:
		rows = self.database._rows(
			f"SELECT COUNT(*) AS held FROM {_DELIVERIES} WHERE {_OF} AND status = 'held'", [name]
		)
		return int(rows[0]["held"])

	# --- how it fares -------------------------------------------------------------------------------------

	def health(self, name: str) -> Health | None:
		"""What has become of its deliveries lately; None when it is gone. Locks the row."""
		try:
			row = self.lock(name)
		except WebhookEndpointNotFound:
			return None
		since = self.database.from_site(row["failing_since"])
		return Health(int(row["given_up"] or 0), int(row["failed_attempts"] or 0), since)

	def is_failing(self, name: str) -> bool:
		"""Without a lock: most deliveries are taken, and those of an endpoint must not queue for its row."""
		rows = self.database._rows(f"SELECT failing_since FROM {_TABLE} WHERE name = %s", [name])
		return bool(rows and rows[0]["failing_since"])

	def put_health(self, name: str, health: Health) -> None:
		"""No change that a form would have to be loaded again for."""
		self._set(
			name,
			given_up=health.given_up,
			failed_attempts=health.attempts,
			failing_since=self.database.site_text(health.failing_since),
		)

	def put_pause(self, name: str, at: datetime | None, reason: str) -> None:
		self._set(
			name,
			paused_at=self.database.site_text(at),
			paused_reason=storable(reason[:500]) or None,
			modified=self.database._stamp(),
		)

	def _set(self, name: str, **values: Any) -> None:
		sets = ", ".join(f"`{column}` = %s" for column in values)
		self.database._change(f"UPDATE {_TABLE} SET {sets} WHERE name = %s", [*values.values(), name])

	# --- its deliveries -----------------------------------------------------------------------------------

	def hold(self, name: str) -> int:
		"""Keep back some of what is due and that nobody is sending; how many that were."""
		return self._move(
			"status = 'pending' AND lease_token IS NULL",
			[name],
			status="held",
			wake_at=None,
			next_attempt_at=None,
		)

	def release(self, name: str, failed_since: datetime | None, now: datetime) -> int:
		"""Make some of what was held due, and of what was given up since then; how many that were."""
		database = self.database
		due = {
			"status": "pending",
			"attempts": 0,
			"wake_at": database.utc_text(now),
			"next_attempt_at": database.site_text(now),
		}
		moved = self._move("status = 'held'", [name], **due)
		if moved < BATCH and failed_since is not None:
			since = database.site_text(failed_since)
			moved += self._move("status = 'failed' AND modified >= %s", [name, since], **due)
		return moved

	def drop(self, name: str, why: str) -> int:
		"""Give up some of what was held; how many that were."""
		return self._move("status = 'held'", [name], status="cancelled", last_error=why)

	def readdress(self, name: str, url: str) -> None:
		"""What has not arrived goes to the endpoint's new address."""
		self.database._change(
			f"UPDATE {_DELIVERIES} SET url = %s, destination = %s WHERE {_OF} AND status IN "
			"('pending', 'sending', 'held', 'failed')",
			[storable(url), destination(url), name],
		)

	def _move(self, where: str, values: Sequence[Any], **columns: Any) -> int:
		rows = self.database._rows(
			f"SELECT name FROM {_DELIVERIES} WHERE {_OF} AND {where} ORDER BY name LIMIT {BATCH}", values
		)
		names = [row["name"] for row in rows]
		if names:
			columns["modified"] = self.database._stamp()
			sets = ", ".join(f"`{column}` = %s" for column in columns)
			self.database._change(
				f"UPDATE {_DELIVERIES} SET {sets} WHERE name IN ({places(names)}) AND lease_token IS NULL",
				[*columns.values(), *names],
			)
		return len(names)


def endpoint_in(row: Mapping[str, Any]) -> Endpoint:
	return Endpoint(
		row["name"],
		str(row["url"] or ""),
		read_patterns(row["events"]),
		row["flow_template"] or None,
		bool(row["paused_at"]),
	)


def state_of(row: Mapping[str, Any]) -> str:
	"""`on`, `paused` or `off`."""
	if not row["enabled"]:
		return "off"
	return "paused" if row["paused_at"] else "on"


def event_in(row: Mapping[str, Any], database: Dialect) -> dict[str, Any]:
	"""An audit event's row as it is told: `happened_at` aware UTC, `details` parsed."""
	details = from_json(row["details"])
	return {
		"id": row["name"],
		**{column: row[column] for column in TOLD},
		"happened_at": _moment_of(row["name"]) or database.from_site(row["happened_at"]),
		"details": details if isinstance(details, Mapping) else {},
	}


TOLD = (
	"event_type",
	"user",
	"flow_template",
	"flow_run",
	"step_id",
	"reason",
	"from_status",
	"to_status",
)
EVENT_COLUMNS = ", ".join(f"`{column}`" for column in ("name", *TOLD, "happened_at", "details"))


def _moment_of(name: str) -> datetime | None:
	"""The exact moment, which an event's name keeps: site time repeats an hour each autumn."""
	if len(name) != _NAME_LENGTH:
		return None
	try:
		return datetime.strptime(name[:_MOMENT_LENGTH], _MOMENT).replace(tzinfo=timezone.utc)
	except ValueError:
		return None
