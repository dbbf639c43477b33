"""Steps whose time has come and that have not run: nothing stands here for longer than a minute while the
scheduler and a worker are up."""

from __future__ import annotations

from typing import Any

import frappe
from frappe import _
from frappe.utils import now_datetime, pretty_date


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
		limit_page_length=500,
	)
	titles = _titles({row.flow_run for row in rows})
	for row in rows:
		row.flow = titles.get(row.flow_run, "")
		row.since = pretty_date(row.trigger_at)
	return rows


def _titles(runs: set[str]) -> dict[str, str]:
	if not runs:
		return {}
	found = frappe.get_all("Flow Run", {"name": ("in", list(runs))}, ["name", "flow_template.template_name"])
	return {row.name: row.template_name or "" for row in found}
