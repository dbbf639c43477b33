import hashlib

import frappe
from frappe import _
from frappe.model.document import Document


class VersionIsImmutable(frappe.ValidationError):
	"""A published version never changes."""


class FlowTemplateVersion(Document):
	"""A published definition: written once, read by every run that started on it."""

	def autoname(self):
		self.name = f"{self.flow_template}-v{self.version}"

	def validate(self):
		if not self.is_new():
			frappe.throw(_("A published version never changes; publish a new one."), VersionIsImmutable)
		self.definition_hash = hashlib.sha256((self.definition or "").encode()).hexdigest()

	def before_rename(self, old: str, new: str, merge: bool = False):
		frappe.throw(_("A published version keeps its name."), VersionIsImmutable)

	def on_trash(self):
		if not self.flags.template_is_deleted:
			frappe.throw(
				_("A published version goes only with its flow template, and only when no run refers to it."),
				VersionIsImmutable,
			)


def on_doctype_update():
	frappe.db.add_unique("Flow Template Version", ["flow_template", "version"], "unique_template_version")
