import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import add_days, cint, now_datetime

BATCH = 1_000


class AuditIsAppendOnly(frappe.ValidationError):
	"""Nobody changes or removes what was done."""


class FlowAuditEvent(Document):
	"""Who did what to a flow or a run, when and why. The run store writes it with its own SQL, in the
	transaction of what it tells of; only retention removes it."""

	def validate(self):
		self.refuse()

	def before_change(self):
		# `db_set` asks nobody else.
		self.refuse()

	def before_rename(self, old: str, new: str, merge: bool = False):
		self.refuse()

	def on_trash(self):
		self.refuse()

	def refuse(self):
		frappe.throw(_("The audit trail is only ever added to, by the engine."), AuditIsAppendOnly)

	@staticmethod
	def clear_old_logs(days=730):
		"""Remove events older than `days`, in batches that each commit, and say so in the trail."""
		before = add_days(now_datetime(), -cint(days))
		while names := frappe.get_all(
			"Flow Audit Event", {"happened_at": ("<", before)}, pluck="name", limit=BATCH
		):
			frappe.db.delete("Flow Audit Event", {"name": ("in", names)})
			_tell_cleared(len(names), before)
			frappe.db.commit()  # nosemgrep: a batch that is done stays done


def _tell_cleared(count: int, before) -> None:
	from flow_engine.engine.ports import AuditEvent
	from flow_engine.frappe_host.host import get_host

	# What is missing at the beginning of the trail was cleared, and by whose doing.
	details = {"events": count, "before": before.isoformat()}
	get_host().runs.audit(AuditEvent("audit.cleared", details=details))


def on_doctype_update():
	# Each with the time, because lists show the newest first.
	for column in ("event_type", "flow_template", "user"):
		frappe.db.add_index("Flow Audit Event", [column, "happened_at"], f"{column}_when")
