"""Operations on many runs on a site: a background job, with progress for whoever asked."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import frappe
from frappe import _
from frappe.utils import escape_html

from flow_engine.engine.errors import EngineDisabled
from flow_engine.frappe_host.host import get_host
from flow_engine.frappe_host.jobs import is_disabled
from flow_engine.service.bulk import Bulk, act_on_all

JOB_SECONDS = 1_500
TOLD_EVERY_SECONDS = 0.5
LISTED_REFUSALS = 10


def start_bulk(bulk: Bulk) -> dict[str, Any]:
	"""Enqueue it, once the current transaction has committed; `{job, count, more}`. Raises EngineDisabled."""
	_check_enabled(bulk.action)
	job = f"flow_engine_bulk_{frappe.generate_hash(length=12)}"
	if bulk.names:
		frappe.enqueue(
			run_bulk,
			queue="default",
			timeout=JOB_SECONDS,
			enqueue_after_commit=True,
			job_id=job,
			bulk={**asdict(bulk), "names": list(bulk.names), "key": job},
		)
	return {"job": job if bulk.names else None, "count": len(bulk.names), "more": bulk.more}


def run_bulk(bulk: Mapping[str, Any]) -> dict[str, Any]:
	"""The job, as the user who asked for it."""
	work = Bulk(**{**bulk, "names": tuple(bulk["names"])})
	_check_enabled(work.action)
	host = get_host()
	told_at = 0.0

	def tell(place: int, count: int) -> None:
		nonlocal told_at
		if time.monotonic() - told_at < TOLD_EVERY_SECONDS and place < count:
			return
		told_at = time.monotonic()
		frappe.publish_progress(
			place * 100 / count, title=_title(work.action), description=f"{place} / {count}"
		)

	outcome = act_on_all(host, host.templates, work, tell)
	frappe.publish_realtime("msgprint", _summary(work.action, outcome), user=frappe.session.user)
	return outcome


def _check_enabled(action: str) -> None:
	if action == "replay" and is_disabled():
		raise EngineDisabled()


def _title(action: str) -> str:
	return {
		"cancel": _("Cancelling runs"),
		"retry": _("Retrying failed steps"),
		"replay": _("Replaying runs"),
	}[action]


def _summary(action: str, outcome: Mapping[str, Any]) -> str:
	text = f"{_title(action)}: " + _("{0} of {1} done.").format(outcome["done"], outcome["count"])
	if not outcome["failed"]:
		return text
	rows = "".join(
		f"<li>{escape_html(row['run'])}: {escape_html(row['message'])}</li>"
		for row in outcome["refusals"][:LISTED_REFUSALS]
	)
	return f"{text}<ul>{rows}</ul>"
