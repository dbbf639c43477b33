"""`python -m benchmarks`: measure everything that can be measured here, print a table, write latest.json."""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks import erpnext_site, planning, standalone
from benchmarks.measure import ROUNDS, Measurement, median

HERE = Path(__file__).resolve().parent
LATEST = HERE / "latest.json"
PEERS_PYTHON = HERE.parent / ".venv-peers" / "bin" / "python"
SECTIONS = ("planning", "standalone", "peers", "erpnext")


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
	if "peers" in wanted:
		measured += shown(beside_peers(measured, rounds, options.peers))
	if "erpnext" in wanted:
		measured += shown(erpnext_site.measure(rounds))
	LATEST.write_text(json.dumps([line.as_dict() for line in measured], indent=1, ensure_ascii=False) + "\n")
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
			f"{line.name:66} {value:24} {ratio:>6} {line.target:7} {met:7} {line.versus}".rstrip(), flush=True
		)
	return kept


def beside_peers(measured: list[Measurement], rounds: int, python: str | None) -> Iterator[Measurement]:
	"""Runs of five steps in other engines, and ours over theirs (below 1: ours is faster)."""
	interpreter = python or (str(PEERS_PYTHON) if PEERS_PYTHON.exists() else sys.executable)
	finished = subprocess.run(
		[interpreter, str(HERE / "peers.py"), json.dumps({"rounds": rounds})], capture_output=True, text=True
	)
	if finished.returncode:
		reason = (finished.stderr.strip().splitlines() or ["no reason given"])[-1]
		yield Measurement("peers", None, "", f"they could not be run: {reason}")
		return
	answer = json.loads(finished.stdout.strip().splitlines()[-1])
	for name in answer["absent"]:
		yield Measurement(f"peer: {name}", None, "", f"not installed in {interpreter} (benchmarks/peers.txt)")
	ours = {
		line.name: line.value for line in measured if line.unit == "ms per run" and line.ratio is not None
	}
	durable = ours.get("standalone: 5 steps with a database effect")
	for name, samples in answer["cases"].items():
		theirs = median(samples) * 1e3
		comparable = durable is not None and "in memory" not in name
		yield Measurement(
			f"peer: 5 steps in {name}",
			theirs,
			"ms per run",
			"ours with a database effect / theirs" if comparable else "",
			durable / theirs if comparable else None,
		)


if __name__ == "__main__":
	sys.exit(main())
