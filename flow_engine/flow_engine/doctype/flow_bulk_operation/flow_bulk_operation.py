import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import add_days, cint, now_datetime

ENDED = ("completed", "stopped")
BATCH = 100


class BulkOperationIsReadOnly(frappe.ValidationError):
	"""Only the engine writes bulk operations."""


class FlowBulkOperation(Document):
	"""One operation on many runs: which, how far it is, and what was refused. `frappe_host/bulk.py` writes it
	with its own SQL; the desk reads it."""

	def validate(self):
		if not self.flags.flow_engine_writes:
			frappe.throw(
				_("The engine writes bulk operations. Start one from the list of flow runs."),
				BulkOperationIsReadOnly,
			)

	def before_rename(self, old: str, new: str, merge: bool = False):
		frappe.throw(
			_("A bulk operation keeps its name: the audit trail refers to it."), BulkOperationIsReadOnly
		)

	def on_trash(self):
		if self.status not in ENDED:
			frappe.throw(_("This bulk operation has not ended."), BulkOperationIsReadOnly)

	@staticmethod
	def clear_old_logs(days=180):
		"""Remove operations that ended more than `days` ago, in batches that each commit."""
		before = add_days(now_datetime(), -cint(days))
		while names := frappe.get_all(
			"Flow Bulk Operation",
			{"status": ("in", ENDED), "ended_at": ("<", before)},
			pluck="name",
			limit=BATCH,
		):
			frappe.db.delete("Flow Bulk Operation", {"name": ("in", names)})
			frappe.db.commit()  # nosemgrep: a batch that is done stays done
