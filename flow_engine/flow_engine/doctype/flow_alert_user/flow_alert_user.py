from frappe.model.document import Document


class FlowAlertUser(Document):
	"""Someone to tell when a flow fails."""
