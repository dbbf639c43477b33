import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import add_days, cint, now_datetime

ENDED = ("completed", "skipped", "failed")
BATCH = 500


class FlowScheduleFireIsReadOnly(frappe.ValidationError):
	"""Only the engine writes fires."""


class FlowScheduleFire(Document):
	"""One fire of a schedule: what it was for, what became of it. The store writes it with its own SQL. Its
	name is made of the schedule and the moment, so a moment fires once."""

	def validate(self):
		frappe.throw(_("The engine writes the fires of schedules."), FlowScheduleFireIsReadOnly)

	def before_rename(self, old: str, new: str, merge: bool = False):
		frappe.throw(_("A fire keeps its name: it is what keeps it from firing twice."))

	def on_trash(self):
		if self.status not in ENDED:
			frappe.throw(_("This fire has not ended."), FlowScheduleFireIsReadOnly)

	@staticmethod
	def clear_old_logs(days=180):
		"""Remove fires that ended more than `days` ago, in small batches with a commit after each."""
		before = add_days(now_datetime(), -cint(days))
		while names := frappe.db.sql_list(
			"select name from `tabFlow Schedule Fire` where status in %(ended)s and creation < %(before)s "
			"order by creation limit %(batch)s",
			{"ended": ENDED, "before": before, "batch": BATCH},
		):
			frappe.db.delete("Flow Schedule Fire", {"name": ("in", names)})
			frappe.db.commit()  # nosemgrep: a batch that is done stays done


def on_doctype_update():
	# Lists show the newest first, of all or of one schedule.
	frappe.db.add_index("Flow Schedule Fire", ["creation"], "creation")
	frappe.db.add_index("Flow Schedule Fire", ["flow_schedule", "fire_utc"], "schedule_fire_utc")
