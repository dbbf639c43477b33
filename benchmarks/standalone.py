"""Runs on the SQLite host beside their floor: the same rows written by hand, as few commits, no engine.

The floor of a step with a database effect is one commit: the document and its name, the log row, the run's
connection to the document, the run's own columns. Starting the run is one more commit on both sides. What the
engine does beyond that (find and claim the run, lock and check it, plan, render, look what else is due) is
what is measured.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.measure import Measurement, in_turns, median, paired, seconds
from flow_engine.engine.draining import drain, start_run
from flow_engine.engine.ports import NewRun
from flow_engine.sqlite_host.host import StandaloneHost, open_host
from flow_engine.sqlite_host.store import LOG_PAGES
from flow_engine.sqlite_host.templates import store_definition

STEPS = 5
RUNS_PER_SAMPLE = 30
EFFECT_TARGET = ">= 0.6"


def flow(kind: str, payload: dict[str, Any]) -> dict[str, Any]:
	"""STEPS steps in a row, started by hand."""
	steps = [
		{
			"id": f"s{i}",
			"kind": kind,
			"label": f"Step {i}",
			"parent_id": None,
			"branch": None,
			"depends_on": [f"s{i - 1}"] if i else [],
			"trigger": {"type": "on_prev_complete"},
			"payload": payload,
		}
		for i in range(STEPS)
	]
	return {"version": 1, "trigger": {"event": "manual", "condition": ""}, "variables": {}, "steps": steps}


class Engine:
	"""The flow engine on a database file, one flow published."""

	def __init__(self, path: Path, kind: str, payload: dict[str, Any]):
		self.host: StandaloneHost = open_host(str(path))
		self.trigger = store_definition(self.host.templates, flow(kind, payload))

	def run(self) -> None:
		"""One run from its start to its end."""
		host, trigger = self.host, self.trigger
		new = NewRun(trigger.template, trigger.version, "manual", run_as=trigger.run_as)
		name = host.runs.transact(lambda: start_run(host, new))
		*_, ended = drain(host, 60, only=name)
		assert ended.status == "completed", ended


class ByHand:
	"""The rows that the engine writes for such a run, taken from a real one, written with plain sqlite3."""

	def __init__(self, path: Path, engine: Engine, with_documents: bool):
		engine.run()
		source = engine.host.database
		run = source.rows("SELECT * FROM `tabFlow Run` ORDER BY creation DESC, name DESC LIMIT 1")[0]
		self.run_row = run
		# As a start leaves it: running, and due.
		self.started = {
			**run,
			"status": "running",
			"step_state": "{}",
			"state_seq": 0,
			"log_seq": 0,
			"completed_at": None,
			"wake_at": run["creation"],
		}
		self.log_rows = source.rows(
			"SELECT * FROM `tabFlow Step Log` WHERE flow_run = %s ORDER BY seq", [run["name"]]
		)
		self.touched = source.rows(
			"SELECT * FROM `tabFlow Run Document` WHERE parent = %s ORDER BY rowid", [run["name"]]
		)
		self.documents = (
			source.rows("SELECT * FROM document ORDER BY ordinal DESC LIMIT %s", [STEPS])
			if with_documents
			else []
		)
		# That it began and that it ended, in the commits in which it does.
		self.audited = source.rows(
			"SELECT * FROM `tabFlow Audit Event` WHERE flow_run = %s ORDER BY name", [run["name"]]
		)
		assert [row["event_type"] for row in self.audited] == ["run.started", "run.completed"]
		assert len(self.log_rows) == STEPS and len(self.documents) == (STEPS if with_documents else 0)
		# The same tables and indexes, in a file of its own with the same guarantees.
		open_host(str(path)).database.close()
		self.db = sqlite3.connect(path, isolation_level=None)
		self.db.execute("PRAGMA journal_mode = WAL")
		self.db.execute("PRAGMA synchronous = FULL")
		self.db.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")

	def run(self) -> None:
		with _commit(self.db):
			name = f"FR-{self._next('Flow Run'):07d}"
			self._insert("`tabFlow Run`", {**self.started, "name": name})
		per_step = bool(self.documents)
		if per_step:
			for place in range(STEPS):
				with _commit(self.db):
					self._step(name, place)
					self._progress(name, place, last=place == STEPS - 1)
		else:
			with _commit(self.db):
				for place in range(STEPS):
					self._step(name, place)
				self._progress(name, STEPS - 1, last=True)

	def _step(self, run: str, place: int) -> None:
		if self.documents:
			ordinal = self._next("document Issue")
			self._insert(
				"document", {**self.documents[place], "name": f"I-{ordinal:07d}", "ordinal": ordinal}
			)
			self._insert(
				"`tabFlow Run Document`", {**self.touched[place], "name": f"{run}.{place}", "parent": run}
			)
		self._insert(
			"`tabFlow Step Log`", {**self.log_rows[place], "name": f"{run}.{place + 1}", "flow_run": run}
		)

	def _progress(self, run: str, place: int, last: bool) -> None:
		began, ended = self.audited
		# Without an effect there is one commit, which has both.
		for row in [began] * (place == 0 or not self.documents) + [ended] * last:
			name = f"{run}.{row['event_type']}"
			self._insert("`tabFlow Audit Event`", {**row, "name": name, "flow_run": run})
		columns = {
			"log_seq": place + 1,
			"failed_steps": 0,
			"attempts": 0,
			"modified": self.run_row["modified"],
		}
		if last:
			columns.update(
				step_state=self.run_row["step_state"],
				status="completed",
				state_seq=place + 1,
				completed_at=self.run_row["completed_at"],
				wake_at=None,
			)
		sets = ", ".join(f"`{column}` = ?" for column in columns)
		self.db.execute(f"UPDATE `tabFlow Run` SET {sets} WHERE name = ?", [*columns.values(), run])

	def _next(self, series: str) -> int:
		found = self.db.execute(
			"UPDATE series SET value = value + 1 WHERE name = ? RETURNING value", [series]
		)
		for row in found.fetchall():
			return row[0]
		self.db.execute("INSERT INTO series (name, value) VALUES (?, 1)", [series])
		return 1

	def _insert(self, table: str, row: dict[str, Any]) -> None:
		columns = ", ".join(f"`{column}`" for column in row)
		self.db.execute(
			f"INSERT INTO {table} ({columns}) VALUES ({', '.join('?' * len(row))})", list(row.values())
		)


class _commit:
	def __init__(self, db: sqlite3.Connection):
		self.db = db

	def __enter__(self) -> None:
		self.db.execute("BEGIN IMMEDIATE")

	def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
		self.db.execute("ROLLBACK" if kind else "COMMIT")


CASES = (
	("5 steps with a database effect", "issue", {"subject": "Measured"}, True, EFFECT_TARGET),
	("5 steps without effect", "wait", {}, False, ""),
)


def measure(rounds: int) -> Iterator[Measurement]:
	for name, kind, payload, with_documents, target in CASES:
		with tempfile.TemporaryDirectory(prefix="flow-bench-") as folder:
			engine = Engine(Path(folder) / "engine.sqlite3", kind, payload)
			floor = ByHand(Path(folder) / "floor.sqlite3", engine, with_documents)
			samples = in_turns({"engine": sampler(engine.run), "floor": sampler(floor.run)}, rounds)
			assert json.loads(floor.run_row["step_state"])
		commits = "a commit each" if with_documents else "one commit for all"
		yield Measurement(
			f"standalone: {name}, the same rows by hand", median(samples["floor"]) * 1e3, "ms per run"
		)
		yield Measurement(
			f"standalone: {name}",
			median(samples["engine"]) * 1e3,
			"ms per run",
			f"the same rows by hand, {commits} (floor / engine)",
			paired(samples["floor"], samples["engine"]),
			target,
		)


def sampler(run: Callable[[], None], times: int = RUNS_PER_SAMPLE) -> Callable[[], float]:
	def sample() -> float:
		return seconds(lambda: [run() for _ in range(times)]) / times

	return sample
