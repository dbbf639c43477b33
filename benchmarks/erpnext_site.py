"""What the app costs a real ERPNext site and what it gives, when there is a bench on this machine.

Each part is a script of its own, run by the bench's own Python. A part that cannot be measured says why and
leaves the others their turn.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks import erpnext_workers
from benchmarks.measure import Measurement, median, paired

HERE = Path(__file__).resolve().parent
UNWATCHED = "<= 1.01"
START_MS, START_SHARE = 0.6, 0.3
ISSUE_STEP = "<= 1.35"
MEMORY_MB = 60
HISTORY_RUNS = int(os.environ.get("BENCH_HISTORY_RUNS") or 1_000_000)
HISTORY = "<= 1.5"
# Of what takes less than this, the ratio says nothing but how busy the machine was.
SHORT_MS = 5


def measure(rounds: int) -> Iterator[Measurement]:
	bench = Path(os.environ.get("FRAPPE_BENCH") or Path.home() / "frappe-bench").expanduser()
	python = bench / "env" / "bin" / "python"
	if not python.exists() or not (bench / "sites").is_dir():
		yield Measurement("erpnext", None, "", f"there is no bench at {bench} (FRAPPE_BENCH names one)")
		return
	site = site_of(bench)

	def script(name: str, **more: Any) -> dict[str, Any]:
		done = subprocess.run(
			[str(python), str(HERE / name), json.dumps({"rounds": rounds, "site": site, **more})],
			cwd=bench / "sites",
			env={**os.environ, "PYTHONPATH": str(HERE.parent)},
			capture_output=True,
			text=True,
		)
		if done.returncode:
			raise RuntimeError((done.stderr.strip().splitlines() or ["no reason given"])[-1])
		return json.loads(done.stdout.strip().splitlines()[-1])

	parts: tuple[tuple[str, Callable[[], Iterator[Measurement]]], ...] = (
		("saves", lambda: saves(script("erpnext_save.py"))),
		("steps", lambda: steps(script("erpnext_steps.py"))),
		("workers", lambda: erpnext_workers.measure(bench, site, rounds)),
		("history", lambda: history(script("erpnext_history.py", runs=HISTORY_RUNS))),
	)
	for name, part in parts:
		try:
			yield from part()
		except Exception as error:
			yield Measurement(f"erpnext: {name}", None, "", f"could not be measured: {error}")


def site_of(bench: Path) -> str:
	config = json.loads((bench / "sites" / "common_site_config.json").read_text())
	current = bench / "sites" / "currentsite.txt"
	return (
		os.environ.get("FRAPPE_SITE")
		or config.get("default_site")
		or (current.read_text().strip() if current.exists() else "")
	)


def saves(found: dict[str, Any]) -> Iterator[Measurement]:
	for name, case in found["saves"].items():
		yield Measurement(
			f"erpnext: {name}",
			median(case["with"]) * 1e3,
			"ms per save",
			"the same save without the app's hooks",
			median(case["ratios"]),
			UNWATCHED,
		)
		yield Measurement(
			f"erpnext: {name}, SQL queries",
			case["queries_with"],
			"per save",
			f"{case['queries_without']:g} without the app's hooks",
			case["queries_with"] / case["queries_without"],
			"== 1",
		)
		yield Measurement(
			f"erpnext: {name}, cache round trips",
			case["cache"],
			"more",
			"the same save without the app's hooks",
			case["cache"],
			"<= 1",
		)
	started = found["start"]
	added, insert = median(started["added"]) * 1e3, median(started["inserts"]) * 1e3
	limits = [max(START_MS / 1e3, START_SHARE * one) for one in started["inserts"]]
	yield Measurement(
		"erpnext: what starting a run adds to the save",
		added,
		"ms",
		f"{START_MS} ms or {START_SHARE} × a ToDo insert ({insert:.2f} ms), whichever is larger; "
		f"{started['queries']:g} SQL queries more",
		paired(started["added"], limits),
		"<= 1",
	)


def steps(found: dict[str, Any]) -> Iterator[Measurement]:
	issues = found["issues"]
	yield Measurement(
		"erpnext: a step that inserts an Issue",
		median(issues["step"]) * 1e3,
		"ms per step",
		"the same Issue inserted by hand, one commit each",
		paired(issues["step"], issues["hand"]),
		ISSUE_STEP,
	)
	yield Measurement(
		"erpnext: memory of a run of 2,000 steps",
		found["memory"],
		"MB more",
		f"{MEMORY_MB} MB above a worker that has done a small run",
		found["memory"] / MEMORY_MB,
		"<= 1",
	)


def history(found: dict[str, Any]) -> Iterator[Measurement]:
	for name, samples in found["many"].items():
		few, many = median(found["few"][name]) * 1e3, median(samples) * 1e3
		yield Measurement(
			f"erpnext: {name}, after {HISTORY_RUNS:,} runs and {5 * HISTORY_RUNS:,} log rows",
			many,
			"ms",
			f"without them ({few:.2f} ms; below {SHORT_MS} ms counts as {SHORT_MS})",
			max(many, SHORT_MS) / max(few, SHORT_MS),
			HISTORY,
		)
