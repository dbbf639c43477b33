import frappe
from frappe import _
from frappe.model.document import Document

from flow_engine.frappe_host.columns import compare_exactly
from flow_engine.frappe_host.names import next_name

REPAIRABLE = ("status", "trigger_at", "retry_count")
DECISIVE = ("status", "trigger_at")


class OnlyTheEngineWritesThis(frappe.ValidationError):
	"""Only status, due time and retry count of a pending step can be changed by hand."""


class FlowStepPending(Document):
	"""A step that has a time, as operators see and repair it. The run decides; this row tells."""

	def autoname(self):
		self.name = next_name("Flow Step Pending")

	def validate(self):
		before = self.get_doc_before_save()
		if not before:
			frappe.throw(_("The engine writes pending steps."), OnlyTheEngineWritesThis)
		for field in self.meta.fields:
			if field.fieldname not in REPAIRABLE and self.has_value_changed(field.fieldname):
				frappe.throw(
					_("{0} cannot be changed by hand; only status, due time and retry count can.").format(
						_(field.label)
					),
					OnlyTheEngineWritesThis,
				)

	def on_update(self):
		if any(self.has_value_changed(fieldname) for fieldname in DECISIVE):
			from flow_engine.frappe_host.refusals import shown_in_desk
			from flow_engine.frappe_host.repair import repair_pending_row

			with shown_in_desk():
				repair_pending_row(self)


def on_doctype_update():
	compare_exactly("Flow Step Pending", "step_id")
	frappe.db.add_index("Flow Step Pending", ["trigger_at", "status"], "trigger_at_status")
	frappe.db.add_index("Flow Step Pending", ["flow_run", "step_id"], "run_step")
