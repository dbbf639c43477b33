import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import add_days, cint, now_datetime

from flow_engine.frappe_host.columns import compare_exactly
from flow_engine.frappe_host.names import next_name
from flow_engine.frappe_host.old_results import clear_old_results

ENDED = ("completed", "failed", "cancelled")
BATCH = 200


class FlowRunIsReadOnly(frappe.ValidationError):
	"""Only the engine writes flow runs."""


class FlowRun(Document):
	"""One execution of a template. The run store writes it with its own SQL, under its own locks; the desk
	reads it and acts through the API."""

	def autoname(self):
		self.name = next_name("Flow Run")

	def validate(self):
		frappe.throw(
			_("The engine writes flow runs. Use the buttons of the form to cancel a run or to fire a step."),
			FlowRunIsReadOnly,
		)

	def before_rename(self, old: str, new: str, merge: bool = False):
		frappe.throw(_("A flow run keeps its name."), FlowRunIsReadOnly)

	def on_trash(self):
		if self.status not in ENDED:
			frappe.throw(_("This run is still running; cancel it first."), FlowRunIsReadOnly)
		_delete_records_of([self.name])

	@staticmethod
	def clear_old_logs(days=180):
		"""Remove runs that ended more than `days` ago with all their records, and old results before that.

		In small batches with a commit after each, so that neither locks nor the undo log grow with the
		backlog; killed in between, the next night goes on.
		"""
		before = add_days(now_datetime(), -cint(days))
		while names := _ended_before(before):
			_delete_records_of(names)
			frappe.db.delete("Flow Run", {"name": ("in", names)})
			frappe.db.commit()  # nosemgrep: a batch that is done stays done
		clear_old_results()


def _ended_before(before) -> list[str]:
	"""Ended runs without children that are kept: a chain goes from its leaves."""
	rows = frappe.db.sql(
		"""
		select run.name from `tabFlow Run` run
		where run.status in %(ended)s and run.completed_at < %(before)s
		and not exists (
			select 1 from `tabFlow Run` child
			where child.parent_run = run.name
			and (child.status not in %(ended)s or child.completed_at >= %(before)s)
		)
		limit %(batch)s
		""",
		{"ended": ENDED, "before": before, "batch": BATCH},
	)
	return [name for (name,) in rows]


def _delete_records_of(runs: list[str]) -> None:
	for doctype in ("Flow Step Log", "Flow Step Pending"):
		frappe.db.delete(doctype, {"flow_run": ("in", runs)})
	frappe.db.delete("Flow Run Document", {"parenttype": "Flow Run", "parent": ("in", runs)})
	# A link to a run that is gone would make the job impossible to save.
	for doctype in ("Dispatch Job", "Dispatch Job Merge"):
		frappe.db.set_value(doctype, {"flow_run": ("in", runs)}, "flow_run", None, update_modified=False)


def on_doctype_update():
	compare_exactly("Flow Run", "trigger_key")
	frappe.db.add_index("Flow Run", ["context_doctype", "context_docname"], "context")
	# Lists show the newest first, of all runs or of those that an operator picks.
	frappe.db.add_index("Flow Run", ["creation"], "creation")
	frappe.db.add_index("Flow Run", ["status", "creation"], "status_creation")
	frappe.db.add_index("Flow Run", ["flow_template", "creation"], "template_creation")
	frappe.db.add_index("Flow Run", ["flow_template", "status", "completed_at"], "template_status_completed")
	frappe.db.add_index("Flow Run", ["flow_template", "wake_at"], "template_wake_at")
	# The history of a flow counts the runs of each version.
	frappe.db.add_index("Flow Run", ["flow_template", "template_version", "status"], "template_version")
	frappe.db.add_index("Flow Run", ["status", "wake_at"], "status_wake_at")
	frappe.db.add_index("Flow Run", ["status", "completed_at"], "status_completed_at")
	# What is late now, in lists and on cards.
	frappe.db.add_index("Flow Run", ["sla_status", "creation"], "sla_status_creation")
