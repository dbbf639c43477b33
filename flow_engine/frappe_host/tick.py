"""The minute tick: whatever was missed is found here."""

from __future__ import annotations

import math
from dataclasses import asdict

import frappe

from flow_engine.engine.draining import CLAIM_LIMIT
from flow_engine.engine.reconciling import reconcile
from flow_engine.frappe_host.host import get_host
from flow_engine.frappe_host.jobs import MAX_DRAINS, is_disabled, send_hint
from flow_engine.service.deliveries import CLAIM_LIMIT as DELIVERY_LIMIT
from flow_engine.service.ticking import repair_stray_rows

_CURSOR = "flow_engine_reconciled_to"


def reconcile_runs() -> dict:
	"""Every ten minutes: one page of running runs that nothing would wake; the next page the next time."""
	host = get_host()
	after = frappe.cache.get_value(_CURSOR) or ""
	found = reconcile(host, after)
	frappe.cache.set_value(_CURSOR, found.after)
	return asdict(found)


def tick() -> dict:
	"""Repair stray pending rows, then hint as many drains as the backlog needs. Returns what it found."""
	host = get_host()
	repaired = repair_stray_rows(host)
	due = host.runs.count_due()
	unsent = host.deliveries.count_due()
	frappe.db.rollback()
	if is_disabled():
		if due:
			frappe.logger("flow_engine").info(f"The flow engine is switched off; {due} due runs wait.")
		return {"due": due, "deliveries": unsent, "repaired": repaired, "drains": 0, "disabled": True}
	drains = min(math.ceil(due / CLAIM_LIMIT) + math.ceil(unsent / DELIVERY_LIMIT), MAX_DRAINS)
	sent = sum(send_hint(force=True) for _ in range(drains))
	return {"due": due, "deliveries": unsent, "repaired": repaired, "drains": sent, "disabled": False}
