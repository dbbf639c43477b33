"""Cancelling: an operator's act, or one run giving way to another; every unsettled step ends with it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from flow_engine.engine.compensating import when_ended
from flow_engine.engine.crash_points import reach
from flow_engine.engine.definition import TriggerType
from flow_engine.engine.errors import FlowError, TransientDatabaseError
from flow_engine.engine.ports import Host, RunRecord
from flow_engine.engine.run_events import ENGINE, run_events
from flow_engine.engine.session import Session
from flow_engine.engine.state import RunStatus, StepStatus


def cancel_locked(
	host: Host,
	record: RunRecord,
	reason: str,
	user: str | None = ENGINE,
	compensate: bool | None = None,
	happened: Collection[str] = (),
) -> list[str]:
	"""Cancel a run whose row is locked; the ids of steps whose external call is in flight right now. `user`:
	whose decision it is, as in `AuditEvent`. `compensate`: whether what it did is undone; None leaves that to
	the flow. `happened`: as `compensate_run` takes it."""
	now = host.runs.now()
	try:
		session = Session(host, record)
	except FlowError as error:
		if isinstance(error, TransientDatabaseError):
			raise
		# Unreadable, but an operator can still end it.
		_end(host, record, reason, user, now, {})
		return []
	in_flight = []
	for step in session.definition.steps:
		state = session.state(step.id)
		if state.settled or state.status is StepStatus.CANCELLED:
			continue
		if state.status is StepStatus.RUNNING:
			in_flight.append(step.id)
		if state.status is StepStatus.WAITING and step.trigger.type is TriggerType.MANUAL:
			host.messages.close(record.as_dict(), step.id)
		session.put(
			step.id, state.move(StepStatus.CANCELLED, completed_at=now, trigger_at=None, purpose=None)
		)
	session.flush()
	reach("cancel.flushed")
	when_ended(host, session, RunStatus.CANCELLED.value, compensate, reason, happened)
	_end(host, record, reason, user, now, session.snapshot(now, None), in_flight)
	return in_flight


def _end(
	host: Host,
	record: RunRecord,
	reason: str,
	user: str | None,
	now: datetime,
	columns: dict[str, Any],
	in_flight: Sequence[str] = (),
) -> None:
	columns.update(
		status=RunStatus.CANCELLED.value,
		completed_at=now,
		wake_at=None,
		lease_until=None,
		lease_token=None,
		cancel_reason=reason[:500],
		revision=record.revision + 1,
	)
	details = {"in_flight": list(in_flight)} if in_flight else {}
	host.runs.audit(*run_events(record, columns, now, user, reason, details))
	host.runs.write(record.name, None, **columns)
