"""Traces for the model of leases, made by chance, and SQLite to play them on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from flow_engine.clock import VirtualClock
from flow_engine.sqlite_host.host import open_host
from flow_engine.sqlite_host.templates import store_definition
from flow_engine.testing.lease_model import ACTS, CALL_MODES, IN_A_DRAIN, IN_A_WORKER, PAUSES

START = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
_PICK = st.integers(0, 11)
_NTH = st.integers(1, 3)
# Act of the model → its arguments.
ARGUMENTS: Mapping[str, Mapping[str, st.SearchStrategy[Any]]] = {
	"start": {},
	"claim": {"limit": st.integers(1, 3)},
	"sleep_past_the_lease": {},
	"advance": {"pick": _PICK},
	"advance_and_die": {"pick": _PICK, "point": st.sampled_from(IN_A_WORKER), "nth": _NTH},
	"work": {},
	"work_and_die": {"point": st.sampled_from(IN_A_DRAIN), "nth": _NTH},
	"pass_time": {"seconds": st.sampled_from(PAUSES)},
	"change_the_receiver": {"mode": st.sampled_from(sorted(CALL_MODES))},
	"interfere": {"pick": _PICK, "act": st.sampled_from(ACTS)},
}


def traces(longest: int) -> st.SearchStrategy[list[tuple[str, dict[str, Any]]]]:
	"""Lists of `(act, arguments)`."""
	acts = [st.tuples(st.just(act), st.fixed_dictionaries(dict(given))) for act, given in ARGUMENTS.items()]
	return st.lists(st.one_of(*acts), max_size=longest)


class InMemory:
	"""`lease_model.Place` on SQLite, with a clock that is moved."""

	def __init__(self, kinds: Mapping[str, Any]):
		self.clock = VirtualClock(START)
		self.host = open_host(clock=self.clock, kinds=kinds)

	def publish(self, definition: Mapping[str, Any]) -> tuple[str, int]:
		made = store_definition(self.host.templates, definition, "Model")
		return made.template, made.version

	def now(self) -> datetime:
		return self.clock.now()

	def pass_time(self, seconds: float) -> None:
		self.clock.move_to(self.clock.now() + timedelta(seconds=seconds))
