"""Undoing what a run has done, as the doors offer and show it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flow_engine.engine.compensating import compensate_run, key_of, plan_of
from flow_engine.engine.compensation import (
	How,
	Undoing,
	compensates,
	is_compensation,
	plan_compensation,
)
from flow_engine.engine.definition import FlowDefinition, Undo
from flow_engine.engine.errors import BadInput, FlowError, TransientDatabaseError
from flow_engine.engine.ports import Host
from flow_engine.engine.session import Session
from flow_engine.engine.state import RunStatus, SkipReason, StepStatus
from flow_engine.service import arguments as read

# What became of one step: what its kind says of its own compensation, and what else there is.
ALL, SOME, NOTHING = "all", "some", "nothing"
FAILED, UNDER_WAY, PENDING, CANCELLED = "failed", "under_way", "pending", "cancelled"


def compensate(host: Host, run: Any, reason: Any = None, happened: Any = None) -> dict[str, Any]:
	"""Undo what an ended run has done. `{run, compensates, again}`: `run` is the run that does it, the same
	whenever it is asked again. happened: ids of steps of unknown outcome that were done.

	Raises RunNotFound, RunNotEnded, IsCompensation, NothingToCompensate, BadInput.
	"""
	run = read.needed(run, "run")
	made = compensate_run(host, run, read.text(reason, "reason") or "", step_ids(happened))
	return {"run": made.run, "compensates": run, "again": made.again}


def step_ids(happened: Any) -> tuple[str, ...]:
	"""Raises BadInput."""
	given = read.json_value(happened, "happened") if happened not in (None, "") else []
	if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
		raise BadInput("`happened` must be a list of step ids.")
	return tuple(dict.fromkeys(given))


def compensation_plan(host: Host, run: Any, values: bool = True) -> dict[str, Any]:
	"""What undoing the run would do, or does: `{run, status, compensate, compensation, steps}`.

	steps: in the order they are undone, `{id, label, kind, completed_at, how, possible, help, steps: [{id,
	label, kind, trigger_type}], document: {doctype, name}|null}`. how: `steps` (those of the flow), `kind`,
	`nothing`, `earlier` (the run that this one replays did it), `unknown` (`possible` says how it would be
	undone, had it happened). compensate: what the flow says. compensation: as of `run_compensation`. values:
	whether the caller may see which documents. Of a run that goes on, it is as if it were cancelled now.
	Raises RunNotFound.
	"""
	record = host.runs.read(read.needed(run, "run"))
	session = Session(host, record)
	own = is_compensation(record)
	return {
		"run": record.name,
		"status": record.status,
		"compensate": session.definition.compensate.value,
		"compensation": None if own else _summary(host, record.name),
		"steps": [] if own else [_shown(host, session, one, values) for one in plan_of(host, session)],
	}


def _shown(host: Host, session: Session, undoing: Undoing, values: bool) -> dict[str, Any]:
	definition = session.definition
	step, state = definition.step(undoing.step_id), session.state(undoing.step_id)
	kind = host.kinds.get(step.kind)
	result = state.result if isinstance(state.result, Mapping) else {}
	named = values and result.get("doctype") and result.get("name")
	by_kind = How.KIND in (undoing.how, undoing.possible)
	told = undoing.how is How.NOTHING and not (kind and kind.compensate)
	return {
		"id": step.id,
		"label": step.label,
		"kind": step.kind,
		"completed_at": state.completed_at.isoformat() if state.completed_at else None,
		"how": undoing.how.value,
		"possible": undoing.possible.value if undoing.possible else None,
		"help": kind.compensation if kind and (by_kind or told) else "",
		"steps": [_undoing_step(definition, one) for one in undoing.steps],
		"document": {"doctype": result["doctype"], "name": result["name"]} if named else None,
	}


def _undoing_step(definition: FlowDefinition, step_id: str) -> dict[str, Any]:
	step = definition.step(step_id)
	return {"id": step.id, "label": step.label, "kind": step.kind, "trigger_type": step.trigger.type.value}


# --- a run's view -------------------------------------------------------------------------------------------


def run_compensation(host: Host, session: Session) -> tuple[dict[str, Any], dict[str, str]]:
	"""What a run's view says about undoing, and what became of each step of it.

	`{compensates: {run, why, reason, status}|null, compensation: {run, status, outcome}|null, compensable}`.
	outcome: `under_way`, `complete`, or `incomplete` when something was not undone. Steps: `all`, `some`,
	`nothing`, `failed`, `under_way`, `pending`, `cancelled`.
	"""
	record = session.record
	if is_compensation(record):
		kept = compensates(record)
		about = {key: kept.get(key) for key in ("run", "why", "reason", "status")}
		steps = {one: became(session, one) for one in kept["steps"]}
		return {"compensates": about, "compensation": None, "compensable": False}, steps
	there = host.runs.started_by(key_of(record.name)) if record.status != RunStatus.RUNNING else None
	if there is None:
		return {"compensates": None, "compensation": None, "compensable": _compensable(host, session)}, {}
	child, steps = _child(host, there)
	return {"compensates": None, "compensation": child, "compensable": False}, steps


def _summary(host: Host, run: str) -> dict[str, Any] | None:
	there = host.runs.started_by(key_of(run))
	return _child(host, there)[0] if there is not None else None


def _child(host: Host, run: str) -> tuple[dict[str, Any], dict[str, str]]:
	record = host.runs.read(run)
	steps: dict[str, str] = {}
	try:
		session = Session(host, record)
		steps = {one: became(session, one) for one in compensates(record)["steps"]}
	except TransientDatabaseError:
		raise
	except FlowError:
		pass  # that run says itself what is wrong with it
	outcome = "under_way"
	if record.status != RunStatus.RUNNING:
		whole = record.status == RunStatus.COMPLETED and set(steps.values()) <= {ALL}
		outcome = "complete" if whole else "incomplete"
	return {"run": record.name, "status": record.status, "outcome": outcome}, steps


def became(session: Session, step_id: str) -> str:
	"""What became of undoing one step, in the run that does it."""
	definition = session.definition
	own = session.state(step_id)
	states = [own]
	by_kind = definition.step(step_id).undo is Undo.KIND
	if not by_kind:
		below = list(definition.children.get(step_id, ()))
		for one in below:
			below.extend(definition.children.get(one, ()))
		states += [session.state(one) for one in below]
	if any(state.status is StepStatus.FAILED and state.handled is None for state in states):
		return FAILED
	if any(state.status is StepStatus.CANCELLED for state in states):
		return CANCELLED
	if not all(state.settled for state in states):
		return PENDING if own.status is StepStatus.PENDING else UNDER_WAY
	if any(state.reason is SkipReason.OPERATOR for state in states):
		return NOTHING if by_kind else SOME
	result = own.result if by_kind and isinstance(own.result, Mapping) else {}
	much = result.get("undone", ALL)
	return much if much in (ALL, SOME, NOTHING) else ALL


def _compensable(host: Host, session: Session) -> bool:
	"""Is there anything to undo? In which order is left open: that would mean reading the whole log."""
	record = session.record
	if record.status == RunStatus.RUNNING:
		return False
	found = plan_compensation(session.definition, session.frontier.states, host.kinds, (), record.started_at)
	return any(undoing.acts or undoing.possible in (How.STEPS, How.KIND) for undoing in found)
