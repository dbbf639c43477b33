"""Which runs a document was part of, for the Connections of its form."""

import frappe

# More than anyone reads through; the list view has its own filters for the rest.
SHOWN_RUNS = 100


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
