"""Where the runs of one flow stand, and what a step tried: SQL that both hosts speak, for people's eyes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flow_engine.engine.compensation import EVENT as COMPENSATION
from flow_engine.store.dialect import from_json, places
from flow_engine.store.runs import SqlRuns

_ATTEMPT_COLUMNS = (
	"attempt, state, started, finished, finished_utc, next_at, next_utc, acting_user, error_code, "
	"error_message, result, late_outcome"
)
STATUSES = ("running", "failed", "completed", "cancelled")


class FlowStanding:
	"""Questions about many runs, and about one step's attempts, beside the run store that workers use.

	Those about a flow go along the index on (flow_template, status, completed_at) and stop where they are
	told to: a flow may have a million runs behind it.
	"""

	def __init__(self, runs: SqlRuns):
		self.runs = runs
		self._rows = runs._rows

	def count_runs(self, template: str, most: int) -> dict[str, int]:
		"""Status → how many runs of the flow have it, counted up to `most`."""
		counts = {}
		for status in STATUSES:
			rows = self._rows(
				"SELECT COUNT(*) AS n FROM (SELECT 1 FROM `tabFlow Run` "
				f"WHERE flow_template = %s AND status = %s LIMIT {int(most)}) counted",
				[template, status],
			)
			counts[status] = int(rows[0]["n"])
		return counts

	def states_of(self, template: str, status: str, limit: int) -> list[dict[str, Any]]:
		"""The flow's newest runs of this status, newest first, with their stored step states, parsed, as of
		their last turn: `{name, context_doctype, context_docname, customer, step_state}`. A run that undoes
		another one stands nowhere in the flow."""
		names = self._rows(
			"SELECT name FROM `tabFlow Run` WHERE flow_template = %s AND status = %s AND trigger_event <> %s "
			f"ORDER BY completed_at DESC, name DESC LIMIT {int(limit)}",
			[template, status, COMPENSATION],
		)
		if not names:
			return []
		wanted = [row["name"] for row in names]
		rows = self._rows(
			"SELECT name, context_doctype, context_docname, customer, step_state FROM `tabFlow Run` "
			f"WHERE name IN ({places(wanted)})",
			wanted,
		)
		found = {row["name"]: {**row, "step_state": from_json(row["step_state"])} for row in rows}
		return [found[name] for name in wanted if name in found]

	def attempts(self, run: str, step_id: str, limit: int) -> list[dict[str, Any]]:
		"""The step's newest attempts, oldest first: `{attempt, state, started, finished, next_at,
		acting_user, result, error_code, error_message, late_outcome}`; results whole, times aware UTC."""
		rows = self._rows(
			f"SELECT {_ATTEMPT_COLUMNS} FROM `tabFlow Step Log` WHERE flow_run = %s AND step_id = %s "
			f"ORDER BY seq DESC LIMIT {int(limit)}",
			[run, step_id],
		)
		return [self._attempt(row) for row in reversed(rows)]

	def _attempt(self, row: Mapping[str, Any]) -> dict[str, Any]:
		runs = self.runs
		return {
			"attempt": int(row["attempt"]),
			"state": row["state"],
			"started": runs.from_site(row["started"]),
			"finished": runs.from_utc(row["finished_utc"]) or runs.from_site(row["finished"]),
			"next_at": runs.from_utc(row["next_utc"]) or runs.from_site(row["next_at"]),
			"acting_user": row["acting_user"],
			"error_code": row["error_code"],
			"error_message": row["error_message"],
			"result": from_json(row["result"]) if row["result"] else None,
			"late_outcome": from_json(row["late_outcome"]) if row["late_outcome"] else None,
		}
