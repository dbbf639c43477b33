"""Going through a run's time and seeing what changes: shared by the simulation and the demonstration."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta

from flow_engine.clock import VirtualClock
from flow_engine.engine.draining import drain
from flow_engine.engine.errors import FlowError
from flow_engine.engine.running import LEASE_SECONDS
from flow_engine.engine.session import Session
from flow_engine.engine.sla.clocks import AT_RISK, OVERDUE
from flow_engine.engine.sla.watching import watch_clocks
from flow_engine.engine.state import StepState, StepStatus
from flow_engine.service.deliveries import send_due
from flow_engine.sqlite_host.host import StandaloneHost

# A flow cannot loop, so this only bounds what a hostile definition may cost.
MAX_ADVANCES = 100_000
# Enough for the engine to give up a step whose worker seems to be lost each time.
MAX_STALLS = 20


class SimulationStalled(FlowError):
	"""The flow stays due without moving; the engine has a fault that this flow brings out."""

	code = "simulation_stalled"


def instants(host: StandaloneHost, clock: VirtualClock, until: datetime | None = None) -> Iterator[datetime]:
	"""Do what is due, yield the time, move to when something is due next; ends when nothing is or at `until`.

	The caller may make more due while it has the turn. Raises SimulationStalled.
	"""
	stalls = 0
	for _ in range(MAX_ADVANCES):
		watch_clocks(host)
		advanced = drain(host, seconds=0)
		send_due(host, seconds=0)
		yield clock.now()
		known = [host.runs.next_wake(), host.runs.next_sla()]
		next_at = min((when for when in known if when is not None), default=None)
		if next_at is None or (until is not None and next_at > until):
			return
		if next_at > clock.now():
			clock.move_to(next_at)
		elif advanced:
			stalls = 0
		else:
			# What was claimed came to nothing: as after a crash, the lease has to run out first.
			stalls += 1
			if stalls > MAX_STALLS:
				raise SimulationStalled()
			clock.move_to(clock.now() + timedelta(seconds=LEASE_SECONDS + 1))
	raise SimulationStalled()


class RunWatch:
	"""What changed in a run since one last looked."""

	def __init__(self, host: StandaloneHost, run: str):
		self.host = host
		self.run = run
		self.seen: dict[str, StepState] = {}
		# Step id → when it was last due: the state forgets it once the step has run.
		self.due_at: dict[str, datetime] = {}
		# Step id, None for the run → what was last told of its service level.
		self.standings: dict[str | None, str] = {}
		self._order = self._place_steps()

	def session(self) -> Session:
		return Session(self.host, self.host.runs.read(self.run))

	def look(self) -> list[tuple[str, StepState]]:
		"""Steps whose status or time moved, none before what it needs."""
		moved = []
		for step_id, state in self.session().frontier.states.items():
			before = self.seen.get(step_id, StepState())
			if (before.status, before.trigger_at) == (state.status, state.trigger_at):
				continue
			self.seen[step_id] = state
			if state.trigger_at is not None:
				self.due_at[step_id] = state.trigger_at
			if state.status is not StepStatus.PENDING:
				moved.append(step_id)
		return [(step_id, self.seen[step_id]) for step_id in sorted(moved, key=self._order.__getitem__)]

	def look_at_clocks(self) -> list[tuple[str | None, str, str]]:
		"""What became urgent, as `(step id, its status, AT_RISK or OVERDUE)`; of the run the step is None."""
		session = self.session()
		if not session.definition.has_sla:
			return []
		moved = []
		for clock in session.clocks.all():
			marks = clock.marks
			standing = OVERDUE if marks.breached_at else AT_RISK if marks.warned_at else ""
			if standing and self.standings.get(clock.step_id) != standing:
				self.standings[clock.step_id] = standing
				status = session.state(clock.step_id).status.value if clock.step_id else session.record.status
				moved.append((clock.step_id, status, standing))
		return moved

	def _place_steps(self) -> dict[str, int]:
		"""Step id → place in an order in which nothing comes before what it needs."""
		definition = self.session().definition
		needs = {s.id: len(s.depends_on) + (s.parent_id is not None) for s in definition.steps}
		free = deque(step_id for step_id, count in needs.items() if not count)
		order: dict[str, int] = {}
		while free:
			step_id = free.popleft()
			order[step_id] = len(order)
			for other in (*definition.dependents.get(step_id, ()), *definition.children.get(step_id, ())):
				needs[other] -= 1
				if not needs[other]:
					free.append(other)
		return order
