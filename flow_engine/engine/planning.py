"""What can run now: a pure function of (definition, step states).

`Frontier` is the whole of it. Built from scratch it costs O(steps + edges); settling a step afterwards costs
only its own edges, so planning a run of n steps is O(n) in all, whatever its shape. It decides readiness,
skips and the run's status. It leaves to others when a ready step fires (running.py) and what a failure means
(state.handling).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

from flow_engine.engine.definition import LATE_BRANCH, FlowDefinition
from flow_engine.engine.state import RunStatus, SkipReason, StepState, StepStatus, admits

_ACTIVE = (StepStatus.WAITING, StepStatus.SCHEDULED, StepStatus.RUNNING)


@dataclass(frozen=True, slots=True)
class Plan:
	"""A summary for people and tests: ids of the steps ready now, what was skipped to get there, and the
	run's status if nothing more happened."""

	ready: tuple[str, ...]
	skipped: tuple[str, ...]
	status: RunStatus


def plan_next(
	definition: FlowDefinition, states: Mapping[str, StepState], started_at: datetime | None = None
) -> Plan:
	"""What is ready given these states; the states are not changed."""
	before = {step_id for step_id, state in states.items() if state.status is StepStatus.SKIPPED}
	frontier = Frontier(definition, dict(states), started_at)
	after = [s.id for s in definition.steps if frontier.state(s.id).status is StepStatus.SKIPPED]
	return Plan(tuple(frontier.ready), tuple(i for i in after if i not in before), frontier.status())


class Frontier:
	"""The moving edge of a run.

	`states` is owned by the frontier from now on; every change goes through `settle`, `put` or `reopen`.
	`ready` holds the ids that may fire, in the order they became ready (list order within a wave).
	"""

	def __init__(
		self,
		definition: FlowDefinition,
		states: dict[str, StepState],
		started_at: datetime | None = None,
	):
		self.definition = definition
		self.states = states
		self.started_at = started_at
		self.ready: deque[str] = deque()
		self.changed: set[str] = set()
		self._unsettled_dependencies: dict[str, int] = {}
		self._on_dependencies: dict[str, int] = {}
		self._count: dict[StepStatus, int] = dict(_NONE)
		self._unhandled = 0
		self._build()

	def state(self, step_id: str) -> StepState:
		return self.states.get(step_id) or _PENDING

	def _build(self) -> None:
		for step in self.definition.steps:
			state = self.state(step.id)
			if state.status is StepStatus.PENDING and state.ready_at is not None:
				# Readiness is derived anew: nothing of an earlier plan is trusted.
				state = self.states[step.id] = state.changed(ready_at=None)
			self._tally(state, 1)
			self._unsettled_dependencies[step.id] = len(step.depends_on)
			self._on_dependencies[step.id] = 0
		for step in self.definition.steps:
			state = self.state(step.id)
			if not state.settled:
				continue
			for dependent in self.definition.dependents.get(step.id, ()):
				self._unsettled_dependencies[dependent] -= 1
				self._on_dependencies[dependent] += state.on
		self._examine([step.id for step in self.definition.steps])

	def _tally(self, state: StepState, by: int) -> None:
		self._count[state.status] += by
		if state.status is StepStatus.FAILED and state.handled is None:
			self._unhandled += by

	def put(self, step_id: str, state: StepState) -> None:
		"""Record a state that is not the end of the step (waiting, scheduled, running, failed unhandled)."""
		self._tally(self.state(step_id), -1)
		self._tally(state, 1)
		self.states[step_id] = state
		self.changed.add(step_id)

	def settle(self, step_id: str, state: StepState) -> None:
		"""Record the step's end and look at what it releases."""
		self.put(step_id, state)
		if not state.settled:
			return
		self._release(deque([step_id]))

	def _release(self, settled: deque[str]) -> None:
		"""Pass the news of settled steps on, until it stops: an explicit queue, trees may be 2,000 deep."""
		while settled:
			step_id = settled.popleft()
			state = self.state(step_id)
			touched = []
			for dependent in self.definition.dependents.get(step_id, ()):
				self._unsettled_dependencies[dependent] -= 1
				self._on_dependencies[dependent] += state.on
				touched.append(dependent)
			touched.extend(self.definition.children.get(step_id, ()))
			for other in touched:
				if self._decide(other):
					settled.append(other)

	def _examine(self, step_ids: list[str]) -> None:
		settled = deque(step_id for step_id in step_ids if self._decide(step_id))
		self._release(settled)

	def _decide(self, step_id: str) -> bool:
		"""Skip or make ready one pending step; True when it was skipped, that is, settled."""
		state = self.state(step_id)
		if state.status is not StepStatus.PENDING or state.ready_at is not None:
			return False
		step = self.definition.step(step_id)
		passed_through = False
		if step.parent_id is not None:
			parent = self.state(step.parent_id)
			late = step.branch == LATE_BRANCH and parent.breached_at is not None
			if not parent.settled and not late:
				return False
			if not admits(parent, step.branch):
				# Skipped at once, so the time is the parent's: what a dependency does later must not move it.
				self._skip(step_id, SkipReason.NOT_TAKEN, parent.completed_at or self.started_at)
				return True
			passed_through = parent.reason is SkipReason.DISABLED
		if self._unsettled_dependencies[step_id]:
			return False
		# What undoes a step comes after the others were undone, and whatever became of that.
		if step.depends_on and step.undo is None and not self._on_dependencies[step_id]:
			self._skip(step_id, SkipReason.NOT_TAKEN, self.ready_time(step_id))
			return True
		if step.disabled or passed_through:
			self._skip(step_id, SkipReason.DISABLED, self.ready_time(step_id))
			return True
		# Not through `put`: readiness is derived, it is not a change to record.
		self.states[step_id] = state.changed(ready_at=self.ready_time(step_id) or _NO_TIME)
		self.ready.append(step_id)
		return False

	def _skip(self, step_id: str, reason: SkipReason, at: datetime | None) -> None:
		self.put(step_id, self.state(step_id).move(StepStatus.SKIPPED, reason=reason, completed_at=at))

	def ready_time(self, step_id: str) -> datetime | None:
		"""When the last thing the step needed was settled: from recorded times only, so that a crash in
		between cannot move a delay."""
		step = self.definition.step(step_id)
		times = [self.started_at] if self.started_at else []
		for other in step.depends_on:
			times.append(self.state(other).completed_at)
		if step.parent_id is not None:
			parent = self.state(step.parent_id)
			# What follows from lateness counts from there, whenever the parent is settled.
			late = parent.breached_at if step.branch == LATE_BRANCH else None
			times.append(late or parent.completed_at)
		return max((when for when in times if when is not None), default=None)

	def mark_late(self, step_id: str, state: StepState) -> None:
		"""Record that an open step is late: its children on the branch for that wait for it no longer."""
		self.put(step_id, state)
		children = self.definition.children.get(step_id, ())
		self._examine([child for child in children if self.definition.step(child).branch == LATE_BRANCH])

	def reopen(self, step_id: str, state: StepState) -> None:
		"""An operator's retry: an unhandled failure becomes ready again."""
		self.put(step_id, state)
		self.ready.append(step_id)

	@property
	def failed_steps(self) -> int:
		"""Failures that nothing handles."""
		return self._unhandled

	def count(self, status: StepStatus) -> int:
		return self._count[status]

	@property
	def active(self) -> bool:
		"""Is anything ready, running, scheduled or waiting?"""
		return bool(self.ready) or any(self._count[status] for status in _ACTIVE)

	@property
	def is_open(self) -> bool:
		"""Has the run anything before it, be it that somebody sees to a failure?"""
		return self.status() is not RunStatus.COMPLETED and not self._count[StepStatus.CANCELLED]

	def status(self) -> RunStatus:
		"""The run's status as it follows from its steps (cancelling is an operator's act, not a
		consequence)."""
		if self.active:
			return RunStatus.RUNNING
		if self._unhandled or self._count[StepStatus.PENDING]:
			# Pending without a failure: nothing will ever release these steps, and nobody may be told they
			# are done.
			return RunStatus.FAILED
		return RunStatus.COMPLETED

	def active_steps(self) -> Iterator[tuple[str, StepState]]:
		"""Steps that are waiting, scheduled or running, in list order."""
		for step in self.definition.steps:
			state = self.state(step.id)
			if state.status in _ACTIVE:
				yield step.id, state


_PENDING = StepState()
_NONE = dict.fromkeys(StepStatus, 0)
# Plans made without a clock (tests, benchmarks) still need to tell "ready" from "not looked at yet".
_NO_TIME = datetime.min.replace(tzinfo=timezone.utc)
