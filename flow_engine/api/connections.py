"""What a document has to do with flows, for its form: runs it was part of, flows that watch it or can be
started."""

import frappe

from flow_engine.api.door import endpoint
from flow_engine.frappe_host import run_access
from flow_engine.frappe_host.host import get_host
from flow_engine.frappe_host.touched_runs import SHOWN_RUNS, names_of_runs, runs_of
from flow_engine.service import arguments as read
from flow_engine.service.connections import SHOWN, flows_about


@frappe.whitelist(methods=["GET", "POST"])
def touching(doctype: str, docname: str) -> dict:
	"""`{"runs": [name, …], "running": n, "more": bool}`: runs about the document and runs that wrote it,
	as far as the user may see them, newest first. Raises PermissionError when the document is not theirs."""
	frappe.has_permission(doctype, "read", doc=docname, throw=True)
	if not frappe.has_permission("Flow Run", "read"):
		return {"runs": [], "running": 0, "more": False}
	seen = frappe.get_list(
		"Flow Run",
		filters={"name": ("in", names_of_runs(doctype, docname))},
		fields=["name", "status"],
		order_by="creation desc",
		limit_page_length=SHOWN_RUNS + 1,
	)
	shown = seen[:SHOWN_RUNS]
	return {
		"runs": [run.name for run in shown],
		"running": sum(run.status == "running" for run in shown),
		"more": len(seen) > SHOWN_RUNS,
	}


@frappe.whitelist(methods=["GET", "POST"])
@endpoint
def flows(doctype=None, docname=None):
	"""`{watching, runs, startable}` for a DocType, and for one document of it. Only what the caller may
	see."""
	doctype, docname = read.needed(doctype, "doctype"), read.text(docname, "docname")
	frappe.has_permission(doctype, "read", doc=docname, throw=True)
	if not any(frappe.has_permission("Flow Template", right) for right in ("read", "select")):
		return {"watching": [], "runs": [], "startable": []}
	runs = _runs(doctype, docname) if docname and frappe.has_permission("Flow Run", "read") else []
	return flows_about(_visible_flows, doctype, runs, run_access.may_start_flow)


def _visible_flows(filters):
	"""By their names first: whoever may only choose flows gets no other columns from a list."""
	names = frappe.get_list("Flow Template", filters=dict(filters), pluck="name", limit_page_length=0)
	return frappe.get_all(
		"Flow Template",
		{"name": ("in", names or [""])},
		[*SHOWN, "applies_to"],
		order_by="category, template_name",
		limit_page_length=0,
	)


def _runs(doctype: str, docname: str) -> list[dict]:
	rows = runs_of(doctype, docname)
	from_site = get_host().runs.from_site
	for row in rows:
		for column in ("started_at", "completed_at"):
			row[column] = from_site(row[column]).isoformat() if row[column] else None
	return rows
