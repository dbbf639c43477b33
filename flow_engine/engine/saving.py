"""How whoever is not the run's worker writes it: rows beside it first, then its own, with a new revision."""

from __future__ import annotations

from datetime import datetime

from flow_engine.engine.compensating import when_ended
from flow_engine.engine.crash_points import reach
from flow_engine.engine.ports import Host
from flow_engine.engine.run_events import run_events
from flow_engine.engine.session import Session


def save(
	host: Host, session: Session, now: datetime, wake_at: datetime | None, user: str | None = None
) -> None:
	"""In the current transaction, with the row locked. `user`: who changes it, as in `AuditEvent`."""
	record = session.record
	if session.frontier.ready:
		# Derived readiness is a worker's business: it is due.
		wake_at = now
	reach("outsider.changed")
	session.flush()
	reach("outsider.flushed")
	columns = session.snapshot(now, wake_at)
	if columns["status"] != record.status:
		when_ended(host, session, columns["status"])
	if columns["status"] == record.status:
		columns["completed_at"] = record.completed_at
	events = run_events(record, columns, now, user=user)
	if events:
		host.runs.audit(*events)
	host.runs.write(record.name, None, **columns, revision=record.revision + 1)
	reach("outsider.written")
