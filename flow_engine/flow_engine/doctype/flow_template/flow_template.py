import frappe
from frappe import _
from frappe.model.document import Document

from flow_engine.frappe_host.names import next_name
from flow_engine.frappe_host.refusals import shown_in_desk


class FlowTemplateNameTaken(frappe.UniqueValidationError):
	"""Another flow template of this category has the same name."""


class FlowTemplate(Document):
	"""An automation as operators edit it. The definition is the one truth; what lists and triggers need is
	projected from it by the service, which also validates it."""

	def autoname(self):
		self.name = next_name("Flow Template")

	def validate(self):
		from flow_engine.frappe_host.templates import prepare_template, protect_system_template

		self.refuse_taken_name()
		with shown_in_desk():
			protect_system_template(self)
			prepare_template(self)

	def on_update(self):
		from flow_engine.frappe_host.events import forget_triggers
		from flow_engine.frappe_host.pausing import record_changes, record_save
		from flow_engine.frappe_host.templates import write_version

		record_save(self)
		write_version(self)
		record_changes(self)
		forget_triggers()

	def on_trash(self):
		from flow_engine.frappe_host.templates import protect_system_template

		self.flags.in_delete = True
		with shown_in_desk():
			protect_system_template(self)
		self.delete_unused_versions()

	def after_delete(self):
		from flow_engine.frappe_host.events import forget_triggers
		from flow_engine.frappe_host.pausing import write_event

		write_event(self, "template.deleted", template_name=self.template_name)
		forget_triggers()

	def before_rename(self, old: str, new: str, merge: bool = False):
		frappe.throw(_("A flow template keeps its number: runs and versions refer to it."))

	def refuse_taken_name(self):
		"""The unique index decides; this says it in words while both can still be seen."""
		self.template_name = (self.template_name or "").strip()
		taken_by = frappe.db.get_value(
			"Flow Template",
			{"template_name": self.template_name, "category": self.category, "name": ("!=", self.name or "")},
		)
		if taken_by:
			frappe.throw(
				_("{0} has the same name in this category; choose another.").format(taken_by),
				FlowTemplateNameTaken,
			)

	def delete_unused_versions(self):
		"""Versions that a run refers to stay for as long as the run: it reads its definition there."""
		used = frappe.get_all(
			"Flow Run", {"flow_template": self.name}, pluck="template_version", distinct=True, order_by=None
		)
		unused = frappe.get_all(
			"Flow Template Version",
			{"flow_template": self.name, "version": ("not in", used or [0])},
			pluck="name",
		)
		for version in unused:
			frappe.delete_doc(
				"Flow Template Version",
				version,
				ignore_permissions=True,
				flags={"template_is_deleted": True},
			)


def on_doctype_update():
	frappe.db.add_unique("Flow Template", ["category", "template_name"], "unique_category_template_name")
