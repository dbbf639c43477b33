import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import add_days, cint, now_datetime

BATCH = 1_000


class FlowInboundCall(Document):
	"""One call to an inbound hook: when, from where, what came of it; never what it was signed with, nor its
	body. The engine writes it with its own SQL."""

	def validate(self):
		frappe.throw(_("Calls are recorded by the engine and not changed."))

	@staticmethod
	def clear_old_logs(days=90):
		"""Remove calls older than `days`, in batches that each commit."""
		before = add_days(now_datetime(), -cint(days))
		while names := frappe.get_all(
			"Flow Inbound Call", {"received_at": ("<", before)}, pluck="name", limit=BATCH
		):
			frappe.db.delete("Flow Inbound Call", {"name": ("in", names)})
			frappe.db.commit()  # nosemgrep: a batch that is done stays done
