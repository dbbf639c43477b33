"""Other engines on the same work, in an interpreter of their own: their pins and the app's do not fit.

Run by `python -m benchmarks --peers PYTHON`; prints `{"absent": [name], "cases": {name: [seconds]}}`.

Cases, each a run of STEPS steps in a row:
dbos, as it ships: a step inserts a row into a SQLite file and commits, DBOS records it in its own file.
dbos, with WAL: the same, both files in write-ahead mode, which is what the flow engine uses.
SpiffWorkflow, in memory: planning and completing the steps, nothing kept.
SpiffWorkflow, saved after each step: the serialised workflow is written to a SQLite row and committed.
"""

from __future__ import annotations

import importlib.util
import json
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter

STEPS = 5
SETTINGS = {"rounds": 7, "runs": 20}


def opened(path: Path, wal: bool = True) -> sqlite3.Connection:
	db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
	db.execute(f"PRAGMA journal_mode = {'WAL' if wal else 'DELETE'}")
	db.execute("PRAGMA synchronous = FULL")
	db.execute("CREATE TABLE IF NOT EXISTS document (id INTEGER PRIMARY KEY, subject TEXT)")
	db.execute("CREATE TABLE IF NOT EXISTS saved (id INTEGER PRIMARY KEY, state TEXT)")
	return db


def dbos_cases(folder: Path) -> Iterator[tuple[str, Callable[[], object]]]:
	"""One process can host one DBOS, so the second case changes the journal of the same files."""
	from dbos import DBOS

	system = folder / "dbos.sqlite3"
	DBOS(config={"name": "benchmark", "system_database_url": f"sqlite:///{system}", "log_level": "ERROR"})
	db = opened(folder / "documents.sqlite3", wal=False)

	@DBOS.step()
	def insert(place: int) -> int:
		db.execute("BEGIN IMMEDIATE")
		row = db.execute("INSERT INTO document (subject) VALUES (?)", [f"Measured {place}"]).lastrowid
		db.execute("COMMIT")
		return row

	@DBOS.workflow()
	def five_steps() -> int:
		return sum(insert(place) for place in range(STEPS))

	DBOS.launch()
	yield "dbos, as it ships", five_steps
	for connection in (db, sqlite3.connect(system)):
		connection.execute("PRAGMA journal_mode = WAL")
	yield "dbos, with WAL", five_steps
	DBOS.destroy()


def spiff_cases(folder: Path) -> Iterator[tuple[str, Callable[[], object]]]:
	from SpiffWorkflow.serializer.json import JSONSerializer
	from SpiffWorkflow.specs import Simple
	from SpiffWorkflow.specs.WorkflowSpec import WorkflowSpec
	from SpiffWorkflow.util.task import TaskState
	from SpiffWorkflow.workflow import Workflow

	db = opened(folder / "spiff.sqlite3")
	spec = WorkflowSpec("five steps", addstart=True)
	last = spec.start
	for place in range(STEPS):
		step = Simple(spec, f"s{place}")
		last.connect(step)
		last = step

	def run(save: Callable[[object], None]) -> None:
		workflow = Workflow(spec)
		while not workflow.is_completed():
			task = workflow.get_next_task(state=TaskState.READY)
			task.run()
			if task.task_spec.name.startswith("s"):
				save(workflow)

	def write(workflow: object) -> None:
		state = workflow.serialize(JSONSerializer())
		db.execute("BEGIN IMMEDIATE")
		db.execute("INSERT INTO document (subject) VALUES ('Measured')")
		db.execute("INSERT OR REPLACE INTO saved (id, state) VALUES (1, ?)", [state])
		db.execute("COMMIT")

	yield "SpiffWorkflow, in memory", lambda: run(lambda workflow: None)
	yield "SpiffWorkflow, saved after each step", lambda: run(write)


def main() -> None:
	found: dict[str, list[float]] = {}
	absent = []
	for module, cases in (("dbos", dbos_cases), ("SpiffWorkflow", spiff_cases)):
		if importlib.util.find_spec(module) is None:
			absent.append(module)
			continue
		with tempfile.TemporaryDirectory(prefix="flow-bench-", ignore_cleanup_errors=True) as folder:
			for name, run in cases(Path(folder)):
				found[name] = list(samples(run))
	print(json.dumps({"absent": absent, "cases": found}))


def samples(run: Callable[[], object]) -> Iterator[float]:
	for _ in range(SETTINGS["runs"]):
		run()
	for _ in range(SETTINGS["rounds"]):
		began = perf_counter()
		for _ in range(SETTINGS["runs"]):
			run()
		yield (perf_counter() - began) / SETTINGS["runs"]


if __name__ == "__main__":
	SETTINGS.update(json.loads(sys.argv[1]) if len(sys.argv) > 1 else {})
	main()
