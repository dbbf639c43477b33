"""The store of deliveries in SQL that both hosts speak, on the connection and dialect of the run store.

The run store's protocol, smaller: discover with a plain read, lock by primary key, lease, count each attempt
before it is sent. Every statement on the way of a worker goes by primary key or along the index on `wake_at`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from flow_engine.engine.deliveries import (
	Delivery,
	DeliveryClaim,
	DeliveryStatus,
	NewDelivery,
	delivery_key,
)
from flow_engine.engine.errors import DeliveryNotFound
from flow_engine.store.dialect import Dialect, places, storable

_TABLE = "`tabFlow Delivery`"
_COLUMNS = (
	"name, event, status, url, body, idempotency_key, attempts, flow_run, flow_step, lease_token, "
	"reference_doctype, reference_name"
)
_LIST_COLUMNS = (
	"name, event, status, destination, attempts, last_status, last_error, reference_doctype, reference_name, "
	"flow_run, flow_step, creation, last_attempt_at, delivered_at, wake_at"
)
_FILTER_COLUMNS = {"name", "status", "event", "flow_run", "reference_doctype", "reference_name"}
_SITE_COLUMNS = ("last_attempt_at", "delivered_at")


class SqlDeliveries:
	"""`engine.deliveries.Deliveries` in SQL.

	It shares the dialect with the run store, so that a delivery is written in the transaction of its cause.
	"""

	def __init__(self, database: Dialect):
		self.database = database

	def insert(self, new: NewDelivery, site: str) -> str:
		database = self.database
		now = database.now()
		name = database._name("Flow Delivery")
		site_now, user = database.site_text(now), database._user()
		row = {
			"name": name,
			"creation": site_now,
			"modified": site_now,
			"owner": user,
			"modified_by": user,
			"docstatus": 0,
			"idx": 0,
			"event": new.event,
			"status": (DeliveryStatus.HELD if new.held else DeliveryStatus.PENDING).value,
			"url": storable(new.url),
			"destination": destination(new.url),
			# Plain ASCII, so that what is stored, signed and sent is the same bytes everywhere.
			"body": json.dumps(new.body, default=str),
			"idempotency_key": delivery_key(site, name),
			"reference_doctype": new.reference_doctype,
			"reference_name": new.reference_name,
			"flow_run": new.flow_run,
			"flow_step": new.flow_step,
			"attempts": 0,
			"wake_at": None if new.held else database.utc_text(now),
			"next_attempt_at": None if new.held else site_now,
		}
		database._insert("Flow Delivery", [row])
		return name

	# --- workers ------------------------------------------------------------------------------------------

	def claim(self, limit: int, lease_seconds: float, only: str | None = None) -> list[DeliveryClaim]:
		names = [only] if only else self.database.transact(lambda: self._due(limit))
		if not names:
			return []
		return self.database.transact(lambda: self._claim(names, lease_seconds))

	def _due(self, limit: int) -> list[str]:
		now = self.database.utc_text(self.database.now())
		rows = self.database._rows(
			f"SELECT name FROM {_TABLE} WHERE wake_at <= %s AND (lease_until IS NULL OR lease_until <= %s) "
			f"ORDER BY wake_at LIMIT {int(limit)}",
			[now, now],
		)
		return [row["name"] for row in rows]

	def _claim(self, names: list[str], lease_seconds: float) -> list[DeliveryClaim]:
		database = self.database
		rows = database._rows(
			f"SELECT name, url, wake_at, lease_until FROM {_TABLE} WHERE name IN ({places(names)}) "
			f"ORDER BY name{database.skip_locked}",
			names,
		)
		now = database.now()
		free = {}
		for row in rows:
			wake_at, lease_until = database.from_utc(row["wake_at"]), database.from_utc(row["lease_until"])
			if wake_at is None or wake_at > now or (lease_until is not None and lease_until > now):
				continue
			free[row["name"]] = row["url"]
		if not free:
			return []
		token = database._token()
		database._change(
			f"UPDATE {_TABLE} SET lease_until = %s, lease_token = %s WHERE name IN ({places(list(free))})",
			[database.utc_text(now + timedelta(seconds=lease_seconds)), token, *free],
		)
		return [DeliveryClaim(name, token, free[name]) for name in names if name in free]

	def begin(self, claim: DeliveryClaim, lease_seconds: float) -> Delivery | None:
		def work() -> Delivery | None:
			database = self.database
			found = self._read(claim.name, database.for_update)
			if found is None or found.lease_token != claim.token:
				return None
			now = database.now()
			# Counted before it is sent: a receiver that takes the worker down with it uses up its attempts.
			database._change(
				f"UPDATE {_TABLE} SET status = 'sending', attempts = attempts + 1, last_attempt_at = %s, "
				"lease_until = %s, modified = %s WHERE name = %s AND lease_token = %s",
				[
					database.site_text(now),
					database.utc_text(now + timedelta(seconds=lease_seconds)),
					database._stamp(),
					claim.name,
					claim.token,
				],
			)
			return self._read(claim.name, "")

		return self.database.transact(work)

	def close(self, claim: DeliveryClaim, **columns: Any) -> bool:
		return bool(self._write(claim.name, claim.token, columns))

	def put_off(self, claims: Sequence[DeliveryClaim], seconds: float) -> None:
		if not claims:
			return
		names = [claim.name for claim in claims]

		def work() -> None:
			again = self.database.now() + timedelta(seconds=seconds)
			self.database._change(
				f"UPDATE {_TABLE} SET wake_at = %s, next_attempt_at = %s, lease_until = NULL, "
				f"lease_token = NULL WHERE name IN ({places(names)}) AND lease_token = %s",
				[self.database.utc_text(again), self.database.site_text(again), *names, claims[0].token],
			)

		self.database.transact(work)

	def count_due(self) -> int:
		now = self.database.utc_text(self.database.now())
		rows = self.database._rows(
			f"SELECT COUNT(*) AS due FROM {_TABLE} WHERE wake_at <= %s "
			"AND (lease_until IS NULL OR lease_until <= %s)",
			[now, now],
		)
		return int(rows[0]["due"])

	def next_wake(self) -> datetime | None:
		rows = self.database._rows(
			f"SELECT wake_at FROM {_TABLE} WHERE wake_at IS NOT NULL ORDER BY wake_at LIMIT 1"
		)
		return self.database.from_utc(rows[0]["wake_at"]) if rows else None

	# --- operators ----------------------------------------------------------------------------------------

	def lock(self, name: str) -> Delivery:
		found = self._read(name, self.database.for_update)
		if found is None:
			raise DeliveryNotFound(f"There is no delivery {name!r}.", delivery=name)
		return found

	def write(self, name: str, **columns: Any) -> None:
		self._write(name, None, columns)

	def find(self, filters: Mapping[str, Any], limit: int = 50, start: int = 0) -> list[dict[str, Any]]:
		"""Deliveries whose columns equal the filters, newest first: what lists show, times aware UTC."""
		assert filters.keys() <= _FILTER_COLUMNS
		where = "".join(f" AND `{column}` = %s" for column in filters)
		rows = self.database._rows(
			f"SELECT {_LIST_COLUMNS} FROM {_TABLE} WHERE 1 = 1{where} "
			f"ORDER BY creation DESC, name DESC LIMIT {int(limit)} OFFSET {int(start)}",
			list(filters.values()),
		)
		database = self.database
		return [
			{
				**row,
				**{column: database.from_site(row[column]) for column in ("creation", *_SITE_COLUMNS)},
				"wake_at": database.from_utc(row["wake_at"]),
				"last_status": row["last_status"] or None,
			}
			for row in rows
		]

	def _read(self, name: str, suffix: str) -> Delivery | None:
		rows = self.database._rows(f"SELECT {_COLUMNS} FROM {_TABLE} WHERE name = %s{suffix}", [name])
		if not rows:
			return None
		row = dict(rows[0])
		key, attempts = row.pop("idempotency_key"), int(row.pop("attempts") or 0)
		return Delivery(key=key, attempts=attempts, **row)

	def _write(self, name: str, token: str | None, columns: Mapping[str, Any]) -> int:
		"""A given `wake_at` is shown too; the lease ends with every write."""
		database = self.database
		values = dict(columns)
		if "wake_at" in values:
			values["next_attempt_at"] = database.site_text(values["wake_at"])
			values["wake_at"] = database.utc_text(values["wake_at"])
		for column in _SITE_COLUMNS:
			if column in values:
				values[column] = database.site_text(values[column])
		for column in ("last_error", "last_answer"):
			if column in values:
				values[column] = storable(values[column])
		values.update(lease_until=None, lease_token=None, modified=database._stamp())
		where = "name = %s" if token is None else "name = %s AND lease_token = %s"
		return database._change(
			f"UPDATE {_TABLE} SET {', '.join(f'`{column}` = %s' for column in values)} WHERE {where}",
			[*values.values(), name, *([] if token is None else [token])],
		)


def destination(url: str) -> str:
	"""The host that a delivery goes to, for lists: what is private stands in the rest of the address."""
	try:
		return (urlsplit(url.strip()).hostname or "")[:140]
	except ValueError:
		return ""
