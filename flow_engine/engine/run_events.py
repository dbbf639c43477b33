"""What the audit trail says about a run's own life: when it was started, ended, and went on again.

Decided from the run's row as it was locked and from what is about to be written to it, so that whoever moves
a run tells of it in the same transaction and nobody has to remember. A save that starts a run tells nothing:
the worker that takes the run up first does, with the start's own time and user.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flow_engine.engine.ports import AuditEvent, RunRecord
from flow_engine.engine.state import RunStatus

STARTED = "run.started"
_ENDED = {
	RunStatus.COMPLETED: "run.completed",
	RunStatus.FAILED: "run.failed",
	RunStatus.CANCELLED: "run.cancelled",
}
# Nobody, that is the engine: not whoever the worker happens to be.
ENGINE = ""


def run_events(
	record: RunRecord,
	columns: Mapping[str, Any],
	now: datetime,
	user: str | None = ENGINE,
	reason: str = "",
	details: Mapping[str, Any] | None = None,
	first: bool | None = None,
) -> list[AuditEvent]:
	"""The events of a run whose row, locked as `record`, gets these columns at `now`.

	`user`: who moves it, as in `AuditEvent`. `first`: whether its start has yet to be told, where that is
	known better than by the record. The message of an error is left out, because it may hold values of
	documents; its code is told.
	"""
	if first is None:
		first = not was_taken_up(record)
	events = [started(record)] if first else []
	status = str(columns.get("status", record.status))
	if status == str(record.status):
		return events
	more = dict(details or {})
	if columns.get("error_code"):
		more["error_code"] = columns["error_code"]
	if columns.get("failed_steps"):
		more["failed_steps"] = columns["failed_steps"]
	events.append(
		AuditEvent(
			_ENDED.get(RunStatus(status), "run.reopened"),
			flow_template=record.flow_template,
			flow_run=record.name,
			reason=reason,
			from_status=str(record.status),
			to_status=status,
			details=more,
			user=user,
			at=now,
		)
	)
	return events


def was_taken_up(record: RunRecord) -> bool:
	"""Has anything happened in the run since it was inserted? Then its start has been told."""
	return bool(record.status != RunStatus.RUNNING or record.log_seq or record.step_state)


def started(record: RunRecord) -> AuditEvent:
	"""That a run began: by whose doing, on what event, about which document."""
	about = {
		"doctype": record.context_doctype,
		"document": record.context_docname,
		"parent": record.parent_run,
	}
	return AuditEvent(
		STARTED,
		flow_template=record.flow_template,
		flow_run=record.name,
		to_status=RunStatus.RUNNING.value,
		details={
			"trigger": record.trigger_event,
			"version": record.template_version,
			**{key: value for key, value in about.items() if value},
		},
		user=record.owner or ENGINE,
		at=record.started_at,
	)
