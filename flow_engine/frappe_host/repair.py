"""An operator edits a pending row in the desk: the run follows, in the same transaction."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import frappe
from frappe.utils import get_datetime

from flow_engine.engine.errors import StepNotWaiting
from flow_engine.engine.interventions import repair_pending
from flow_engine.frappe_host.host import get_host


def repair_pending_row(doc) -> None:
	"""`doc`: a Flow Step Pending whose status or time was changed by hand.

	Back to `pending`: the step is tried again at the row's time. Raises StepNotWaiting when the step is past
	it.
	"""
	if doc.status != "pending":
		raise StepNotWaiting("A pending step is ended by cancelling or firing it, not by editing its row.")
	host = get_host()
	zone: ZoneInfo = host.clock.time_zone
	trigger_at = get_datetime(doc.trigger_at).replace(tzinfo=zone)
	record = host.runs.lock(doc.flow_run)
	if not repair_pending(host, record, doc.step_id, trigger_at):
		raise StepNotWaiting(f"The step {doc.step_id} of {doc.flow_run} is past this; nothing to repeat.")
	frappe.db.set_value("Flow Step Pending", doc.name, "executed_at", None, update_modified=False)
	host.jobs.hint()
