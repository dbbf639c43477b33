"""Deliveries on a site: the client that sends them, and the saves that cause them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import frappe
from frappe.utils import get_system_timezone

from flow_engine.engine.ports import HttpClient
from flow_engine.frappe_host.document_values import plain_document
from flow_engine.frappe_host.jobs import DrainHints
from flow_engine.frappe_host.store import FrappeRuns
from flow_engine.service.deliveries import enqueue
from flow_engine.service.dispatch_webhooks import has_webhooks, job_deliveries
from flow_engine.store.deliveries import SqlDeliveries

_SHOWN = (
	"name",
	"event",
	"status",
	"destination",
	"attempts",
	"last_status",
	"last_error",
	"reference_doctype",
	"reference_name",
	"flow_run",
	"flow_step",
	"creation",
	"last_attempt_at",
	"delivered_at",
	"wake_at",
)


@dataclass(frozen=True)
class Enqueuing:
	"""As much of a host as writing a delivery takes: a save should not have to compose all of it."""

	site: str
	deliveries: SqlDeliveries
	jobs: DrainHints


def delivery_client() -> HttpClient:
	"""Follows no redirects: after one, a body is sent as an empty GET, or to somebody else."""
	from flow_engine.frappe_host.host import allowed_private_hosts
	from flow_engine.outbound.http import GuardedHttpClient

	return GuardedHttpClient(allowed_private_hosts=allowed_private_hosts(), max_redirects=0)


def tell_about_job(job) -> None:
	"""Write what the save of this Dispatch Job has to tell others, in the transaction of the save."""
	before = job.get_doc_before_save()
	if not has_webhooks(job):
		return
	database = FrappeRuns(ZoneInfo(get_system_timezone()), patient=True)
	host = Enqueuing(frappe.local.site, SqlDeliveries(database), DrainHints())
	# What is sent is meant for the receiver, whoever saves: the fields are the same for everybody.
	values = plain_document(job, "Administrator")
	former = plain_document(before, "Administrator") if before else None
	for new in job_deliveries(former, values, database.now()):
		enqueue(host, new)


def visible_deliveries(filters: Mapping[str, Any], limit: int, start: int) -> list[dict[str, Any]]:
	"""Deliveries the caller may see, newest first, times in ISO 8601."""
	rows = frappe.get_list(
		"Flow Delivery",
		filters=dict(filters),
		fields=list(_SHOWN),
		order_by="creation desc",
		limit_start=start,
		limit_page_length=limit,
	)
	database = FrappeRuns(ZoneInfo(get_system_timezone()), patient=False)
	for row in rows:
		for column in ("creation", "last_attempt_at", "delivered_at"):
			row[column] = _iso(database.from_site(row[column]))
		row["wake_at"] = _iso(database.from_utc(row["wake_at"]))
		row["last_status"] = row["last_status"] or None
	return rows


def _iso(when: Any) -> str | None:
	return when.isoformat() if when is not None else None
