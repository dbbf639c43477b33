"""What undoing a run would do: a pure function of (definition, step states), and the flow that does it.

Every step that was done is looked at, the last one first. One that names steps to undo it (its children on
the branch `compensate`) is undone by those; one without is undone by its kind, where that knows how. What
this decides is fixed when a compensation starts and kept with it: from there on it is an ordinary flow, a
chain in which each step waits for all that undoes the one after it, whatever became of that. Leaves to
compensating.py when it happens.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from flow_engine.engine.definition import (
	COMPENSATE,
	LATE_BRANCH,
	Compensate,
	FlowDefinition,
	OnError,
	Step,
	StepTrigger,
	Undo,
)
from flow_engine.engine.enums import StrEnum
from flow_engine.engine.errors import StateUnreadable
from flow_engine.engine.kinds.base import Effect, Kind, effect_of
from flow_engine.engine.ports import RunRecord
from flow_engine.engine.state import StepState, StepStatus

# What a run that undoes another one was started by.
EVENT = "compensate"
_UNKNOWN_OUTCOME = ("outcome_unknown", "worker_lost")
_KEPT_DEFINITIONS = 16


class How(StrEnum):
	"""What becomes of a step when its run is undone."""

	STEPS = "steps"
	KIND = "kind"
	# It stays: nothing can undo it, or the flow says that it is left alone.
	NOTHING = "nothing"
	# The run that this one replays has done it, and only that one undoes it.
	EARLIER = "earlier"
	# Nobody knows whether it happened: an operator says so, or it is left alone.
	UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Undoing:
	"""One step and what becomes of it. `steps`: ids of the steps that undo it. `possible`: what would undo
	one of unknown outcome, had it happened."""

	step_id: str
	how: How
	steps: tuple[str, ...] = ()
	possible: How | None = None

	@property
	def acts(self) -> bool:
		return self.how in (How.STEPS, How.KIND)


def compensating_steps(definition: FlowDefinition, step_id: str) -> tuple[str, ...]:
	"""Ids of the steps that undo this one: its children on the branch for that, and all below them."""
	found = [one for one in definition.children.get(step_id, ()) if definition.step(one).branch == COMPENSATE]
	for one in found:
		found.extend(definition.children.get(one, ()))
	return tuple(found)


def plan_compensation(
	definition: FlowDefinition,
	states: Mapping[str, StepState],
	kinds: Mapping[str, Kind],
	order: Sequence[str],
	started_at: datetime,
	in_flight: Collection[str] = (),
	happened: Collection[str] = (),
) -> list[Undoing]:
	"""What becomes of each step that has, or may have, changed something, in the order it is undone.

	order: ids of settled steps in the order they were settled. in_flight: steps whose call was sent and has
	no answer. happened: steps of unknown outcome of which somebody says that they were done.
	"""
	place = {step_id: at for at, step_id in enumerate(order)}
	touched = [
		step
		for step in definition.steps
		if step.id in in_flight or _may_have_acted(states.get(step.id), step, kinds)
	]
	last = len(place)
	touched.sort(key=lambda step: place.get(step.id, last), reverse=True)
	found = []
	for step in touched:
		state = states.get(step.id) or StepState()
		steps = compensating_steps(definition, step.id)
		how = _way(step, steps, kinds.get(step.kind))
		if state.status is StepStatus.DONE and state.completed_at and state.completed_at < started_at:
			how, steps = How.EARLIER, ()
		elif state.status is not StepStatus.DONE and step.id not in happened:
			found.append(Undoing(step.id, How.UNKNOWN, steps, how))
			continue
		if how is How.NOTHING and effect_of(kinds.get(step.kind), step) is Effect.NONE:
			continue
		found.append(Undoing(step.id, how, steps))
	return found


def _may_have_acted(state: StepState | None, step: Step, kinds: Mapping[str, Kind]) -> bool:
	if state is None:
		return False
	if state.status is StepStatus.FAILED:
		return (state.error or {}).get("code") in _UNKNOWN_OUTCOME and _reaches_out(step, kinds)
	return state.status is StepStatus.DONE


def _reaches_out(step: Step, kinds: Mapping[str, Kind]) -> bool:
	"""Only of a call outside can nobody know whether it happened: what a database did not commit, it did
	not do."""
	kind = kinds.get(step.kind)
	return kind is None or effect_of(kind, step) is Effect.EXTERNAL


def _way(step: Step, steps: Sequence[str], kind: Kind | None) -> How:
	if step.compensate is False:
		return How.NOTHING
	if steps:
		return How.STEPS
	return How.KIND if kind is not None and kind.compensate is not None else How.NOTHING


# --- the flow that undoes -----------------------------------------------------------------------------------


def compensation_flow(definition: FlowDefinition, steps: Sequence[str]) -> FlowDefinition:
	"""The flow that undoes these steps of another, in this order. A step stands in it under its own id: it
	does what its kind does to undo it, or nothing but come before the steps under it, which undo it."""
	key = tuple(steps)
	if key not in definition.compensations:
		if len(definition.compensations) >= _KEPT_DEFINITIONS:
			definition.compensations.clear()
		steps_of_it = tuple(_chained(definition, key))
		definition.compensations[key] = replace(
			definition, steps=steps_of_it, compensate=Compensate.ASK, sla=None
		)
	return definition.compensations[key]


def _chained(definition: FlowDefinition, order: Iterable[str]) -> Iterable[Step]:
	before: tuple[str, ...] = ()
	for step_id in order:
		undone = definition.step(step_id)
		steps = compensating_steps(definition, step_id)
		undo = replace(
			undone,
			undo=Undo.STEPS if steps else Undo.KIND,
			parent_id=None,
			branch=None,
			depends_on=before,
			trigger=StepTrigger(),
			on_error=OnError.FAIL,
			disabled=False,
			sla=None,
		)
		yield undo
		for other in steps:
			step = definition.step(other)
			yield replace(step, branch=None) if step.parent_id == step_id else step
		before = tuple(_awaited(definition, step_id, steps))


def _awaited(definition: FlowDefinition, undone: str, steps: Sequence[str]) -> Iterator[str]:
	"""Those whose end means that all of them have ended: no child ends before its parent, but one of lateness
	may. A step can be skipped before what it depends on has ended, so all others are named."""
	above = {undone} if steps else set()
	for one in steps:
		if definition.step(one).branch != LATE_BRANCH:
			above.add(definition.step(one).parent_id or "")
	yield from (one for one in (undone, *steps) if one not in above)


def is_compensation(record: RunRecord) -> bool:
	"""Does this run undo another one?"""
	return record.trigger_event == EVENT


def compensates(record: RunRecord) -> Mapping[str, Any]:
	"""What a compensation keeps of why it is: `{run, why, reason, status, error, steps}`. Raises
	StateUnreadable."""
	kept = record.trigger_data.get("compensates")
	if not isinstance(kept, Mapping) or not isinstance(kept.get("steps"), list):
		raise StateUnreadable("What this run undoes cannot be read.")
	return kept


def definition_of(host: Any, record: RunRecord) -> FlowDefinition:
	"""The flow that a run follows: its published version, or what undoes a run of that version. Raises
	TemplateNotFound, StateUnreadable."""
	definition: FlowDefinition = host.definitions.load(record.flow_template, record.template_version)
	if not is_compensation(record):
		return definition
	steps = compensates(record)["steps"]
	if not all(isinstance(one, str) and one in definition for one in steps):
		raise StateUnreadable("What this run undoes is not in its version of the flow.")
	return compensation_flow(definition, steps)
