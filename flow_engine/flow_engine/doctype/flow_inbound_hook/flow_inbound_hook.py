import frappe
from frappe import _
from frappe.model.document import Document

from flow_engine.frappe_host.refusals import shown_in_desk


class FlowInboundHook(Document):
	"""An address that starts one flow for whoever can prove themselves. What a hook has to be is the
	service's to say; the record keeps it, and its secret where the site keeps passwords."""

	def validate(self):
		from flow_engine.frappe_host.inbound_hooks import prepare_hook

		with shown_in_desk():
			prepare_hook(self)

	def after_insert(self):
		secret = self.flags.shown_secret
		if secret and getattr(frappe.local, "request", None) and not self.flags.flow_by_api:
			frappe.msgprint(
				_("Keep the secret, it is not shown again: {0}").format(f"<code>{secret}</code>"),
				title=_("Secret"),
			)

	def on_update(self):
		from flow_engine.frappe_host.inbound_hooks import after_save

		after_save(self)

	def after_delete(self):
		from flow_engine.frappe_host.inbound_hooks import after_delete

		after_delete(self)

	def get_password(self, fieldname: str = "secret", raise_exception: bool = True):
		"""Refused to everybody: the API of the framework would read the value out to administrators."""
		frappe.throw(_("The value of a secret is only ever compared, never shown."), frappe.PermissionError)
