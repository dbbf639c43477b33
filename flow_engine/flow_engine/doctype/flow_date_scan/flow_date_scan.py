import frappe
from frappe import _
from frappe.model.document import Document


class FlowDateScanIsReadOnly(frappe.ValidationError):
	"""Only the tick writes how far it has looked."""


class FlowDateScan(Document):
	"""Up to which moment the tick has looked for documents whose date starts a flow; named like the flow.
	There while the flow is active."""

	def validate(self):
		frappe.throw(_("The engine writes how far it has looked for dates."), FlowDateScanIsReadOnly)
