import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import cint

from flow_engine.engine.breaker import DEFAULT_LIMIT

DEFAULT_RETENTION_DAYS = 180


class FlowEngineSettings(Document):
	"""What administrators decide for the whole site."""

	def load_from_db(self):
		"""The framework's Log Settings do the clearing, so the number of days lives there."""
		loaded = super().load_from_db()
		self.retention_days = log_retention_days()
		if self.failure_limit is None:
			# Never set is not 0, which would switch the circuit breaker off.
			self.failure_limit = DEFAULT_LIMIT
		return loaded

	def validate(self):
		if cint(self.retention_days) < 1:
			frappe.throw(_("Runs are kept for one day at least."))
		lines = (line.strip().lower() for line in (self.allowed_private_hosts or "").splitlines())
		self.allowed_private_hosts = "\n".join(dict.fromkeys(line for line in lines if line))

	def on_update(self):
		if cint(self.retention_days) == log_retention_days():
			return
		log_settings = frappe.get_doc("Log Settings")
		log_settings.register_doctype("Flow Run", cint(self.retention_days))
		log_settings.save(ignore_permissions=True)


def log_retention_days() -> int:
	days = frappe.db.get_value("Logs To Clear", {"parent": "Log Settings", "ref_doctype": "Flow Run"}, "days")
	return cint(days) or DEFAULT_RETENTION_DAYS
