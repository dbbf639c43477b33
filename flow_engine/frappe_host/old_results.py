"""Results of steps that go before their runs do, where the settings say so.

Each night goes on where the last one stopped: what was cleared is never looked at again, however long the
history is.
"""

from __future__ import annotations

import json
from typing import Any

import frappe
from frappe.utils import add_days, cint, now_datetime

ENDED = ("completed", "failed", "cancelled")
BATCH = 200
BOOKMARK = "flow_engine_results_cleared_to"
_BEGINNING = ("1000-01-01", "")


def clear_old_results() -> None:
	"""Drop the logged results of runs that ended more than the days in Flow Engine Settings ago; 0 keeps them
	for as long as their run. In batches that each commit."""
	days = cint(frappe.db.get_single_value("Flow Engine Settings", "result_retention_days"))
	if not days:
		return
	before = add_days(now_datetime(), -days)
	cleared: dict[str, Any] = json.loads(frappe.db.get_global(BOOKMARK) or "{}")
	for status in ENDED:
		while page := _ended_since(status, *cleared.get(status, _BEGINNING), before):
			frappe.db.sql(
				"update `tabFlow Step Log` set result = null, kept = null where flow_run in %s "
				"and (result is not null or kept is not null)",
				[[run for run, _completed_at in page]],
			)
			run, completed_at = page[-1]
			cleared[status] = (str(completed_at), run)
			frappe.db.set_global(BOOKMARK, json.dumps(cleared))
			frappe.db.commit()  # nosemgrep: a batch that is done stays done


def _ended_since(status: str, completed_at: str, run: str, before: Any) -> list[tuple[str, Any]]:
	return frappe.db.sql(
		"""
		select name, completed_at from `tabFlow Run`
		where status = %(status)s and completed_at >= %(after)s and completed_at < %(before)s
		and (completed_at > %(after)s or name > %(run)s)
		order by completed_at, name limit %(batch)s
		""",
		{"status": status, "after": completed_at, "run": run, "before": before, "batch": BATCH},
	)
