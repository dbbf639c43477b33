"""The run store in SQL that both hosts speak: the protocol's statements stand here once.

A host's store.py subclasses `SqlRuns` and brings the connection, transactions, the clock, names and the few words
in which the databases differ. Table and column names are Frappe's; SQLite accepts the same backticks. Every
statement on the way of a worker goes by primary key or by an index named in the DocTypes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from flow_engine.engine.errors import LeaseLost, RunNotFound
from flow_engine.engine.ports import Claim, LogRow, NewRun, PendingRow, RunRecord
from flow_engine.engine.state import inline_result
from flow_engine.store.about_documents import AboutDocuments

T = TypeVar("T")

_UTC_COLUMNS = ("wake_at", "lease_until")
_SITE_COLUMNS = ("started_at", "completed_at")
_RUN_COLUMNS = (
	"name, flow_template, template_version, status, trigger_event, context_doctype, context_docname, customer, "
	"variables, trigger_data, step_state, state_seq, log_seq, revision, attempts, failed_steps, admitted, "
	"concurrency, run_as, parent_run, root_run, depth, started_at, completed_at, wake_at, lease_until, lease_token"
)
_LIST_COLUMNS = (
	"name, flow_template, template_version, status, trigger_event, context_doctype, context_docname, customer, "
	"failed_steps, error_code, error_message, parent_run, started_at, completed_at, wake_at"
)
_FILTER_COLUMNS = {"status", "flow_template", "customer", "context_doctype", "context_docname"}
_LOG_COLUMNS = (
	"step_id, attempt, state, seq, iteration, started, finished, acting_user, result, error_code, error_message, "
	"idempotency_key, next_at, finished_utc, next_utc"
)


class SqlRuns(AboutDocuments):
	"""`ports.Runs` in SQL. Subclasses give the underscored methods and the two locking suffixes."""

	zone: ZoneInfo
	for_update = ""
	skip_locked = ""

	def transact(self, work: Callable[[], T]) -> T:
		raise NotImplementedError

	def now(self) -> datetime:
		raise NotImplementedError

	def _stamp(self) -> str:
		"""`modified` as people see it; a host may answer with the transaction's time instead of asking again."""
		return self.site_text(self.now()) or ""

	def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[Mapping[str, Any]]:
		raise NotImplementedError

	def _change(self, sql: str, values: Sequence[Any] = ()) -> int:
		"""Run a statement; the number of rows it changed."""
		raise NotImplementedError

	def _name(self, doctype: str) -> str:
		raise NotImplementedError

	def _token(self) -> str:
		raise NotImplementedError

	def _user(self) -> str:
		raise NotImplementedError

	# --- times --------------------------------------------------------------------------------------------------

	def utc_text(self, when: datetime | None) -> str | None:
		return _text(when.astimezone(timezone.utc)) if when is not None else None

	def site_text(self, when: datetime | None) -> str | None:
		return _text(when.astimezone(self.zone)) if when is not None else None

	def from_utc(self, value: Any) -> datetime | None:
		return _parse(value, timezone.utc)

	def from_site(self, value: Any) -> datetime | None:
		return _parse(value, self.zone)

	# --- starting -----------------------------------------------------------------------------------------------

	def insert(self, new: NewRun) -> str:
		now = self.now()
		name = self._name("Flow Run")
		site_now, user = self.site_text(now), self._user()
		columns = {
			"name": name,
			"creation": site_now,
			"modified": site_now,
			"owner": user,
			"modified_by": user,
			"docstatus": 0,
			"idx": 0,
			"flow_template": new.flow_template,
			"template_version": new.template_version,
			"status": "running",
			"trigger_event": new.trigger_event,
			"context_doctype": new.context_doctype,
			"context_docname": new.context_docname,
			"customer": new.customer,
			"variables": _json(new.variables),
			# The exact start, beside the site-time column that people read (which repeats an hour each autumn).
			"trigger_data": _json({**new.trigger_data, "at": now.isoformat()}),
			"step_state": "{}",
			"state_seq": 0,
			"log_seq": 0,
			"revision": 0,
			"attempts": 0,
			"failed_steps": 0,
			"admitted": int(new.concurrency == "allow"),
			"concurrency": new.concurrency,
			"trigger_key": new.trigger_key or None,
			"run_as": new.run_as,
			"parent_run": new.parent_run,
			"root_run": new.root_run or name,
			"depth": new.depth,
			"started_at": site_now,
			"wake_at": self.utc_text(now),
		}
		self._insert("Flow Run", [columns])
		return name

	def _insert(self, doctype: str, rows: Sequence[Mapping[str, Any]]) -> None:
		columns = list(rows[0])
		places = "(" + ", ".join(["%s"] * len(columns)) + ")"
		sql = (
			f"INSERT INTO `tab{doctype}` ({', '.join(f'`{c}`' for c in columns)}) "
			f"VALUES {', '.join([places] * len(rows))}"
		)
		self._change(sql, [row[column] for row in rows for column in columns])

	# --- claiming -----------------------------------------------------------------------------------------------

	def claim(self, limit: int, lease_seconds: float, only: str | None = None) -> list[Claim]:
		names = self.transact(lambda: self.due(limit, only))
		if not names:
			return []
		return self.transact(lambda: self._claim(names, lease_seconds))

	def due(self, limit: int, only: str | None = None) -> list[str]:
		"""Names of runs that are due and that nobody holds, longest due first: a plain read."""
		now = self.utc_text(self.now())
		where, values = ("AND name = %s ", [only]) if only else ("", [])
		rows = self._rows(
			"SELECT name FROM `tabFlow Run` WHERE wake_at <= %s AND (lease_until IS NULL OR lease_until <= %s) "
			f"{where}ORDER BY wake_at LIMIT {int(limit)}",
			[now, now, *values],
		)
		return [row["name"] for row in rows]

	def _claim(self, names: list[str], lease_seconds: float) -> list[Claim]:
		# Locks exactly these rows by primary key: a locking range read would block inserts beside it.
		rows = self._rows(
			"SELECT name, attempts, admitted, flow_template, template_version, wake_at, lease_until, lease_token "
			f"FROM `tabFlow Run` WHERE name IN ({_places(names)}) ORDER BY name{self.skip_locked}",
			names,
		)
		now = self.now()
		clean, lost = [], []
		for row in rows:
			wake_at, lease_until = self.from_utc(row["wake_at"]), self.from_utc(row["lease_until"])
			if wake_at is None or wake_at > now or (lease_until is not None and lease_until > now):
				continue
			(lost if row["lease_token"] or row["attempts"] else clean).append(row)
		# A run whose worker was lost may be what killed it: it is claimed alone, so that it takes no neighbour
		# down. The longest-due run leads, so neither sort starves.
		order = {name: place for place, name in enumerate(names)}
		chosen = sorted(clean, key=lambda row: order[row["name"]])
		if lost:
			first = min(lost, key=lambda row: order[row["name"]])
			if not chosen or order[first["name"]] < order[chosen[0]["name"]]:
				chosen = [first]
		if not chosen:
			return []
		token = self._token()
		taken = [row["name"] for row in chosen]
		self._change(
			"UPDATE `tabFlow Run` SET attempts = CASE WHEN lease_token IS NULL THEN attempts ELSE attempts + 1 END, "
			f"lease_until = %s, lease_token = %s WHERE name IN ({_places(taken)})",
			[self.utc_text(now + timedelta(seconds=lease_seconds)), token, *taken],
		)
		return [
			Claim(
				row["name"],
				token,
				int(row["attempts"] or 0) + bool(row["lease_token"]),
				bool(row["admitted"]),
				row["flow_template"],
				int(row["template_version"] or 0),
			)
			for row in chosen
		]

	def renew(self, claim: Claim, lease_seconds: float) -> bool:
		def work() -> bool:
			until = self.utc_text(self.now() + timedelta(seconds=lease_seconds))
			return bool(
				self._change(
					"UPDATE `tabFlow Run` SET lease_until = %s WHERE name = %s AND lease_token = %s",
					[until, claim.run, claim.token],
				)
			)

		return self.transact(work)

	def give_back(self, claims: Sequence[Claim]) -> None:
		if not claims:
			return
		names = [claim.run for claim in claims]
		self.transact(
			lambda: self._change(
				"UPDATE `tabFlow Run` SET lease_until = NULL, lease_token = NULL "
				f"WHERE name IN ({_places(names)}) AND lease_token = %s",
				[*names, claims[0].token],
			)
		)

	def guarded(self, record: RunRecord) -> AbstractContextManager[None]:
		return nullcontext()

	# --- one run ------------------------------------------------------------------------------------------------

	def lock(self, run: str, token: str | None = None) -> RunRecord:
		record = self._read(run, self.for_update)
		if token is not None and record.lease_token != token:
			raise LeaseLost(run=run)
		return record

	def read(self, run: str) -> RunRecord:
		return self._read(run, "")

	def _read(self, run: str, suffix: str) -> RunRecord:
		rows = self._rows(f"SELECT {_RUN_COLUMNS} FROM `tabFlow Run` WHERE name = %s{suffix}", [run])
		if not rows:
			raise RunNotFound(f"There is no flow run {run!r}.", run=run)
		row = dict(rows[0])
		for column in ("variables", "trigger_data", "step_state"):
			row[column] = _load(row[column])
		for column in _UTC_COLUMNS:
			row[column] = self.from_utc(row[column])
		for column in _SITE_COLUMNS:
			row[column] = self.from_site(row[column])
		if isinstance(row["trigger_data"], Mapping) and row["trigger_data"].get("at"):
			row["started_at"] = _exact(row["trigger_data"]["at"]) or row["started_at"]
		for column in ("state_seq", "log_seq", "revision", "attempts", "failed_steps", "depth"):
			row[column] = int(row[column] or 0)
		row["admitted"] = bool(row["admitted"])
		row["concurrency"] = row["concurrency"] or "allow"
		return RunRecord(**row)

	def find_runs(self, filters: Mapping[str, Any], limit: int = 50, start: int = 0) -> list[dict[str, Any]]:
		"""Runs whose columns equal the filters, newest first: the columns that lists show, times aware UTC."""
		assert filters.keys() <= _FILTER_COLUMNS
		where = "".join(f" AND `{column}` = %s" for column in filters)
		rows = self._rows(
			f"SELECT {_LIST_COLUMNS} FROM `tabFlow Run` WHERE 1 = 1{where} "
			f"ORDER BY creation DESC, name DESC LIMIT {int(limit)} OFFSET {int(start)}",
			list(filters.values()),
		)
		return [
			{
				**row,
				**{column: self.from_site(row[column]) for column in _SITE_COLUMNS},
				"wake_at": self.from_utc(row["wake_at"]),
				"failed_steps": int(row["failed_steps"] or 0),
			}
			for row in rows
		]

	def write(self, run: str, token: str | None, **columns: Any) -> None:
		if not columns:
			return
		values = dict(columns)
		for column in _UTC_COLUMNS:
			if isinstance(values.get(column), datetime):
				values[column] = self.utc_text(values[column])
		for column in _SITE_COLUMNS:
			if isinstance(values.get(column), datetime):
				values[column] = self.site_text(values[column])
		if "step_state" in values:
			values["step_state"] = _json(values["step_state"])
		if "error_message" in values:
			values["error_message"] = _text_of(values["error_message"])
		values["modified"] = self._stamp()
		where = "name = %s" if token is None else "name = %s AND lease_token = %s"
		changed = self._change(
			f"UPDATE `tabFlow Run` SET {', '.join(f'`{c}` = %s' for c in values)} WHERE {where}",
			[*values.values(), run, *([] if token is None else [token])],
		)
		if not changed and token is not None:
			raise LeaseLost(run=run)

	def lock_flow(self, template: str, version: int) -> None:
		self._rows(
			"SELECT name FROM `tabFlow Template Version` WHERE flow_template = %s AND version = %s"
			f"{self.for_update}",
			[template, version],
		)

	def rivals(self, record: RunRecord) -> list[str]:
		rows = self._rows(
			"SELECT name, admitted, creation FROM `tabFlow Run` WHERE context_doctype = %s AND context_docname = %s "
			"AND flow_template = %s AND status = 'running' ORDER BY creation, name",
			[record.context_doctype, record.context_docname, record.flow_template],
		)
		mine = next((row["creation"] for row in rows if row["name"] == record.name), None)
		return [
			row["name"]
			for row in rows
			if row["name"] != record.name
			and (row["admitted"] or (mine is not None and row["creation"] < mine))
		]

	# --- the log ------------------------------------------------------------------------------------------------

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
			result=inline_result(_load(row["result"])) if row["result"] else None,
			error_code=row["error_code"],
			error_message=row["error_message"],
			key=row["idempotency_key"],
			next_at=self.from_utc(row["next_utc"]) or self.from_site(row["next_at"]),
		)

	def log_result(self, run: str, step_id: str) -> Any:
		rows = self._rows(
			"SELECT result FROM `tabFlow Step Log` WHERE flow_run = %s AND step_id = %s AND result IS NOT NULL "
			"ORDER BY seq DESC LIMIT 1",
			[run, step_id],
		)
		return _load(rows[0]["result"]) if rows else None

	def put_log(self, run: str, rows: Iterable[LogRow]) -> None:
		fresh = []
		for row in rows:
			columns = self._log_columns(row)
			if row.closes:
				sets = ", ".join(f"`{column}` = %s" for column in columns)
				self._change(
					f"UPDATE `tabFlow Step Log` SET {sets} WHERE flow_run = %s AND step_id = %s AND iteration = %s "
					"AND attempt = %s AND state = 'running'",
					[*columns.values(), run, row.step_id, row.iteration, row.attempt],
				)
				continue
			fresh.append(
				{
					"name": f"{run}.{row.seq}",
					"creation": columns["modified"],
					"owner": row.acting_user or self._user(),
					"modified_by": row.acting_user or self._user(),
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
		if fresh:
			self._insert("Flow Step Log", fresh)

	def _log_columns(self, row: LogRow) -> dict[str, Any]:
		return {
			"modified": self._stamp(),
			"state": row.state,
			"seq": row.seq,
			"started": self.site_text(row.started),
			"finished": self.site_text(row.finished),
			"finished_utc": self.utc_text(row.finished),
			"acting_user": row.acting_user,
			"result": None if row.result is None else _json(row.result),
			"error_code": row.error_code,
			"error_message": _text_of(row.error_message),
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
			"UPDATE `tabFlow Step Log` SET late_outcome = %s, modified = %s WHERE flow_run = %s AND step_id = %s "
			"AND iteration = %s AND attempt = %s",
			[_json(outcome), self._stamp(), run, row.step_id, row.iteration, row.attempt],
		)

	# --- pending rows -------------------------------------------------------------------------------------------

	def put_pending(self, run: str, rows: Iterable[PendingRow]) -> None:
		rows = list(rows)
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
				"last_error": _text_of((row.last_error or "")[:500]) or None,
			}
			if row.step_id in open_rows:
				sets = ", ".join(f"`{column}` = %s" for column in columns)
				self._change(
					f"UPDATE `tabFlow Step Pending` SET {sets} WHERE name = %s",
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
					"context_snapshot": None if row.payload is None else _json(row.payload),
					**columns,
				}
			)
		for start in range(0, len(fresh), 200):
			self._insert("Flow Step Pending", fresh[start : start + 200])

	def close_pending(
		self, run: str, closed: Mapping[str, str], errors: Mapping[str, str] | None = None
	) -> None:
		now = self._stamp()
		alike: dict[tuple[str, str | None], list[str]] = {}
		for step_id, status in closed.items():
			error = _text_of(((errors or {}).get(step_id) or "")[:500]) or None
			alike.setdefault((status, error), []).append(step_id)
		for (status, error), step_ids in alike.items():
			for start in range(0, len(step_ids), 200):
				some = step_ids[start : start + 200]
				self._change(
					"UPDATE `tabFlow Step Pending` SET status = %s, executed_at = %s, last_error = %s, modified = %s "
					f"WHERE flow_run = %s AND step_id IN ({_places(some)}) AND status = 'pending'",
					[status, now, error, now, run, *some],
				)

	def touch(self, run: str, rows: Iterable[tuple[str, str, str, str]]) -> None:
		now, user = self._stamp(), self._user()
		self._insert(
			"Flow Run Document",
			[
				{
					"name": self._token()[:16],
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

	# --- the tick -----------------------------------------------------------------------------------------------

	def stray_pending(self, limit: int = 200) -> list[tuple[str, str, datetime]]:
		"""Due pending rows whose run would not wake for them: `(run, step id, due at)`. An operator put them back
		by hand, or somebody wrote to the table."""
		now = self.now()
		rows = self._rows(
			"SELECT p.name, p.flow_run, p.step_id, p.trigger_at FROM `tabFlow Step Pending` p "
			"JOIN `tabFlow Run` r ON r.name = p.flow_run "
			"WHERE p.status = 'pending' AND p.trigger_at <= %s AND r.lease_token IS NULL "
			f"AND (r.wake_at IS NULL OR r.wake_at > %s) ORDER BY p.trigger_at LIMIT {int(limit)}",
			[self.site_text(now), self.utc_text(now)],
		)
		found = []
		for row in rows:
			due_at = self.from_site(row["trigger_at"])
			if due_at is not None:
				found.append((row["flow_run"], row["step_id"], due_at))
		return found

	def count_due(self) -> int:
		now = self.utc_text(self.now())
		rows = self._rows(
			"SELECT COUNT(*) AS n FROM `tabFlow Run` WHERE wake_at <= %s AND (lease_until IS NULL OR lease_until <= %s)",
			[now, now],
		)
		return int(rows[0]["n"])

	def next_wake(self) -> datetime | None:
		"""When something is due next, as far as is known."""
		rows = self._rows("SELECT MIN(wake_at) AS at FROM `tabFlow Run` WHERE wake_at IS NOT NULL")
		return self.from_utc(rows[0]["at"])


def _text(when: datetime) -> str:
	return (
		when.strftime("%Y-%m-%d %H:%M:%S.%f")
		if when.year >= 1000
		else f"{when.year:04d}" + when.strftime("-%m-%d %H:%M:%S.%f")
	)


def _parse(value: Any, zone: Any) -> datetime | None:
	if value is None or value == "":
		return None
	if not isinstance(value, datetime):
		value = datetime.fromisoformat(str(value))
	if value.tzinfo is None:
		value = value.replace(tzinfo=zone)
	return value.astimezone(timezone.utc)


def _exact(text: Any) -> datetime | None:
	"""The start that `insert` kept; None where somebody has put something else there."""
	try:
		return datetime.fromisoformat(text).astimezone(timezone.utc)
	except (TypeError, ValueError, OverflowError):
		return None


def _text_of(value: str | None) -> str | None:
	return value.encode("utf-8", "replace").decode("utf-8") if value else value


def _json(value: Any) -> str:
	"""Half a surrogate pair, which JSON from outside may hold, is no text to a database."""
	return json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "replace").decode("utf-8")


def _load(text: Any) -> Any:
	"""Stored JSON → data; text that is not JSON comes back as it is, for the reader to refuse."""
	if text is None or text == "":
		return {}
	try:
		return json.loads(text)
	except (ValueError, RecursionError):
		return text


def _places(values: Sequence[Any]) -> str:
	return ", ".join(["%s"] * len(values))
