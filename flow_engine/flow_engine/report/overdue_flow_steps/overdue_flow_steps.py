"""What is later than it should be: open steps whose service level is breached; and steps whose time has come
and that have not run, which stand here for a minute at most while the scheduler and a worker are up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import frappe
from frappe import _
from frappe.utils import get_system_timezone, now_datetime, pretty_date

from flow_engine.engine.errors import FlowError
from flow_engine.engine.sla.clocks import OVERDUE, is_open, standing_of
from flow_engine.engine.state import RUN_SLA, StepStatus, load_state, parse_utc

MOST = 500
SERVICE_LEVEL = "service level"


def execute(filters: dict[str, Any] | None = None) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
	"""Columns and rows, the longest overdue first, as far as the user may see them."""
	return _columns(), _rows()


def _columns() -> list[dict[str, Any]]:
	return [
		{
			"fieldname": "flow_run",
			"label": _("Run"),
			"fieldtype": "Link",
			"options": "Flow Run",
			"width": 120,
		},
		{"fieldname": "flow", "label": _("Flow"), "fieldtype": "Data", "width": 220},
		{"fieldname": "step_id", "label": _("Step"), "fieldtype": "Data", "width": 180},
		{"fieldname": "purpose", "label": _("Waits for"), "fieldtype": "Data", "width": 110},
		{"fieldname": "trigger_at", "label": _("Was due"), "fieldtype": "Datetime", "width": 170},
		{"fieldname": "since", "label": _("Overdue"), "fieldtype": "Data", "width": 140},
		{"fieldname": "last_error", "label": _("Last error"), "fieldtype": "Data", "width": 260},
	]


def _rows() -> list[dict[str, Any]]:
	rows = frappe.get_list(
		"Flow Step Pending",
		filters=[["status", "=", "pending"], ["trigger_at", "<", now_datetime()]],
		fields=["flow_run", "step_id", "purpose", "trigger_at", "last_error"],
		order_by="trigger_at asc",
		limit_page_length=MOST,
	)
	rows = sorted([*rows, *_late_rows()], key=lambda row: row.trigger_at)
	titles = _titles({row.flow_run for row in rows})
	for row in rows:
		row.flow = titles.get(row.flow_run, "")
		row.since = pretty_date(row.trigger_at)
	return rows


def _late_rows() -> Iterator[frappe._dict]:
	"""One for each step, and for each run as a whole, whose service level is breached and that is open."""
	runs = frappe.get_list(
		"Flow Run",
		filters={"sla_status": OVERDUE, "status": ("in", ("running", "failed"))},
		fields=["name", "error_message", "step_state"],
		order_by="creation asc",
		limit_page_length=MOST,
	)
	for run in runs:
		for step_id, breached_at in _late_since(run.step_state):
			yield frappe._dict(
				flow_run=run.name,
				step_id=step_id,
				purpose=_(SERVICE_LEVEL),
				trigger_at=_site_time(breached_at),
				last_error=run.error_message,
			)


def _late_since(stored: str | None) -> Iterator[tuple[str, datetime]]:
	try:
		data = json.loads(stored or "{}")
		states = load_state(data)
	except (ValueError, FlowError):
		# The run says so itself.
		return
	for step_id, state in states.items():
		# Who is marked was ready: that a step has its turn is not stored.
		going = is_open(state) or state.status is StepStatus.PENDING
		if going and standing_of(state) == OVERDUE:
			yield step_id, state.breached_at
	of_run = data.get(RUN_SLA) or {}
	if of_run.get("breached_at"):
		yield "", parse_utc(of_run["breached_at"])


def _site_time(when: datetime) -> datetime:
	return when.astimezone(ZoneInfo(get_system_timezone())).replace(tzinfo=None)


def _titles(runs: set[str]) -> dict[str, str]:
	if not runs:
		return {}
	found = frappe.get_all("Flow Run", {"name": ("in", list(runs))}, ["name", "flow_template.template_name"])
	return {row.name: row.template_name or "" for row in found}
