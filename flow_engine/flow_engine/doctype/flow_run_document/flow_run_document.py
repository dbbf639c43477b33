import frappe
from frappe.model.document import Document


class FlowRunDocument(Document):
	"""A document that a step of the run created or updated."""


def on_doctype_update():
	frappe.db.add_index("Flow Run Document", ["reference_doctype", "reference_name"], "reference")
