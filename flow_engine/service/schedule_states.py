"""What a schedule's row says of it: its next time, and whether something keeps it from firing.

A schedule is `invalid` when its payload does not fit the published version (until one is published that it
fits), or when its flow cannot be started (until it can). Its next time is kept either way: what it missed is
its policy's to decide. Every change of status is audited in its own transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from flow_engine.engine.errors import FlowError, TemplateNotFound
from flow_engine.engine.ports import AuditEvent
from flow_engine.engine.schedules.policies import jitter_of

# A schedule whose flow is paused asks again so often whether it is back.
ASK_AGAIN = timedelta(minutes=10)


def schema_of(host: Any, template: str, version: int) -> Any:
	return host.definitions.load(template, version).payload_schema


def waking(name: str, row: Mapping[str, Any], fire_at: datetime | None) -> datetime | None:
	"""When the tick has to look at it: the fire, plus what it is spread by."""
	if fire_at is None:
		return None
	return fire_at + jitter_of(name, fire_at, int(row["jitter_minutes"] or 0) * 60)


def audit(
	host: Any,
	event: str,
	row: Mapping[str, Any],
	reason: str = "",
	was: str | None = None,
	now: str | None = None,
	user: str | None = None,
	**details: Any,
) -> None:
	"""`user`: as in `AuditEvent`; empty where the clock did it."""
	host.runs.audit(
		AuditEvent(
			event,
			flow_template=row["flow_template"],
			reason=reason,
			from_status=was,
			to_status=now,
			user=user,
			details={"schedule": row["name"], "schedule_name": row["schedule_name"], **details},
		)
	)


def invalidate(
	host: Any,
	row: Mapping[str, Any],
	problems: list[dict[str, str]],
	version: int,
	user: str | None = None,
) -> None:
	"""Keep it from firing until its payload fits; its next time is kept."""
	first = problems[0]
	host.schedules.store.write(
		row["name"],
		status="invalid",
		problem_code="invalid_payload",
		last_error=f"The payload does not fit version {version}: {first['path']}: {first['message']}",
		problems=problems,
		wake_at=None,
	)
	if row["status"] != "invalid" or row["problem_code"] != "invalid_payload":
		audit(host, "schedule.invalidated", row, "", row["status"], "invalid", user, version=version)


def restore(host: Any, row: Mapping[str, Any]) -> None:
	"""Nothing keeps it from firing any more. What it missed meanwhile is its policy's to decide."""
	host.schedules.store.write(
		row["name"],
		status="enabled",
		problem_code=None,
		last_error=None,
		problems=None,
		wake_at=waking(row["name"], row, row["fire_at"]),
	)
	audit(host, "schedule.restored", row, "", row["status"], "enabled")


def hold_back(host: Any, row: Mapping[str, Any], error: FlowError, now: datetime) -> None:
	"""Its flow cannot be started now: nothing is fired and the time is kept, until it can."""
	gone = isinstance(error, TemplateNotFound)
	host.schedules.store.write(
		row["name"],
		status="invalid",
		problem_code=error.code,
		last_error=error.message[:500],
		wake_at=None if gone else now + ASK_AGAIN,
	)
	if row["status"] != "invalid" or row["problem_code"] != error.code:
		audit(host, "schedule.invalidated", row, error.message, row["status"], "invalid", "", code=error.code)
