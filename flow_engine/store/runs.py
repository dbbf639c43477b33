"""The run store in SQL that both hosts speak: the protocol's statements stand here once.

A host's store.py subclasses `SqlRuns` and brings the connection, transactions, the clock, names and the few
words in which the databases differ. Table and column names are Frappe's; SQLite accepts the same backticks.
Every statement on the way of a worker goes by primary key or by an index named in the DocTypes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timezone
from typing import Any

from flow_engine.engine.compensation import EVENT as COMPENSATION
from flow_engine.engine.errors import LeaseLost, RunNotFound
from flow_engine.engine.ports import NewRun, RunMark, RunRecord
from flow_engine.store.about_documents import AboutDocuments
from flow_engine.store.audit import SqlAudit
from flow_engine.store.claims import SqlClaims
from flow_engine.store.dialect import assignments, from_json, places, storable, to_json
from flow_engine.store.steps import at_the_end

_UTC_COLUMNS = ("wake_at", "lease_until")
_UTC_WRITTEN = (*_UTC_COLUMNS, "sla_at")
_SITE_COLUMNS = ("started_at", "completed_at")
_RUN_COLUMNS = (
	"name, flow_template, template_version, status, trigger_event, context_doctype, context_docname, "
	"customer, variables, trigger_data, step_state, state_seq, log_seq, revision, attempts, failed_steps, "
	"admitted, "
	"concurrency, run_as, parent_run, root_run, depth, started_at, completed_at, wake_at, lease_until, "
	"lease_token, owner"
)
_LIST_COLUMNS = (
	"name, flow_template, template_version, status, trigger_event, context_doctype, context_docname, "
	"customer, failed_steps, error_code, error_message, parent_run, started_at, completed_at, wake_at, "
	"sla_status"
)
_FILTER_COLUMNS = {
	"status",
	"flow_template",
	"template_version",
	"customer",
	"context_doctype",
	"context_docname",
	"sla_status",
}

# What every run begins with.
NEW_RUN = {
	"docstatus": 0,
	"idx": 0,
	"status": "running",
	"step_state": "{}",
	"state_seq": 0,
	"log_seq": 0,
	"revision": 0,
	"attempts": 0,
	"failed_steps": 0,
}

_UNGUARDED = nullcontext()


class SqlRuns(SqlClaims, AboutDocuments, SqlAudit):
	"""`ports.Runs` in SQL."""

	# --- starting -------------------------------------------------------------------------------------------

	def insert(self, new: NewRun) -> str:
		now, name = self.now(), self._name("Flow Run")
		site_now = self.site_text(now)
		columns = {
			**NEW_RUN,
			**self._new_columns(new),
			"name": name,
			"creation": site_now,
			"modified": site_now,
			"started_at": site_now,
			# The exact start, beside the site-time column that people read (which repeats an hour each
			# autumn).
			"trigger_data": to_json({**new.trigger_data, "at": now.isoformat()}),
			"root_run": new.root_run or name,
			"wake_at": self.utc_text(now),
		}
		self._insert("Flow Run", [columns])
		return name

	def _new_columns(self, new: NewRun) -> dict[str, Any]:
		"""What distinguishes a new run's row from another's, its name and its times left out."""
		user = self._user()
		return {
			"owner": user,
			"modified_by": user,
			"flow_template": new.flow_template,
			"template_version": new.template_version,
			"trigger_event": new.trigger_event,
			"context_doctype": new.context_doctype,
			"context_docname": new.context_docname,
			"customer": new.customer,
			"variables": to_json(new.variables),
			"admitted": int(new.concurrency == "allow"),
			"concurrency": new.concurrency,
			"trigger_key": new.trigger_key or None,
			"run_as": new.run_as,
			"parent_run": new.parent_run,
			"root_run": new.root_run,
			"depth": new.depth,
		}

	def guarded(self, record: RunRecord) -> AbstractContextManager[None]:
		return _UNGUARDED

	# --- one run --------------------------------------------------------------------------------------------

	def lock(self, run: str, token: str | None = None) -> RunRecord:
		record = self._read(run, self.for_update)
		if token is not None and record.lease_token != token:
			raise LeaseLost(run=run)
		return record

	def lock_free(self, runs: Sequence[str]) -> list[RunRecord]:
		rows = self._rows(
			f"SELECT {_RUN_COLUMNS} FROM `tabFlow Run` WHERE name IN ({places(runs)}) ORDER BY name"
			f"{self.skip_locked}",
			runs,
		)
		return [self._record(row) for row in rows]

	def relock(self, run: str, token: str) -> RunMark:
		rows = self._rows(
			"SELECT status, revision, log_seq, lease_token FROM `tabFlow Run` WHERE name = "
			f"%s{self.for_update}",
			[run],
		)
		if not rows:
			raise RunNotFound(f"There is no flow run {run!r}.", run=run)
		row = rows[0]
		if row["lease_token"] != token:
			raise LeaseLost(run=run)
		return RunMark(row["status"], int(row["revision"] or 0), int(row["log_seq"] or 0))

	def read(self, run: str) -> RunRecord:
		return self._read(run, "")

	def _read(self, run: str, suffix: str) -> RunRecord:
		rows = self._rows(f"SELECT {_RUN_COLUMNS} FROM `tabFlow Run` WHERE name = %s{suffix}", [run])
		if not rows:
			raise RunNotFound(f"There is no flow run {run!r}.", run=run)
		return self._record(rows[0])

	def _record(self, found: Mapping[str, Any]) -> RunRecord:
		row = dict(found)
		for column in ("variables", "trigger_data", "step_state"):
			row[column] = from_json(row[column])
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

	def find_runs(
		self, filters: Mapping[str, Any], limit: int = 50, start: int = 0, key: str | None = None
	) -> list[dict[str, Any]]:
		"""Runs whose columns equal the filters, newest first: the columns that lists show, times aware
		UTC. `key`: their trigger key, or the beginning of it up to a colon."""
		assert filters.keys() <= _FILTER_COLUMNS
		where = "".join(f" AND `{column}` = %s" for column in filters)
		values = list(filters.values())
		if key is not None:
			# A range, along the index on the key; the semicolon is what comes after the colon.
			where += " AND (trigger_key = %s OR (trigger_key >= %s AND trigger_key < %s))"
			values += [key, f"{key}:", f"{key};"]
		rows = self._rows(
			f"SELECT {_LIST_COLUMNS} FROM `tabFlow Run` WHERE 1 = 1{where} "
			f"ORDER BY creation DESC, name DESC LIMIT {int(limit)} OFFSET {int(start)}",
			values,
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

	@at_the_end
	def write(self, run: str, token: str | None, **columns: Any) -> None:
		if not columns:
			return
		values = dict(columns)
		for column, value in columns.items():
			if isinstance(value, datetime):
				values[column] = self.utc_text(value) if column in _UTC_WRITTEN else self.site_text(value)
		if "step_state" in values:
			values["step_state"] = to_json(values["step_state"])
		if "error_message" in values:
			values["error_message"] = storable(values["error_message"])
		values["modified"] = self._stamp()
		where = "name = %s" if token is None else "name = %s AND lease_token = %s"
		changed = self._change(
			f"UPDATE `tabFlow Run` SET {assignments(tuple(values))} WHERE {where}",
			[*values.values(), run, *([] if token is None else [token])],
		)
		if not changed and token is not None:
			raise LeaseLost(run=run)

	def started_by(self, trigger_key: str) -> str | None:
		rows = self._rows("SELECT name FROM `tabFlow Run` WHERE trigger_key = %s", [trigger_key])
		return rows[0]["name"] if rows else None

	def lock_flow(self, template: str, version: int) -> None:
		self._rows(
			"SELECT name FROM `tabFlow Template Version` WHERE flow_template = %s AND version = %s"
			f"{self.for_update}",
			[template, version],
		)

	def rivals(self, record: RunRecord) -> list[str]:
		rows = self._rows(
			"SELECT name, admitted, creation FROM `tabFlow Run` WHERE context_doctype = %s "
			"AND context_docname = %s AND flow_template = %s AND status = 'running' "
			"AND trigger_event <> %s ORDER BY creation, name",
			[record.context_doctype, record.context_docname, record.flow_template, COMPENSATION],
		)
		mine = next((row["creation"] for row in rows if row["name"] == record.name), None)
		return [
			row["name"]
			for row in rows
			if row["name"] != record.name
			and (row["admitted"] or (mine is not None and row["creation"] < mine))
		]


def _exact(text: Any) -> datetime | None:
	"""The start that `insert` kept; None where somebody has put something else there."""
	try:
		return datetime.fromisoformat(text).astimezone(timezone.utc)
	except (TypeError, ValueError, OverflowError):
		return None
