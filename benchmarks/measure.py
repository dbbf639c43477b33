"""Timing that two sides of a comparison share: in turns, so that what else the machine does meets both."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any

ROUNDS = 9


@dataclass(frozen=True, slots=True)
class Measurement:
	"""One line of the table. `ratio` is what `target` (like `<= 1.3`) is about; without one nothing is met or
	missed."""

	name: str
	value: float | None
	unit: str
	versus: str = ""
	ratio: float | None = None
	target: str = ""

	@property
	def met(self) -> bool | None:
		if not self.target or self.ratio is None:
			return None
		sign, limit = self.target.split()
		compare = {"<=": float.__le__, "<": float.__lt__, ">=": float.__ge__, "==": float.__eq__}[sign]
		return compare(float(self.ratio), float(limit))

	def as_dict(self) -> dict[str, Any]:
		return {**asdict(self), "met": self.met}


def in_turns(sides: Mapping[str, Callable[[], float]], rounds: int = ROUNDS) -> dict[str, list[float]]:
	"""Call each side once to warm it up, then all of them in every round, each round beginning with another.
	What a side returns is its sample."""
	for side in sides.values():
		side()
	samples: dict[str, list[float]] = {name: [] for name in sides}
	names = list(sides)
	for number in range(rounds):
		first = number % len(names)
		for name in names[first:] + names[:first]:
			samples[name].append(sides[name]())
	return samples


def seconds(work: Callable[[], Any], clock: Callable[[], float] = perf_counter) -> float:
	"""How long `work` takes, garbage collection kept out of it. `clock`: `process_time` for what waits for
	nothing, so that others who want the processor are kept out as well."""
	gc.collect()
	gc.disable()
	try:
		began = clock()
		work()
		return clock() - began
	finally:
		gc.enable()


def median(samples: list[float]) -> float:
	return statistics.median(samples)


def paired(these: list[float], those: list[float]) -> float:
	"""The median of the ratios of samples taken beside one another."""
	return statistics.median(a / b for a, b in zip(these, those, strict=True))
