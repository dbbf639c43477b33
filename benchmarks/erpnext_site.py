"""What the app costs a save on a real ERPNext site, when there is a bench on this machine."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.measure import Measurement, median

HERE = Path(__file__).resolve().parent
TARGET = "< 1.02"


def measure(rounds: int) -> Iterator[Measurement]:
	bench = Path(os.environ.get("FRAPPE_BENCH") or Path.home() / "frappe-bench").expanduser()
	python = bench / "env" / "bin" / "python"
	if not python.exists() or not (bench / "sites").is_dir():
		yield Measurement("erpnext", None, "", f"there is no bench at {bench} (FRAPPE_BENCH names one)")
		return
	finished = subprocess.run(
		[str(python), str(HERE / "erpnext_save.py"), json.dumps({"rounds": rounds, "site": site_of(bench)})],
		cwd=bench / "sites",
		capture_output=True,
		text=True,
	)
	if finished.returncode:
		reason = (finished.stderr.strip().splitlines() or ["no reason given"])[-1]
		yield Measurement("erpnext", None, "", f"the site could not be measured: {reason}")
		return
	yield from lines(json.loads(finished.stdout.strip().splitlines()[-1]))


def site_of(bench: Path) -> str:
	config = json.loads((bench / "sites" / "common_site_config.json").read_text())
	current = bench / "sites" / "currentsite.txt"
	return (
		os.environ.get("FRAPPE_SITE")
		or config.get("default_site")
		or (current.read_text().strip() if current.exists() else "")
	)


def lines(found: dict[str, Any]) -> Iterator[Measurement]:
	for name, case in found["saves"].items():
		yield Measurement(
			f"erpnext: {name}",
			median(case["with"]) * 1e3,
			"ms per save",
			"the same save without the app's hooks",
			median(case["ratios"]),
			TARGET,
		)
		yield Measurement(
			f"erpnext: {name}, SQL queries",
			case["queries_with"],
			"per save",
			f"{case['queries_without']:g} without the app's hooks",
			case["queries_with"] / case["queries_without"],
			"== 1",
		)
	started = found["start"]
	yield Measurement(
		"erpnext: what starting a run adds to the save",
		median(started["added"]) * 1e3,
		"ms",
		f"the same save when no flow listens; {started['queries']:g} SQL queries more",
		median(started["ratios"]),
	)
