"""The audit trail, the lines of descent and the failures in a row, in SQL that both hosts speak."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import count
from typing import Any

from flow_engine.engine.compensation import EVENT as COMPENSATION
from flow_engine.engine.ports import Ancestor, AuditEvent
from flow_engine.engine.webhooks import Endpoint, deliveries_of
from flow_engine.store.deliveries import SqlDeliveries
from flow_engine.store.dialect import storable, to_json
from flow_engine.store.steps import DIGITS, MANY_ROWS, SqlSteps
from flow_engine.store.webhooks import EVENT_COLUMNS, event_in

LONGEST_REASON = 1_000
_COUNT = count()
_PROCESS: dict[int, str] = {}


class SqlAudit(SqlSteps):
	"""Part of `SqlRuns`: what operations leave behind, and what decides whether a flow may go on starting."""

	def audit(self, *events: AuditEvent) -> None:
		now = None if all(event.at for event in events) else self.now()
		stamp, acting = self._stamp(), self._user()
		rows = [self._audit_row(event, event.at or now, stamp, acting) for event in events]
		if self._later is not None:
			self._later.audit += rows
		else:
			self._put_audit(rows)

	def _put_audit(self, rows: Sequence[Mapping[str, Any]]) -> None:
		for start in range(0, len(rows), MANY_ROWS):
			self._insert("Flow Audit Event", rows[start : start + MANY_ROWS])
		endpoints = self._endpoints()
		if endpoints:
			deliveries = SqlDeliveries(self)
			for new in deliveries_of((event_in(row, self) for row in rows), endpoints):
				deliveries.insert(new, self._site())
				self._hint()

	def find_events(
		self, conditions: Sequence[tuple[str, str, str]], limit: int, start: int = 0
	) -> list[dict[str, Any]]:
		"""Events for which all of these `(column, operator, value)` hold, newest first; see `event_in`."""
		return self._events(conditions, "name DESC", f"{int(limit)} OFFSET {int(start)}")

	def events_after(
		self, conditions: Sequence[tuple[str, str, str]], after: str, limit: int
	) -> list[dict[str, Any]]:
		"""The next events after the one of this id, in the order of ids, which is that of time."""
		return self._events([*conditions, ("name", ">", after)], "name", str(int(limit)))

	def _events(
		self, conditions: Sequence[tuple[str, str, str]], order: str, limit: str
	) -> list[dict[str, Any]]:
		where = "".join(f" AND `{column}` {operator} %s" for column, operator, _value in conditions)
		rows = self._rows(
			f"SELECT {EVENT_COLUMNS} FROM `tabFlow Audit Event` WHERE 1 = 1{where} ORDER BY {order} "
			f"LIMIT {limit}",
			[value for _column, _operator, value in conditions],
		)
		return [event_in(row, self) for row in rows]

	# A host that has webhook endpoints brings these three.

	def _endpoints(self) -> Sequence[Endpoint]:
		"""Those that are on."""
		return ()

	def _site(self) -> str:
		raise NotImplementedError

	def _hint(self) -> None:
		"""Deliveries were written, which may be sent once this transaction has committed."""

	def _audit_row(self, event: AuditEvent, at: datetime, stamp: str, acting: str) -> dict[str, Any]:
		user = acting if event.user is None else event.user or None
		return {
			"name": self._event_name(at),
			"creation": stamp,
			"modified": stamp,
			"owner": user or acting,
			"modified_by": user or acting,
			"docstatus": 0,
			"idx": 0,
			"event_type": event.event_type,
			"flow_template": event.flow_template,
			"flow_run": event.flow_run,
			"step_id": event.step_id,
			"user": user,
			"happened_at": self.site_text(at),
			"reason": storable((event.reason or "")[:LONGEST_REASON]) or None,
			"from_status": event.from_status,
			"to_status": event.to_status,
			"details": to_json(dict(event.details)) if event.details else None,
		}

	def _event_name(self, at: datetime) -> str:
		"""In the order of time: readers sort by it, and new rows are neighbours in the index. A clock that
		stands still for this process leaves its events in their order."""
		moment = (self.utc_text(at) or "").translate(DIGITS)
		return f"{moment}{next(_COUNT) & 0xFFFF:04x}{self._process()}"

	def _process(self) -> str:
		"""Tells this process from others that count too; one that was forked is another one."""
		process = os.getpid()
		known = _PROCESS.get(process)
		if known is None:
			known = _PROCESS[process] = secrets.token_hex(3)
		return known

	def ancestors(self, run: str, limit: int) -> list[Ancestor]:
		found: list[Ancestor] = []
		at: str | None = run
		while at and len(found) < limit:
			rows = self._rows(
				"SELECT name, flow_template, parent_run, trigger_key FROM `tabFlow Run` WHERE name = %s", [at]
			)
			if not rows:
				break
			row = rows[0]
			# What undoes a run stands for it, as what repeats it does.
			replays = str(row["trigger_key"] or "").startswith(("replay:", "compensate:"))
			found.append(Ancestor(row["name"], row["flow_template"], row["parent_run"], replays))
			at = row["parent_run"]
		return found

	def failures_in_a_row(self, template: str, since: datetime | None, most: int) -> int:
		# Both along the index on (flow_template, status, completed_at): no counter that every run's end would
		# have to lock, and nothing to do for runs that complete.
		# A run that undid another one says nothing about how the flow does.
		rows = self._rows(
			"SELECT completed_at AS at FROM `tabFlow Run` WHERE flow_template = %s AND "
			"status = 'completed' AND trigger_event <> %s ORDER BY completed_at DESC LIMIT 1",
			[template, COMPENSATION],
		)
		last = self.from_site(rows[0]["at"]) if rows else None
		times = [when for when in (last, since) if when is not None]
		after = self.site_text(max(times)) if times else "1000-01-01 00:00:00"
		rows = self._rows(
			"SELECT name FROM `tabFlow Run` WHERE flow_template = %s AND status = 'failed' AND "
			f"completed_at > %s AND trigger_event <> %s LIMIT {int(most)}",
			[template, after, COMPENSATION],
		)
		return len(rows)
