"""The minute tick: whatever was missed is found here."""

from __future__ import annotations

import math

import frappe

from flow_engine.engine.interventions import repair_pending
from flow_engine.engine.running import CLAIM_LIMIT
from flow_engine.frappe_host.host import get_host
from flow_engine.frappe_host.jobs import MAX_DRAINS, is_disabled, send_hint


def tick() -> dict:
	"""Repair stray pending rows, then hint as many drains as the backlog needs. Returns what it found."""
	host = get_host()
	repaired = repair_stray_rows()
	due = host.runs.count_due()
	frappe.db.rollback()
	if is_disabled():
		if due:
			frappe.logger("flow_engine").info(f"The flow engine is switched off; {due} due runs wait.")
		return {"due": due, "repaired": repaired, "drains": 0, "disabled": True}
	drains = min(math.ceil(due / CLAIM_LIMIT), MAX_DRAINS)
	sent = sum(send_hint(force=True) for _ in range(drains))
	return {"due": due, "repaired": repaired, "drains": sent, "disabled": False}


def repair_stray_rows() -> int:
	"""Pending rows that are due while their run would not wake: an operator put them back by hand."""
	host = get_host()
	stray = host.runs.transact(host.runs.stray_pending)
	repaired = 0
	for run, step_id, due_at in stray:

		def work(run=run, step_id=step_id, due_at=due_at) -> bool:
			record = host.runs.lock(run)
			if repair_pending(host, record, step_id, due_at):
				return True
			# The step is past it: the row only looks open.
			host.runs.close_pending(run, {step_id: "cancelled"})
			return False

		try:
			repaired += host.runs.transact(work)
		except Exception as error:
			host.report(error, f"repairing {run} {step_id}")
	return repaired
