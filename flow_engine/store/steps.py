"""What the store keeps of a run's steps: the log of attempts, the pending rows, the documents touched."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import Any

from flow_engine.engine.ports import LogRow, PendingRow
from flow_engine.engine.state import inline_result
from flow_engine.store.dialect import Dialect, assignments, from_json, places, storable, to_json

_LOG_COLUMNS = (
	"step_id, attempt, state, seq, iteration, started, finished, acting_user, result, error_code, "
	"error_message, idempotency_key, next_at, finished_utc, next_utc"
)


# One statement stays far below what databases allow of placeholders and bytes.
MANY_ROWS = 200


@dataclass(slots=True)
class Later:
	"""What the turns of many runs will have written, once none of their steps' code runs any more."""

	log: list[dict[str, Any]] = field(default_factory=list)
	audit: list[dict[str, Any]] = field(default_factory=list)
	writes: list[Callable[[], None]] = field(default_factory=list)


def at_the_end(write: Callable[..., None]) -> Callable[..., None]:
	"""A write of a turn; where many share a transaction, it waits until the last of them is through."""

	@wraps(write)
	def now_or_later(self: SqlSteps, *args: Any, **kwargs: Any) -> None:
		if self._later is None:
			write(self, *args, **kwargs)
		else:
			self._later.writes.append(partial(write, self, *args, **kwargs))

	return now_or_later


DIGITS = str.maketrans("", "", "-: .")


class SqlSteps(Dialect):
	"""The part of `ports.Runs` that writes beside the run's row, never in it."""

	_later: Later | None = None

	def _put_audit(self, rows: Sequence[Mapping[str, Any]]) -> None:
		raise NotImplementedError

	@contextmanager
	def together(self) -> Iterator[None]:
		self._later = later = Later()
		try:
			yield
		finally:
			self._later = None
		for start in range(0, len(later.log), MANY_ROWS):
			self._insert("Flow Step Log", later.log[start : start + MANY_ROWS])
		if later.audit:
			self._put_audit(later.audit)
		for write in later.writes:
			write()

	def log_since(self, run: str, seq: int) -> list[LogRow]:
		rows = self._rows(
			f"SELECT {_LOG_COLUMNS} FROM `tabFlow Step Log` WHERE flow_run = %s AND seq > %s ORDER BY seq",
			[run, seq],
		)
		return [self._log_row(row) for row in rows]

	def _log_row(self, row: Mapping[str, Any]) -> LogRow:
		return LogRow(
			step_id=row["step_id"],
			attempt=int(row["attempt"]),
			state=row["state"],
			seq=int(row["seq"]),
			iteration=int(row["iteration"] or 0),
			started=self.from_site(row["started"]),
			finished=self.from_utc(row["finished_utc"]) or self.from_site(row["finished"]),
			acting_user=row["acting_user"],
			result=inline_result(from_json(row["result"])) if row["result"] else None,
			error_code=row["error_code"],
			error_message=row["error_message"],
			key=row["idempotency_key"],
			next_at=self.from_utc(row["next_utc"]) or self.from_site(row["next_at"]),
		)

	def log_result(self, run: str, step_id: str) -> Any:
		rows = self._rows(
			"SELECT result FROM `tabFlow Step Log` WHERE flow_run = %s AND step_id = %s AND result IS NOT "
			"NULL "
			"ORDER BY seq DESC LIMIT 1",
			[run, step_id],
		)
		return from_json(rows[0]["result"]) if rows else None

	def log_kept(self, run: str, step_id: str) -> Mapping[str, Any] | None:
		rows = self._rows(
			"SELECT kept FROM `tabFlow Step Log` WHERE flow_run = %s AND step_id = %s AND state = 'done' "
			"ORDER BY seq DESC LIMIT 1",
			[run, step_id],
		)
		kept = from_json(rows[0]["kept"]) if rows and rows[0]["kept"] else None
		return kept if isinstance(kept, Mapping) else None

	def put_log(self, run: str, rows: Iterable[LogRow]) -> None:
		fresh = []
		stamp, user = self._stamp(), self._user()
		for row in rows:
			columns = self._log_columns(row, stamp)
			if row.closes:
				self._change(
					f"UPDATE `tabFlow Step Log` SET {assignments(tuple(columns))} WHERE flow_run = %s "
					"AND step_id = %s AND iteration = %s AND attempt = %s AND state = 'running'",
					[*columns.values(), run, row.step_id, row.iteration, row.attempt],
				)
				continue
			fresh.append(
				{
					"name": f"{run}.{row.seq}",
					"creation": stamp,
					"owner": row.acting_user or user,
					"modified_by": row.acting_user or user,
					"docstatus": 0,
					"idx": 0,
					"flow_run": run,
					"step_id": row.step_id,
					"label": row.label[:140],
					"kind": row.kind,
					"iteration": row.iteration,
					"attempt": row.attempt,
					**columns,
				}
			)
		if self._later is not None:
			self._later.log += fresh
		elif fresh:
			self._insert("Flow Step Log", fresh)

	def _log_columns(self, row: LogRow, stamp: str) -> dict[str, Any]:
		return {
			"modified": stamp,
			"state": row.state,
			"seq": row.seq,
			"started": self.site_text(row.started),
			"finished": self.site_text(row.finished),
			"finished_utc": self.utc_text(row.finished),
			"acting_user": row.acting_user,
			"result": None if row.result is None else to_json(row.result),
			"kept": None if row.kept is None else to_json(row.kept),
			"error_code": row.error_code,
			"error_message": storable(row.error_message),
			"idempotency_key": row.key,
			"next_at": self.site_text(row.next_at),
			"next_utc": self.utc_text(row.next_at),
		}

	def put_late(self, run: str, row: LogRow) -> None:
		outcome = {
			"at": self.now().isoformat(),
			"result": row.result,
			"error_code": row.error_code,
			"error_message": row.error_message,
		}
		self._change(
			"UPDATE `tabFlow Step Log` SET late_outcome = %s, modified = %s WHERE flow_run = %s AND step_id "
			"= %s "
			"AND iteration = %s AND attempt = %s",
			[to_json(outcome), self._stamp(), run, row.step_id, row.iteration, row.attempt],
		)

	# --- pending rows ---------------------------------------------------------------------------------------

	@at_the_end
	def put_pending(self, run: str, rows: Iterable[PendingRow]) -> None:
		rows = list(rows)
		# Of flows that make no promises nothing is written about them.
		promised = any(row.sla_status for row in rows)
		found = self._rows(
			"SELECT name, step_id FROM `tabFlow Step Pending` WHERE flow_run = %s AND status = 'pending'",
			[run],
		)
		open_rows = {row["step_id"]: row["name"] for row in found}
		now, user = self._stamp(), self._user()
		fresh = []
		for row in rows:
			columns = {
				"modified": now,
				"purpose": row.purpose,
				"trigger_at": self.site_text(row.trigger_at),
				"retry_count": row.retry_count,
				"last_error": storable((row.last_error or "")[:500]) or None,
				**({"sla_status": row.sla_status} if promised else {}),
			}
			if row.step_id in open_rows:
				self._change(
					f"UPDATE `tabFlow Step Pending` SET {assignments(tuple(columns))} WHERE name = %s",
					[*columns.values(), open_rows[row.step_id]],
				)
				continue
			fresh.append(
				{
					"name": self._name("Flow Step Pending"),
					"creation": now,
					"owner": user,
					"modified_by": user,
					"docstatus": 0,
					"idx": 0,
					"flow_run": run,
					"step_id": row.step_id,
					"status": "pending",
					"context_snapshot": None if row.payload is None else to_json(row.payload),
					**columns,
				}
			)
		for start in range(0, len(fresh), MANY_ROWS):
			self._insert("Flow Step Pending", fresh[start : start + MANY_ROWS])

	@at_the_end
	def close_pending(
		self, run: str, closed: Mapping[str, str], errors: Mapping[str, str] | None = None
	) -> None:
		now = self._stamp()
		alike: dict[tuple[str, str | None], list[str]] = {}
		for step_id, status in closed.items():
			error = storable(((errors or {}).get(step_id) or "")[:500]) or None
			alike.setdefault((status, error), []).append(step_id)
		for (status, error), step_ids in alike.items():
			for start in range(0, len(step_ids), 200):
				some = step_ids[start : start + 200]
				self._change(
					"UPDATE `tabFlow Step Pending` SET status = %s, executed_at = %s, last_error = %s, "
					"modified = %s "
					f"WHERE flow_run = %s AND step_id IN ({places(some)}) AND status = 'pending'",
					[status, now, error, now, run, *some],
				)

	@at_the_end
	def touch(self, run: str, rows: Iterable[tuple[str, str, str, str]]) -> None:
		now, user = self._stamp(), self._user()
		# In the order of time, so that all new rows are neighbours in the index: names by chance would write
		# to a page of their own each.
		prefix = now.translate(DIGITS)
		self._insert(
			"Flow Run Document",
			[
				{
					"name": f"{prefix}{self._token()[:8]}",
					"creation": now,
					"modified": now,
					"owner": user,
					"modified_by": user,
					"docstatus": 0,
					"idx": place,
					"parent": run,
					"parenttype": "Flow Run",
					"parentfield": "documents",
					"step_id": step_id,
					"reference_doctype": doctype,
					"reference_name": name,
					"change": change,
				}
				for place, (step_id, doctype, name, change) in enumerate(rows, 1)
			],
		)
