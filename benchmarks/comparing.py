"""Runs of five steps here and in other engines, in turns: what a run costs, and how many times ours."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from benchmarks import peers
from benchmarks.measure import Measurement, in_turns, median, paired
from benchmarks.standalone import Engine, sampler

# (peer, case) → how many times ours it has to take.
TARGETS = {
	("dbos, with WAL", "with a database effect"): ">= 3",
	("dbos, with WAL", "without effect"): ">= 4",
	("SpiffWorkflow, saved after each step", "without effect"): ">= 2",
	("SpiffWorkflow with BPMN, saved after each step", "without effect"): ">= 2",
}
OURS = {"with a database effect": ("issue", {"subject": "Measured"}), "without effect": ("wait", {})}


class Peer:
	"""One of `peers.ENGINES` in a process of its own. `cases` is empty where it cannot be run, `absent` says
	why."""

	def __init__(self, engine: str, python: str):
		self.process = subprocess.Popen(
			[python, str(Path(peers.__file__)), engine],
			stdin=subprocess.PIPE,
			stdout=subprocess.PIPE,
			stderr=subprocess.PIPE,
			text=True,
		)
		said = self._line()
		try:
			answer = json.loads(said)
		except ValueError:
			answer = {"absent": f"it could not be run: {self._reason()}"}
		self.cases: list[str] = answer.get("cases", [])
		self.absent: str = answer.get("absent", "")

	def __enter__(self) -> Peer:
		return self

	def __exit__(self, *error: object) -> None:
		# Its threads and files are of no further use.
		self.process.kill()
		self.process.communicate()

	def sample(self, case: str) -> Callable[[], float]:
		def sample() -> float:
			assert self.process.stdin is not None
			self.process.stdin.write(case + "\n")
			self.process.stdin.flush()
			return float(self._line() or f"stopped: {self._reason()}")

		return sample

	def _line(self) -> str:
		"""What it answers next; an engine may print other things."""
		assert self.process.stdout is not None
		for line in self.process.stdout:
			if line[:1] == "{" or line[:1].isdigit():
				return line
		return ""

	def _reason(self) -> str:
		assert self.process.stderr is not None
		return (self.process.stderr.read().strip().splitlines() or ["no reason given"])[-1]


def measure(rounds: int, python: str) -> Iterator[Measurement]:
	with ExitStack() as stack:
		folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="flow-bench-")))
		sides: dict[str | tuple[str, str], Callable[[], float]] = {}
		for case, (kind, payload) in OURS.items():
			sides[case] = sampler(Engine(folder / f"{kind}.sqlite3", kind, payload).run, peers.RUNS)
		for engine in peers.ENGINES:
			peer = stack.enter_context(Peer(engine, python))
			if peer.absent:
				yield Measurement(f"peer: {engine}", None, "", f"{peer.absent} (benchmarks/peers.txt)")
			sides.update({(engine, case): peer.sample(case) for case in peer.cases})
		if len(sides) == len(OURS):
			return
		samples = in_turns(sides, rounds)
	for engine, case in (side for side in sides if isinstance(side, tuple)):
		theirs, ours = samples[engine, case], samples[case]
		yield Measurement(
			f"peer: 5 steps {case}, {engine}",
			median(theirs) * 1e3,
			"ms per run",
			f"ours at {median(ours) * 1e3:.2f} ms (theirs / ours)",
			paired(theirs, ours),
			TARGETS.get((engine, case), ""),
		)
