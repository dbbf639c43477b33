import frappe
from frappe import _
from frappe.model.document import Document

from flow_engine.frappe_host.columns import compare_exactly


class FlowStepLogIsReadOnly(frappe.ValidationError):
	"""Only the engine writes the step log."""


class FlowStepLog(Document):
	"""One attempt of a step, written by the run store."""

	def validate(self):
		frappe.throw(_("The engine writes the step log."), FlowStepLogIsReadOnly)

	def before_rename(self, old: str, new: str, merge: bool = False):
		frappe.throw(_("The engine writes the step log."), FlowStepLogIsReadOnly)


def on_doctype_update():
	compare_exactly("Flow Step Log", "step_id")
	frappe.db.add_unique("Flow Step Log", ["flow_run", "step_id", "iteration", "attempt"], "unique_attempt")
	frappe.db.add_index("Flow Step Log", ["flow_run", "seq"], "run_seq")
