"""Runs per day, by what became of them: the day a run ended, and for runs under way the day they started."""

import frappe
from frappe import _
from frappe.utils import add_days, formatdate, getdate, nowdate

# Outcome → its label and the date that counts. The order is the chart's, from the bottom up.
OUTCOMES = {
	"completed": (lambda: _("Completed"), "completed_at"),
	"failed": (lambda: _("Failed"), "completed_at"),
	"cancelled": (lambda: _("Cancelled"), "completed_at"),
	"running": (lambda: _("Still running"), "started_at"),
}
DAYS = {"Last Week": 7, "Last Month": 30, "Last Quarter": 91, "Last Year": 365}


@frappe.whitelist()
def get(
	chart_name: str | None = None,
	chart: str | dict | None = None,
	no_cache: str | int | None = None,
	filters: str | dict | None = None,
	from_date: str | None = None,
	to_date: str | None = None,
	timespan: str | None = None,
	time_interval: str | None = None,
	heatmap_year: str | int | None = None,
) -> dict:
	"""`{labels: [day, …], datasets: [{name, values}, …]}` for the runs the user may see."""
	frappe.has_permission("Flow Run", "read", throw=True)
	settings = frappe.get_cached_doc("Dashboard Chart", chart_name) if chart_name else None
	timespan = timespan or (settings.timespan if settings else None)
	template = (frappe.parse_json(filters) or {}).get("flow_template")
	last = getdate(to_date or nowdate())
	first = getdate(from_date) if from_date else add_days(last, 1 - DAYS.get(timespan, 30))
	days = [add_days(first, n) for n in range(min((last - first).days, 365) + 1)]
	counts = {
		status: _per_day(status, column, first, last, template) for status, (_l, column) in OUTCOMES.items()
	}
	return {
		"labels": [formatdate(day) for day in days],
		"datasets": [
			{"name": label(), "values": [counts[status].get(day, 0) for day in days]}
			for status, (label, _column) in OUTCOMES.items()
		],
	}


def _per_day(status: str, column: str, first, last, template: str | None) -> dict:
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
