from frappe.modules import load_doctype_module


def execute():
	"""Indexes are made when a DocType's file changes, and these DocTypes only got new indexes."""
	for doctype in ("Flow Run", "Flow Delivery"):
		load_doctype_module(doctype).on_doctype_update()
