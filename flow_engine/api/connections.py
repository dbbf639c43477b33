"""What a document has to do with flows, for its form: runs it was part of, flows that watch it or can be
started."""

import frappe

from flow_engine.api.door import endpoint
from flow_engine.frappe_host import run_access
from flow_engine.frappe_host.host import get_host
from flow_engine.service import arguments as read
from flow_engine.service.connections import SHOWN, flows_about

# More than anyone reads through; the list view has its own filters for the rest.
SHOWN_RUNS = 100
MENU_RUNS = 20


@frappe.whitelist(methods=["GET", "POST"])
def touching(doctype: str, docname: str) -> dict:
	"""`{"runs": [name, …], "running": n, "more": bool}`: runs about the document and runs that wrote it,
	as far as the user may see them, newest first. Raises PermissionError when the document is not theirs."""
	frappe.has_permission(doctype, "read", doc=docname, throw=True)
	if not frappe.has_permission("Flow Run", "read"):
		return {"runs": [], "running": 0, "more": False}
	seen = frappe.get_list(
		"Flow Run",
		filters={"name": ("in", _names(doctype, docname))},
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
	return flows_about(_visible_flows, doctype, runs, run_access.may_start())


def runs_of(doctype: str, docname: str) -> list[dict]:
	"""The document's newest runs that the user may see; times are the site's."""
	return frappe.get_list(
		"Flow Run",
		filters={"name": ("in", _names(doctype, docname))},
		fields=[
			"name",
			"status",
			"flow_template",
			"flow_template.template_name as template_name",
			"failed_steps",
			"started_at",
			"completed_at",
		],
		order_by="`tabFlow Run`.creation desc",
		limit_page_length=MENU_RUNS,
	)


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


def _names(doctype: str, docname: str) -> list[str]:
	"""Candidates by the two indexes; a few hundred at most, so that a busy customer's form opens as fast."""
	about = frappe.get_all(
		"Flow Run",
		{"context_doctype": doctype, "context_docname": docname},
		pluck="name",
		order_by="creation desc",
		limit_page_length=SHOWN_RUNS + 1,
	)
	wrote = frappe.get_all(
		"Flow Run Document",
		{"reference_doctype": doctype, "reference_name": docname, "parenttype": "Flow Run"},
		pluck="parent",
		order_by="creation desc",
		limit_page_length=2 * SHOWN_RUNS,
	)
	return list(dict.fromkeys([*about, *wrote])) or [""]
