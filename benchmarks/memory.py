"""What a run of 2,000 steps costs a worker in memory: its process at its largest, less what it was before.

Every step has a result of just under a kilobyte, the largest that the run's snapshot keeps: the worst case,
because a larger one is only in the log. Each sample is a process of its own; `python -m benchmarks.memory`
is that process. Linux counts the largest size in kilobytes.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.measure import Measurement, median
from flow_engine.engine.draining import drain, start_run
from flow_engine.engine.kinds import register
from flow_engine.engine.outcomes import Done
from flow_engine.engine.ports import NewRun
from flow_engine.engine.state import INLINE_RESULT_BYTES
from flow_engine.sqlite_host.host import StandaloneHost, open_host
from flow_engine.sqlite_host.templates import store_definition

STEPS = 2_000
MOST_MEGABYTES = 60.0
RESULT = {"text": "x" * (INLINE_RESULT_BYTES - 100)}


def chain(steps: int) -> dict:
	"""Each step after the one before, each with RESULT."""
	listed = [
		{"id": f"s{i}", "kind": "noted", "payload": {}, "depends_on": [f"s{i - 1}"] if i else []}
		for i in range(steps)
	]
	return {"version": 1, "trigger": {"event": "manual"}, "variables": {}, "steps": listed}


def run(host: StandaloneHost, steps: int) -> str:
	trigger = store_definition(host.templates, chain(steps), f"{steps} steps")
	new = NewRun(trigger.template, trigger.version, "manual", run_as=trigger.run_as)
	name = host.runs.transact(lambda: start_run(host, new))
	executed = sum(len(advanced.executed) for advanced in drain(host, 600, only=name))
	assert executed == steps, executed
	return name


def largest_size() -> float:
	"""Megabytes that this process has had at most."""
	return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
	kinds = register()
	noted = replace(kinds["wait"], name="noted", handle=lambda ctx: Done(dict(RESULT)))
	with tempfile.TemporaryDirectory(prefix="flow-bench-") as folder:
		host = open_host(str(Path(folder) / "flows.sqlite3"), kinds={**kinds, "noted": noted})
		run(host, 2)
		before = largest_size()
		name = run(host, STEPS)
		after = largest_size()
		(row,) = host.database.rows(
			"SELECT length(CAST(step_state AS BLOB)) AS bytes FROM `tabFlow Run` WHERE name = %s", [name]
		)
	print(json.dumps({"megabytes": after - before, "bytes_per_step": row["bytes"] / STEPS}))


def measure(rounds: int) -> Iterator[Measurement]:
	samples = []
	for _ in range(rounds):
		command = [sys.executable, "-m", "benchmarks.memory"]
		finished = subprocess.run(command, capture_output=True, text=True, check=True)
		samples.append(json.loads(finished.stdout))
	grown = median([sample["megabytes"] for sample in samples])
	yield Measurement(
		f"memory: a run of {STEPS:,} steps, standalone worker",
		grown,
		"MB more",
		f"{MOST_MEGABYTES:.0f} MB",
		grown / MOST_MEGABYTES,
		"<= 1",
	)
	yield Measurement(
		"memory: step_state, every result as large as it keeps",
		median([sample["bytes_per_step"] for sample in samples]),
		"bytes/step",
	)


if __name__ == "__main__":
	main()
