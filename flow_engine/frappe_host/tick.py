"""The minute tick: whatever was missed is found here."""

from __future__ import annotations

import math
from dataclasses import asdict

import frappe

from flow_engine.engine.draining import CLAIM_LIMIT
from flow_engine.engine.reconciling import reconcile
from flow_engine.engine.sla.watching import watch_clocks
from flow_engine.frappe_host.bulk import resume_bulk
from flow_engine.frappe_host.host import get_host
from flow_engine.frappe_host.jobs import is_disabled, is_stopped, send_drains
from flow_engine.frappe_host.parts import Parts
from flow_engine.service.date_triggers import start_dated
from flow_engine.service.deliveries import CLAIM_LIMIT as DELIVERY_LIMIT
from flow_engine.service.schedule_firing import fire_due
from flow_engine.service.ticking import repair_stray_rows

# Less than what is between two ticks; what is left then is the next one's.
FIRING_SECONDS = 20
_CURSOR = "flow_engine_reconciled_to"


def reconcile_runs() -> dict:
	"""Every ten minutes: one page of running runs that nothing would wake; the next page the next time."""
	host = get_host()
	after = frappe.cache.get_value(_CURSOR) or ""
	found = reconcile(host, after)
	frappe.cache.set_value(_CURSOR, found.after)
	return asdict(found)


def tick() -> dict:
	"""What the scheduler calls every minute; see `make_tick`. Raises PartsFailed once everything that works
	is done, so that the framework's log of scheduled jobs shows what does not."""
	parts = Parts()
	found = make_tick(parts)
	parts.raise_failed("The tick")
	return found


def make_tick(parts: Parts) -> dict:
	"""Repair stray pending rows, then queue the drains that the backlog needs and that are not queued yet.
	Returns what it found."""
	host = get_host()
	repaired = parts.attempt("Repairing pending rows", lambda: repair_stray_rows(host), 0)
	due = parts.attempt("Looking for due runs", lambda: host.runs.look(host.runs.count_due), 0)
	unsent = parts.attempt("Looking for deliveries", lambda: host.runs.look(host.deliveries.count_due), 0)
	found = {"due": due, "deliveries": unsent, "repaired": repaired, "drains": 0, "disabled": is_disabled()}
	found["bulk"] = parts.attempt("Resuming bulk operations", resume_bulk, 0)
	if found["disabled"]:
		if due:
			frappe.logger("flow_engine").info(f"The flow engine is switched off; {due} due runs wait.")
		return found
	dated = parts.attempt("Looking for dates", lambda: start_dated(host, FIRING_SECONDS, is_stopped), 0)
	fired = parts.attempt(
		"Firing schedules",
		lambda: fire_due(host, FIRING_SECONDS, is_stopped),
		{"fired": 0, "runs": 0},
	)
	found["schedules"] = fired["fired"]
	due += fired["runs"] + dated
	wanted = math.ceil(due / CLAIM_LIMIT) + math.ceil(unsent / DELIVERY_LIMIT)
	found["drains"] = send_drains(wanted) if wanted else 0
	found["late"] = parts.attempt("Looking at service levels", lambda: watch_clocks(host), 0)
	return found
