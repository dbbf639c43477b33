"""Who is told when a Dispatch Job opens or closes, and what: deliveries from its values before and after.

Decides from plain values only, the same on every host. A request that joined a job keeps its own addresses in
its row, so nobody's webhook is lost in a merge.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from flow_engine.engine.deliveries import NewDelivery
from flow_engine.engine.kinds.dispatch_job import DOCTYPE, OPEN_STATUSES

OPENED, CLOSED = "dispatch_job.opened", "dispatch_job.closed"
# What a receiver gets to see of a job: the work, not how it came about or who else is told.
JOB_FIELDS = (
	"name",
	"subject",
	"description",
	"job_type",
	"priority",
	"status",
	"assigned_group",
	"scheduled_time",
	"scheduled_end",
	"duration_h",
	"started_on",
	"completed_on",
	"customer",
	"address",
	"address_display",
	"reference_doctype",
	"reference_name",
)
REQUEST_FIELDS = ("subject", "customer", "reference_doctype", "reference_name", "requested_on")


def has_webhooks(job: Mapping[str, Any]) -> bool:
	"""Is anybody told of anything about this job? Asked before more is read."""
	return any(
		part.get("on_open_webhook") or part.get("on_close_webhook")
		for part in (job, *(job.get("merged_requests") or ()))
	)


def job_deliveries(
	before: Mapping[str, Any] | None, after: Mapping[str, Any], now: datetime
) -> Iterator[NewDelivery]:
	"""The deliveries that a change of a job causes; `before` is None for a new one.

	Opened: a job that is new or open again, and a request that joins an open one. Closed: a job that becomes
	Completed or Cancelled.
	"""
	was_open = before is not None and before.get("status") in OPEN_STATUSES
	is_open = after.get("status") in OPEN_STATUSES
	rows = list(after.get("merged_requests") or ())
	if is_open:
		known = {_row_id(row) for row in (before or {}).get("merged_requests") or ()} if was_open else set()
		if not was_open:
			yield from _delivery(OPENED, "on_open_webhook", after, None, now)
		for row in rows:
			if _row_id(row) not in known:
				yield from _delivery(OPENED, "on_open_webhook", after, row, now)
	elif before is None or was_open:
		for row in (None, *rows):
			yield from _delivery(CLOSED, "on_close_webhook", after, row, now)


def _row_id(row: Mapping[str, Any]) -> Any:
	return row.get("name") or row.get("idx")


def _delivery(
	event: str, field: str, job: Mapping[str, Any], row: Mapping[str, Any] | None, now: datetime
) -> Iterator[NewDelivery]:
	asked_by = job if row is None else row
	url = str(asked_by.get(field) or "").strip()
	if not url:
		return
	body: dict[str, Any] = {
		"event": event,
		"job": {name: job.get(name) for name in JOB_FIELDS},
		"flow_run": asked_by.get("flow_run"),
		"merged": row is not None,
		"sent_at": now.isoformat(),
	}
	if row is not None:
		body["request"] = {name: row.get(name) for name in REQUEST_FIELDS}
	yield NewDelivery(
		event,
		url,
		body,
		reference_doctype=DOCTYPE,
		reference_name=job.get("name"),
		flow_run=asked_by.get("flow_run"),
		flow_step=asked_by.get("flow_step"),
	)
