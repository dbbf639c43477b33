"""Record names that look like a series and lock nothing.

A naming series locks its counter row until commit, which would let one save at a time through on the whole
site. A sequence hands out its number at once and for good: a rolled-back save leaves a gap, so names say
nothing about order.
"""

import frappe

SEQUENCES = {
	"Flow Template": ("flow_template_seq", "FT"),
	"Flow Run": ("flow_run_seq", "FR"),
	"Flow Step Pending": ("flow_step_pending_seq", "FSP"),
	"Dispatch Job": ("flow_dispatch_job_seq", "DJ"),
	"Flow Delivery": ("flow_delivery_seq", "FD"),
}


def next_name(doctype: str) -> str:
	"""A name never given before, at least five digits: `FR-00001`."""
	sequence, prefix = SEQUENCES[doctype]
	number = frappe.db.sql(f"SELECT NEXTVAL(`{sequence}`)")[0][0]
	return f"{prefix}-{number:05d}"
