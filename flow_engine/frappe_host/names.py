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
	"Flow Schedule": ("flow_schedule_seq", "FS"),
}


def next_name(doctype: str) -> str:
	"""A name never given before, at least five digits: `FR-00001`."""
	return name_of(doctype, frappe.db.sql(f"SELECT {next_number(doctype)}")[0][0])


def next_number(doctype: str) -> str:
	"""The SQL expression that draws a number."""
	return f"NEXTVAL(`{SEQUENCES[doctype][0]}`)"


def next_name_sql(doctype: str) -> str:
	"""The SQL expression that draws a name: the number once, with zeros in front up to five digits."""
	return (
		f"CONCAT('{SEQUENCES[doctype][1]}-', "
		f"REGEXP_REPLACE(LPAD({next_number(doctype)}, 20, '0'), '^0*(?=[0-9]{{5,}}$)', ''))"
	)


def name_of(doctype: str, number: int) -> str:
	return f"{SEQUENCES[doctype][1]}-{number:05d}"
