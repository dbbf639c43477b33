"""Waits end at once: everything a run has planned is moved towards the past, as if the time had gone by."""

from __future__ import annotations

from typing import Any

MOVE = """
import json
from datetime import datetime, timedelta
shift = timedelta(seconds=seconds)
def moved(value):
	if isinstance(value, dict):
		return {k: (datetime.fromisoformat(v.replace("Z", "+00:00")) - shift).isoformat()
			if k == "trigger_at" and isinstance(v, str) else moved(v) for k, v in value.items()}
	return [moved(v) for v in value] if isinstance(value, list) else value
state = json.loads(frappe.db.get_value("Flow Run", run, "step_state", for_update=True))
frappe.db.sql("update `tabFlow Run` set step_state = %s, wake_at = wake_at - interval %s second,"
	" revision = revision + 1 where name = %s", (json.dumps(moved(state)), seconds, run))
frappe.db.sql("update `tabFlow Step Pending` set trigger_at = trigger_at - interval %s second"
	" where flow_run = %s and status = 'pending'", (seconds, run))
"""

BECOME_LATE = """
import json
from datetime import datetime, timedelta
shift = timedelta(days=days)
state = json.loads(frappe.db.get_value("Flow Run", run, "step_state", for_update=True))
for entry in state.values():
	if entry.get("ready_at"):
		entry["ready_at"] = (datetime.fromisoformat(entry["ready_at"]) - shift).isoformat()
frappe.db.sql("update `tabFlow Run` set step_state = %s, sla_at = sla_at - interval %s day,"
	" revision = revision + 1 where name = %s", (json.dumps(state), days, run))
"""

END_LEASE = """
frappe.db.sql("update `tabFlow Run` set lease_until = utc_timestamp() - interval 1 second"
	" where name = %s", run)
"""

TICK = """
from flow_engine.frappe_host.tick import tick
answer = tick()
"""


def pass_time(site: Any, run: str, days: float = 0, hours: float = 0) -> None:
	site(MOVE, run=run, seconds=int((days * 24 + hours) * 3600) + 60)


def become_late(site: Any, run: str, days: int) -> None:
	"""As if its steps had been ready so many days longer."""
	site(BECOME_LATE, run=run, days=days)


def end_lease(site: Any, run: str) -> None:
	"""As when a worker has not been heard of for a minute."""
	site(END_LEASE, run=run)


def tick(site: Any) -> dict[str, Any]:
	"""What the scheduler does every minute."""
	return site(TICK)
