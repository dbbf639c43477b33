import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import add_days, cint, now_datetime

from flow_engine.frappe_host.names import next_name

# What an endpoint that stays paused holds back is not kept for longer than what has ended.
ENDED = ("delivered", "failed", "cancelled", "held")
BATCH = 500


class FlowDeliveryIsReadOnly(frappe.ValidationError):
	"""Only the engine writes deliveries."""


class FlowDelivery(Document):
	"""An HTTP call that is no step's. The store of deliveries writes it with its own SQL; the desk reads it
	and acts through the API."""

	def autoname(self):
		self.name = next_name("Flow Delivery")

	def validate(self):
		frappe.throw(
			_("The engine writes deliveries. Use the buttons of the form to send one again or to cancel it."),
			FlowDeliveryIsReadOnly,
		)

	def before_rename(self, old: str, new: str, merge: bool = False):
		frappe.throw(_("A delivery keeps its name: its key is made from it."), FlowDeliveryIsReadOnly)

	def on_trash(self):
		if self.status not in ENDED:
			frappe.throw(_("This delivery has not ended; cancel it first."), FlowDeliveryIsReadOnly)

	@staticmethod
	def clear_old_logs(days=90):
		"""Remove deliveries that ended more than `days` ago, whatever became of them.

		In small batches with a commit after each, so that neither locks nor the undo log grow with the
		backlog; killed in between, the next night goes on.
		"""
		before = add_days(now_datetime(), -cint(days))
		while names := frappe.db.sql_list(
			"select name from `tabFlow Delivery` where status in %(ended)s and modified < %(before)s "
			"order by modified limit %(batch)s",
			{"ended": ENDED, "before": before, "batch": BATCH},
		):
			frappe.db.delete("Flow Delivery", {"name": ("in", names)})
			frappe.db.commit()  # nosemgrep: a batch that is done stays done


def on_doctype_update():
	# Lists show the newest first.
	frappe.db.add_index("Flow Delivery", ["creation"], "creation")
	frappe.db.add_index("Flow Delivery", ["status", "modified"], "status_modified")
	frappe.db.add_index(
		"Flow Delivery", ["reference_doctype", "reference_name", "status"], "reference_status"
	)
