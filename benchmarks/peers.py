"""Other engines on the same work, each in a process of its own: their pins and the app's do not fit.

`PYTHON peers.py ENGINE` says what it can run, `{"cases": [name]}` or `{"absent": why}`, then answers each
line that is a case's name with the seconds of one run, the mean of RUNS, until its input ends. So its samples
can be taken in turns with ours (`comparing.py`).

A run has STEPS steps in a row. With a database effect, a step inserts a row into a SQLite file and commits;
without, it returns at once. What is started is kept before its first step, everywhere. DBOS records its runs
and steps in a file of its own; of SpiffWorkflow, which leaves that to its users, the serialised state is
written to the run's own row at the start and after every step, once with the plain specifications of its core
and once with the process model (BPMN) that it is made for. All files are in write-ahead mode and wait for the
disk at each commit, except for DBOS as it ships.
"""

from __future__ import annotations

import importlib.util
import json
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

STEPS = 5
RUNS = 20


def opened(path: Path, wal: bool = True) -> sqlite3.Connection:
	db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
	db.execute(f"PRAGMA journal_mode = {'WAL' if wal else 'DELETE'}")
	db.execute("PRAGMA synchronous = FULL")
	db.execute("CREATE TABLE IF NOT EXISTS document (id INTEGER PRIMARY KEY, subject TEXT)")
	db.execute("CREATE TABLE IF NOT EXISTS saved (id INTEGER PRIMARY KEY, state TEXT)")
	return db


def dbos_cases(folder: Path, wal: bool = True) -> Iterator[tuple[str, Callable[[], object]]]:
	from dbos import DBOS

	system = folder / "dbos.sqlite3"
	if wal:
		(mode,) = sqlite3.connect(system).execute("PRAGMA journal_mode = WAL").fetchone()
		assert mode == "wal", mode
	DBOS(config={"name": "benchmark", "system_database_url": f"sqlite:///{system}", "log_level": "ERROR"})
	db = opened(folder / "documents.sqlite3", wal)

	@DBOS.step()
	def insert(place: int) -> int:
		db.execute("BEGIN IMMEDIATE")
		row = db.execute("INSERT INTO document (subject) VALUES (?)", [f"Measured {place}"]).lastrowid
		db.execute("COMMIT")
		return row

	@DBOS.step()
	def nothing(place: int) -> int:
		return place

	@DBOS.workflow()
	def inserting() -> int:
		return sum(insert(place) for place in range(STEPS))

	@DBOS.workflow()
	def trivial() -> int:
		return sum(nothing(place) for place in range(STEPS))

	DBOS.launch()
	yield "with a database effect", inserting
	yield "without effect", trivial


def spiff_cases(folder: Path) -> Iterator[tuple[str, Callable[[], object]]]:
	from SpiffWorkflow.serializer.json import JSONSerializer
	from SpiffWorkflow.specs import Simple
	from SpiffWorkflow.specs.WorkflowSpec import WorkflowSpec
	from SpiffWorkflow.util.task import TaskState
	from SpiffWorkflow.workflow import Workflow

	spec = WorkflowSpec("five steps", addstart=True)
	last = spec.start
	for place in range(STEPS):
		step = Simple(spec, f"s{place}")
		last.connect(step)
		last = step

	def begin() -> Workflow:
		return Workflow(spec)

	yield from spiff_saving(folder, begin, lambda w: w.serialize(JSONSerializer()), TaskState.READY)


def bpmn_cases(folder: Path) -> Iterator[tuple[str, Callable[[], object]]]:
	from lxml import etree
	from SpiffWorkflow.bpmn import BpmnWorkflow
	from SpiffWorkflow.bpmn.parser import BpmnParser
	from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer
	from SpiffWorkflow.util.task import TaskState

	names = ["begin", *(f"s{place}" for place in range(STEPS)), "end"]
	tasks = "".join(f'<scriptTask id="{name}"><script>x = 1</script></scriptTask>' for name in names[1:-1])
	flows = "".join(
		f'<sequenceFlow id="f{i}" sourceRef="{a}" targetRef="{b}"/>'
		for i, (a, b) in enumerate(pairwise(names))
	)
	model = (
		'<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"><process id="five" isExecutable='
		f'"true"><startEvent id="begin"/>{tasks}<endEvent id="end"/>{flows}</process></definitions>'
	)
	parser = BpmnParser()
	parser.add_bpmn_xml(etree.fromstring(model))
	spec, serializer = parser.get_spec("five"), BpmnWorkflowSerializer()
	yield from spiff_saving(folder, lambda: BpmnWorkflow(spec), serializer.serialize_json, TaskState.READY)


def spiff_saving(
	folder: Path, begin: Callable[[], Any], serialize: Callable[[Any], str], ready: int
) -> Iterator[tuple[str, Callable[[], object]]]:
	db = opened(folder / "spiff.sqlite3")

	def run(document: bool) -> None:
		workflow = begin()
		row = db.execute("INSERT INTO saved (state) VALUES (?)", [serialize(workflow)]).lastrowid
		done = 0
		while not workflow.is_completed():
			task = workflow.get_next_task(state=ready)
			task.run()
			if not task.task_spec.name.startswith("s"):
				continue
			done += 1
			state = serialize(workflow)
			db.execute("BEGIN IMMEDIATE")
			if document:
				db.execute("INSERT INTO document (subject) VALUES ('Measured')")
			db.execute("UPDATE saved SET state = ? WHERE id = ?", [state, row])
			db.execute("COMMIT")
		assert done == STEPS, done

	yield "with a database effect", lambda: run(True)
	yield "without effect", lambda: run(False)


def dbos_as_it_ships(folder: Path) -> Iterator[tuple[str, Callable[[], object]]]:
	return dbos_cases(folder, wal=False)


ENGINES = {
	"dbos, with WAL": ("dbos", dbos_cases),
	"dbos, as it ships": ("dbos", dbos_as_it_ships),
	"SpiffWorkflow, saved after each step": ("SpiffWorkflow", spiff_cases),
	"SpiffWorkflow with BPMN, saved after each step": ("SpiffWorkflow", bpmn_cases),
}


def main(engine: str) -> None:
	module, cases_of = ENGINES[engine]
	if importlib.util.find_spec(module) is None:
		print(json.dumps({"absent": f"{module} is not installed in {sys.executable}"}), flush=True)
		return
	with tempfile.TemporaryDirectory(prefix="flow-bench-", ignore_cleanup_errors=True) as folder:
		cases = dict(cases_of(Path(folder)))
		print(json.dumps({"cases": list(cases)}), flush=True)
		for line in sys.stdin:
			run, began = cases[line.strip()], perf_counter()
			for _ in range(RUNS):
				run()
			print((perf_counter() - began) / RUNS, flush=True)


if __name__ == "__main__":
	main(sys.argv[1])
