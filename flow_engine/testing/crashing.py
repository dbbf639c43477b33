"""Killing the process at a named crash point, as a power cut would.

`python -m flow_engine.testing.crashing MODULE [ARGUMENT …]` runs a module, a bench worker for example, with
FLOW_ENGINE_CRASH_AT in force: `name` or `name:n` for the n-th time the point is reached, or `@FILE` for a
file that holds such a text, looked for anew each time and removed before the process dies, so that a test can
arm a worker that runs already.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
from collections import Counter
from collections.abc import Callable

from flow_engine.engine.crash_points import CRASH_POINTS, arm

VARIABLE = "FLOW_ENGINE_CRASH_AT"


def die() -> None:
	os.kill(os.getpid(), signal.SIGKILL)


def die_at(name: str, nth: int = 1, end: Callable[[], None] = die) -> None:
	"""From now on, end the process when this point is reached for the n-th time."""
	assert name in CRASH_POINTS, name
	seen: Counter[str] = Counter()

	def reached(point: str) -> None:
		seen[point] += 1
		if point == name and seen[point] == nth:
			end()

	arm(reached)


def die_as_file_says(path: str) -> None:
	"""From now on, end the process where the file says, once."""
	seen: Counter[str] = Counter()

	def reached(point: str) -> None:
		try:
			with open(path) as file:
				name, _, nth = file.read().strip().partition(":")
		except FileNotFoundError:
			seen.clear()
			return
		seen[point] += 1
		if point == name and seen[point] >= int(nth or 1):
			os.rename(path, path + ".reached")
			die()

	arm(reached)


def arm_from_environment() -> None:
	wanted = os.environ.get(VARIABLE, "")
	if wanted.startswith("@"):
		die_as_file_says(wanted[1:])
	elif wanted:
		name, _, nth = wanted.partition(":")
		die_at(name, int(nth or 1))


if __name__ == "__main__":
	arm_from_environment()
	sys.argv = sys.argv[1:]
	runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
