"""The audit trail, the lines of descent and the failures in a row, in SQL that both hosts speak."""

from __future__ import annotations

from datetime import datetime

from flow_engine.engine.ports import Ancestor, AuditEvent
from flow_engine.store.dialect import Dialect, storable, to_json

LONGEST_REASON = 1_000


class SqlAudit(Dialect):
	"""Part of `SqlRuns`: what operations leave behind, and what decides whether a flow may go on starting."""

	def audit(self, event: AuditEvent) -> None:
		now = self.site_text(self.now())
		user = self._user() if event.user is None else event.user or None
		self._insert(
			"Flow Audit Event",
			[
				{
					"name": self._token()[:20],
					"creation": now,
					"modified": now,
					"owner": user or self._user(),
					"modified_by": user or self._user(),
					"docstatus": 0,
					"idx": 0,
					"event_type": event.event_type,
					"flow_template": event.flow_template,
					"flow_run": event.flow_run,
					"step_id": event.step_id,
					"user": user,
					"happened_at": now,
					"reason": storable((event.reason or "")[:LONGEST_REASON]) or None,
					"from_status": event.from_status,
					"to_status": event.to_status,
					"details": to_json(dict(event.details)) if event.details else None,
				}
			],
		)

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
			replays = str(row["trigger_key"] or "").startswith("replay:")
			found.append(Ancestor(row["name"], row["flow_template"], row["parent_run"], replays))
			at = row["parent_run"]
		return found

	def failures_in_a_row(self, template: str, since: datetime | None, most: int) -> int:
		# Both along the index on (flow_template, status, completed_at): no counter that every run's end would
		# have to lock, and nothing to do for runs that complete.
		rows = self._rows(
			"SELECT MAX(completed_at) AS at FROM `tabFlow Run` WHERE flow_template = %s AND "
			"status = 'completed'",
			[template],
		)
		times = [when for when in (self.from_site(rows[0]["at"]), since) if when is not None]
		after = self.site_text(max(times)) if times else "1000-01-01 00:00:00"
		rows = self._rows(
			"SELECT name FROM `tabFlow Run` WHERE flow_template = %s AND status = 'failed' AND "
			f"completed_at > %s LIMIT {int(most)}",
			[template, after],
		)
		return len(rows)
