import frappe
from frappe import _
from frappe.model.document import Document

from flow_engine.frappe_host.names import next_name
from flow_engine.frappe_host.refusals import shown_in_desk


class FlowSchedule(Document):
	"""When a flow is started by the clock, and with what. The service decides what is valid and when it fires
	next; the tick fires it, with its own SQL, under a lock on this row."""

	def autoname(self):
		self.name = next_name("Flow Schedule")

	def validate(self):
		from flow_engine.frappe_host.schedules import prepare_document

		with shown_in_desk():
			prepare_document(self)

	def on_update(self):
		from flow_engine.frappe_host.schedules import record_document

		record_document(self)

	def on_trash(self):
		from flow_engine.frappe_host.schedules import document_removed

		document_removed(self)

	def before_rename(self, old: str, new: str, merge: bool = False):
		frappe.throw(_("A schedule keeps its number: its fires and runs refer to it."))


def on_doctype_update():
	frappe.db.add_index("Flow Schedule", ["status", "fire_at"], "status_fire_at")
