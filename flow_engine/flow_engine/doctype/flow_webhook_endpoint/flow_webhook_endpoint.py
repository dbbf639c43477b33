import frappe
from frappe import _
from frappe.model.document import Document

from flow_engine.frappe_host.refusals import shown_in_desk


class FlowWebhookEndpoint(Document):
	"""Whom the audit trail is told to. What it is told and when it is left alone is the service's; the engine
	writes how its deliveries fare."""

	def validate(self):
		from flow_engine.frappe_host.webhooks import prepare_endpoint

		with shown_in_desk():
			prepare_endpoint(self)

	def after_insert(self):
		secret = self.flags.shown_secret
		if secret:
			frappe.msgprint(
				_("Keep the secret, it is not shown again: {0}").format(f"<code>{secret}</code>"),
				title=_("Secret"),
			)

	def on_update(self):
		from flow_engine.frappe_host.webhooks import after_save

		after_save(self)

	def after_delete(self):
		from flow_engine.frappe_host.webhooks import after_delete

		after_delete(self)

	def before_rename(self, old: str, new: str, merge: bool = False):
		frappe.throw(_("An endpoint keeps its name: its deliveries and the audit trail refer to it."))

	def get_password(self, fieldname: str = "secret", raise_exception: bool = True):
		"""Refused to everybody: the API of the framework would read the value out to administrators."""
		frappe.throw(_("The value of a secret is only ever sent, never shown."), frappe.PermissionError)
