"""Runs in the timeline of the documents that they are about or have written."""

import frappe
from frappe import _
from frappe.utils import escape_html

from flow_engine.frappe_host.touched_runs import runs_of

LABELS = {
	"running": lambda: _("{0} started"),
	"completed": lambda: _("{0} was completed"),
	"failed": lambda: _("{0} failed"),
	"cancelled": lambda: _("{0} was cancelled"),
}


def run_lines(doctype: str, docname: str) -> list[dict]:
	"""One line for each of the document's newest runs, at the time it ended or, while it runs, began; as the
	desk's timeline takes them. Only what the user may see; never an error in the form."""
	try:
		if not frappe.has_permission("Flow Run", "read"):
			return []
		return [_line(run) for run in runs_of(doctype, docname)]
	except Exception as error:
		frappe.logger("flow_engine").warning(f"No runs in the timeline of {doctype} {docname}: {error}")
		return []


def _line(run: dict) -> dict:
	name = escape_html(run.template_name or run.flow_template)
	link = f'<a href="/app/flow-run/{escape_html(run.name)}">{name}</a>'
	overdue = run.status in ("running", "failed") and run.sla_status == "overdue"
	label = _("{0} is overdue") if overdue else LABELS.get(run.status, lambda: "{0}")()
	return {"icon": "workflow", "content": label.format(link), "creation": run.completed_at or run.started_at}
