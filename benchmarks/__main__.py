"""`python -m benchmarks`: measure everything that can be measured here, print a table, write latest.json."""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks import comparing, erpnext_site, memory, planning, schedules, serving, standalone
from benchmarks.measure import ROUNDS, Measurement

HERE = Path(__file__).resolve().parent
LATEST = HERE / "latest.json"
PEERS_PYTHON = HERE.parent / ".venv-peers" / "bin" / "python"
SECTIONS = ("planning", "standalone", "schedules", "peers", "http", "memory", "erpnext")


def main() -> int:
	parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
	parser.add_argument(
		"sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}; all by default"
	)
	parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"samples per side, at least 5 ({ROUNDS})")
	parser.add_argument(
		"--peers",
		metavar="PYTHON",
		help="an interpreter that has dbos and SpiffWorkflow (.venv-peers, else this one)",
	)
	parser.add_argument(
		"--add", action="store_true", help="keep the last run's lines in latest.json that this run has not"
	)
	options = parser.parse_args()
	wanted = options.sections or list(SECTIONS)
	unknown = sorted(set(wanted) - set(SECTIONS))
	if unknown:
		parser.error(f"there is no section {unknown[0]!r}")
	rounds = max(options.rounds, 5)
	measured: list[Measurement] = []
	print(f"Python {platform.python_version()} on {platform.machine()}, medians of {rounds} samples\n")
	if "planning" in wanted:
		measured += shown(planning.measure(rounds))
	if "standalone" in wanted:
		measured += shown(standalone.measure(rounds))
	if "schedules" in wanted:
		measured += shown(schedules.measure(rounds))
	if "http" in wanted:
		measured += shown(serving.measure(rounds))
	if "memory" in wanted:
		measured += shown(memory.measure(rounds))
	if "peers" in wanted:
		python = options.peers or (str(PEERS_PYTHON) if PEERS_PYTHON.exists() else sys.executable)
		measured += shown(comparing.measure(rounds, python))
	if "erpnext" in wanted:
		measured += shown(erpnext_site.measure(rounds))
	lines = [line.as_dict() for line in measured]
	if options.add and LATEST.exists():
		names = {line["name"] for line in lines}
		lines = [line for line in json.loads(LATEST.read_text()) if line["name"] not in names] + lines
	LATEST.write_text(json.dumps(lines, indent=1, ensure_ascii=False) + "\n")
	missed = [line for line in measured if line.met is False]
	met = sum(line.met is True for line in measured)
	print(f"\n{met} targets met, {len(missed)} missed. Written: {LATEST.name}")
	for line in missed:
		print(f"  missed: {line.name}: {line.ratio:.2f}, wanted {line.target}")
	return 0


def shown(lines: Iterable[Measurement]) -> list[Measurement]:
	"""Print each line as soon as it is measured."""
	kept = []
	for line in lines:
		kept.append(line)
		value = "not measured" if line.value is None else f"{line.value:10.2f} {line.unit}"
		ratio = "" if line.ratio is None else f"{line.ratio:6.2f}"
		met = {True: "met", False: "MISSED", None: ""}[line.met]
		print(
			f"{line.name:84} {value:24} {ratio:>6} {line.target:7} {met:7} {line.versus}".rstrip(), flush=True
		)
	return kept


if __name__ == "__main__":
	sys.exit(main())
