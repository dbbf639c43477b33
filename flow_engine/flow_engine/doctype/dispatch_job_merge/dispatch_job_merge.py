from frappe.model.document import Document


class DispatchJobMerge(Document):
	"""A request that joined an open job instead of making one of its own."""
