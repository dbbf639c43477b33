"""What a tick costs with many schedules: one that finds nothing due, and one that fires some of them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from time import process_time

from benchmarks.measure import Measurement, in_turns, median, paired, seconds
from flow_engine.clock import VirtualClock
from flow_engine.service.schedule_firing import fire_due
from flow_engine.sqlite_host.host import StandaloneHost, open_host

MANY, DUE = 10_000, 100
TICKS = 1_000
START = datetime(2026, 1, 1, tzinfo=timezone.utc)
TARGET = "<= 1.5"


class Ticking:
	"""A file with so many schedules, none of them due for a year; `due` of them fire every hour."""

	def __init__(self, path: Path, many: int, due: int = 0):
		self.clock = VirtualClock(START)
		self.host: StandaloneHost = open_host(str(path), clock=self.clock)
		definition = {"version": 1, "trigger": {"event": "manual"}, "steps": [{"id": "s", "kind": "wait"}]}
		values = {"template_name": "Ticked", "flow_definition": json.dumps(definition), "is_active": 1}
		self.flow = self.host.templates.insert(values)["name"]
		self.host.runs.transact(lambda: [self._make("0 0 31 12 *") for _ in range(many)])
		self.host.runs.transact(lambda: [self._make("0 * * * *") for _ in range(due)])

	def _make(self, cron: str) -> None:
		values = {"schedule_name": "S", "flow_template": self.flow, "cron": cron}
		self.host.schedules.records.insert(values)

	def look(self) -> float:
		"""Seconds of a tick that finds nothing; it waits for nothing, so of processor time."""
		return seconds(lambda: [fire_due(self.host, 60) for _ in range(TICKS)], process_time) / TICKS

	def fire(self) -> float:
		"""Seconds of a tick an hour later."""
		self.clock.move_to(self.clock.now() + timedelta(hours=1))
		made: list[dict[str, int]] = []
		took = seconds(lambda: made.append(fire_due(self.host, 600)))
		assert made[0]["fired"] == DUE, made
		return took


def measure(rounds: int) -> Iterator[Measurement]:
	with tempfile.TemporaryDirectory() as folder:
		empty = Ticking(Path(folder) / "empty.sqlite3", 0)
		full = Ticking(Path(folder) / "full.sqlite3", MANY)
		some = Ticking(Path(folder) / "some.sqlite3", 0, DUE)
		samples = in_turns({"empty": empty.look, "full": full.look, "some": some.fire}, rounds)
		yield Measurement(
			f"schedules: a tick over {MANY:,} of which none is due",
			median(samples["full"]) * 1e6,
			"µs per tick",
			"a tick over none",
			paired(samples["full"], samples["empty"]),
			TARGET,
		)
		yield Measurement(
			f"schedules: a tick that fires {DUE}, each with its run in a transaction of its own",
			median(samples["some"]) / DUE * 1e6,
			"µs per fire",
		)
		for one in (empty, full, some):
			one.host.database.close()
