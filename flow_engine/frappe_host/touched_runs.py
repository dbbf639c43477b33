"""The runs that a document was part of: those about it, and those that have written it."""

from __future__ import annotations

import frappe

# More than anyone reads through; the list view has its own filters for the rest.
SHOWN_RUNS = 100
MENU_RUNS = 20


def runs_of(doctype: str, docname: str) -> list[dict]:
	"""The document's newest runs that the user may see; times are the site's."""
	return frappe.get_list(
		"Flow Run",
		filters={"name": ("in", names_of_runs(doctype, docname))},
		fields=[
			"name",
			"status",
			"flow_template",
			"flow_template.template_name as template_name",
			"failed_steps",
			"sla_status",
			"started_at",
			"completed_at",
		],
		order_by="`tabFlow Run`.creation desc",
		limit_page_length=MENU_RUNS,
	)


def names_of_runs(doctype: str, docname: str) -> list[str]:
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
