"""Runs per day, by what became of them: the day a run ended, and for runs under way the day they started."""

from __future__ import annotations

from datetime import date
from typing import Any

import frappe
from frappe import _
from frappe.utils import add_days, formatdate, getdate, nowdate

DAYS = 30
MOST_DAYS = 366
# Outcome → the date that counts, in the chart's order from the bottom up.
OUTCOMES = {
	"completed": "completed_at",
	"failed": "completed_at",
	"cancelled": "completed_at",
	"running": "started_at",
}
COLOURS = ("#28a745", "#e24c4c", "#8d99a6", "#318ad8")


def execute(filters: dict[str, Any] | None = None) -> tuple[list[dict], list[dict], None, dict]:
	"""Columns, a row for each day, and the chart, of the runs that the user may see."""
	filters = frappe._dict(filters or {})
	last = getdate(filters.to_date or nowdate())
	first = getdate(filters.from_date) if filters.from_date else add_days(last, 1 - DAYS)
	days = [add_days(first, n) for n in range(min(max((last - first).days, 0), MOST_DAYS) + 1)]
	counts = {
		status: _per_day(status, column, first, last, filters.flow_template)
		for status, column in OUTCOMES.items()
	}
	rows = [{"day": day, **{status: counts[status].get(day, 0) for status in OUTCOMES}} for day in days]
	return _columns(), rows, None, _chart(rows)


def _labels() -> dict[str, str]:
	return {
		"completed": _("Completed"),
		"failed": _("Failed"),
		"cancelled": _("Cancelled"),
		"running": _("Still running"),
	}


def _columns() -> list[dict[str, Any]]:
	day = {"fieldname": "day", "label": _("Day"), "fieldtype": "Date", "width": 120}
	return [
		day,
		*(
			{"fieldname": status, "label": label, "fieldtype": "Int", "width": 120}
			for status, label in _labels().items()
		),
	]


def _chart(rows: list[dict[str, Any]]) -> dict[str, Any]:
	return {
		"type": "bar",
		"data": {
			"labels": [formatdate(row["day"]) for row in rows],
			"datasets": [
				{"name": label, "values": [row[status] for row in rows]}
				for status, label in _labels().items()
			],
		},
		"barOptions": {"stacked": 1},
		"colors": list(COLOURS),
	}


def _per_day(status: str, column: str, first: date, last: date, template: str | None) -> dict[date, int]:
	rows = frappe.get_list(
		"Flow Run",
		filters=[
			["status", "=", status],
			[column, "between", [first, last]],
			*([["flow_template", "=", template]] if template else []),
		],
		fields=[f"date(`{column}`) as day", "count(name) as runs"],
		group_by=f"date(`{column}`)",
		order_by=None,
		limit_page_length=0,
	)
	return {row.day: row.runs for row in rows}
