"""Moving a run to a newer version of its flow: whether its states mean the same there, and the move itself.

Decides by starting the newer version from nothing and giving each step, once it is that step's turn, what has
become of it in the run. Everything that has happened must find its turn: then the run stands where a run of
the newer version with the same outcomes would stand, and ends as that one would. What has not happened is not
carried over: branches that were not taken are found anew.

A step that only waits, and by another rule in the newer version, begins to wait anew, counted from the same
moment. Nothing is carried over by guess: what cannot be told is refused, with the step and the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from flow_engine.engine.compensation import EVENT as COMPENSATION
from flow_engine.engine.crash_points import reach
from flow_engine.engine.definition import FlowDefinition, Step, TriggerType
from flow_engine.engine.errors import CannotMigrate
from flow_engine.engine.payload_schema import payload_problems
from flow_engine.engine.planning import Frontier
from flow_engine.engine.ports import AuditEvent, Host, RunRecord
from flow_engine.engine.saving import save
from flow_engine.engine.session import Session
from flow_engine.engine.state import (
	RunStatus,
	SkipReason,
	StepState,
	StepStatus,
	dump_state,
	handling,
)

_WAITS = (StepStatus.WAITING, StepStatus.SCHEDULED)
_DERIVED = (SkipReason.NOT_TAKEN, SkipReason.DISABLED)


@dataclass(frozen=True, slots=True)
class Obstacle:
	"""Why a run cannot move: `step` and its label where one stands in the way."""

	code: str
	message: str
	step: str | None = None

	def as_dict(self) -> dict[str, Any]:
		return {"path": "", "step": self.step, "code": self.code, "message": self.message}


@dataclass(frozen=True, slots=True)
class Carried:
	"""What a run takes along: states of steps in the newer version; `anew`: steps that begin to wait anew."""

	states: Mapping[str, StepState] = field(default_factory=dict)
	anew: tuple[str, ...] = ()
	obstacles: tuple[Obstacle, ...] = ()


def carry(
	old: FlowDefinition,
	new: FlowDefinition,
	states: Mapping[str, StepState],
	started_at: datetime | None = None,
) -> Carried:
	"""The states of a running run of `old`, for `new`; or what stands in the way. Pure, O(steps + edges)."""
	happened = {
		step.id: states[step.id] for step in old.steps if step.id in states and _happened(states[step.id])
	}
	obstacles = []
	for step_id, state in happened.items():
		found = _judge(old.step(step_id), new.step(step_id) if step_id in new else None, state)
		if found is not None:
			obstacles.append(found)
	if obstacles:
		return Carried(obstacles=tuple(obstacles))
	early = {i: s for i, s in happened.items() if s.status is StepStatus.PENDING}
	left = {i: s for i, s in happened.items() if i not in early}
	frontier, anew = Frontier(new, dict(early), started_at), []
	while frontier.ready:
		step_id = frontier.ready.popleft()
		state = left.pop(step_id, None)
		if state is None:
			continue
		if _waits_otherwise(old.step(step_id), new.step(step_id), state):
			anew.append(step_id)
			continue
		state = _handled(new, step_id, state)
		if state.settled:
			frontier.settle(step_id, state)
		elif state.breached_at is not None:
			frontier.mark_late(step_id, state)
		else:
			frontier.put(step_id, state)
	if left:
		return Carried(obstacles=tuple(_out_of_turn(new, frontier, step_id) for step_id in left))
	kept = {i: frontier.state(i) for i in happened if i not in anew}
	return Carried(
		{i: state.changed(ready_at=happened[i].ready_at) for i, state in kept.items()}, tuple(anew)
	)


def _happened(state: StepState) -> bool:
	if state.status is StepStatus.PENDING:
		return state.input_at is not None
	return not (state.status is StepStatus.SKIPPED and state.reason in _DERIVED)


def _judge(old: Step, new: Step | None, state: StepState) -> Obstacle | None:
	"""Can this step's state mean anything there, whatever its turn?"""
	if new is None:
		if state.status is StepStatus.PENDING:
			return _about(old, "answer_kept", "“{0}” was answered already and is not in that version.")
		open_now = state.status in (*_WAITS, StepStatus.RUNNING)
		said = "“{0}” is under way" if open_now else "“{0}” has happened"
		return _about(old, "step_gone", f"{said} and is not in that version.")
	if new.kind != old.kind:
		return _about(old, "kind_changed", "“{0}” is another kind of step in that version.")
	if state.status is StepStatus.RUNNING:
		return _about(old, "call_running", "“{0}” is making a call: try again when it has ended.")
	if state.status is StepStatus.CANCELLED:
		return _about(old, "step_cancelled", "“{0}” was cancelled.")
	if state.status is StepStatus.PENDING and new.trigger.type is not TriggerType.ON_WEBHOOK:
		return _about(old, "answer_kept", "“{0}” was answered already and waits for no call in that version.")
	if state.status in _WAITS and state.attempts and old.payload != new.payload:
		# The same idempotency key must not go out with other content.
		return _about(old, "under_way", "“{0}” is being tried again and says something else in that version.")
	if state.breached_at is not None and _waits_otherwise(old, new, state):
		return _about(old, "under_way", "“{0}” is late, and waits by another rule in that version.")
	return None


def _waits_otherwise(old: Step, new: Step, state: StepState) -> bool:
	"""Does an open step that nobody has fired and nothing has tried wait by another rule there?"""
	waiting = state.status in _WAITS and not state.attempts and state.purpose != "call"
	return waiting and (old.trigger.type, dict(old.trigger.fields)) != (
		new.trigger.type,
		dict(new.trigger.fields),
	)


def _handled(new: FlowDefinition, step_id: str, state: StepState) -> StepState:
	"""A failure means what that version says it means."""
	if state.status is not StepStatus.FAILED:
		return state
	return state.changed(handled=handling(new, step_id, (state.error or {}).get("code") or ""))


def _out_of_turn(new: FlowDefinition, frontier: Frontier, step_id: str) -> Obstacle:
	step, state = new.step(step_id), frontier.state(step_id)
	if state.status is StepStatus.SKIPPED:
		return _about(step, "not_taken", "“{0}” would not have had its turn in that version.")
	needed = (*step.depends_on, *((step.parent_id,) if step.parent_id else ()))
	waits_for = next((new.step(one).label for one in needed if not frontier.state(one).settled), "")
	said = "“{0}” has had its turn; in that version it comes after “{1}”, which has not."
	return _about(step, "comes_after", said, waits_for)


def _about(step: Step, code: str, said: str, *more: str) -> Obstacle:
	return Obstacle(code, said.format(step.label, *more), step.id)


# --- a stored run -------------------------------------------------------------------------------------------


def obstacles(host: Host, record: RunRecord, to: int) -> tuple[Obstacle, ...]:
	"""What keeps a run, read without a lock, from moving to this version of its flow: nothing when it could.
	Raises TemplateNotFound, StateUnreadable."""
	return _plan(host, record, to)[1].obstacles


def migrate_run(host: Host, run: str, to: int, run_as: str | None = None, reason: str = "") -> None:
	"""Move a running run to a newer version of its flow, under lock and in a transaction of its own; workers
	notice by the revision.

	run_as: whose permissions the steps have from now on; None leaves that. Raises RunNotFound, CannotMigrate
	with `problems`, TemplateNotFound, StateUnreadable.
	"""

	def work() -> None:
		record = host.runs.lock(run)
		reach("outsider.locked")
		before, plan = _plan(host, record, to)
		if plan.obstacles:
			first = plan.obstacles[0].message
			raise CannotMigrate(first, problems=plan.obstacles)
		_move(host, record, before, plan, to, run_as or record.run_as, reason)

	host.runs.transact(work)
	host.jobs.hint()


def _plan(host: Host, record: RunRecord, to: int) -> tuple[Session | None, Carried]:
	if record.status != RunStatus.RUNNING:
		ended = Obstacle("run_ended", f"{record.name} is {record.status}: only running runs move.")
		return None, Carried(obstacles=(ended,))
	if to <= record.template_version:
		return None, Carried(
			obstacles=(Obstacle("not_newer", f"{record.name} is on v{record.template_version}."),)
		)
	if record.trigger_event == COMPENSATION:
		return None, Carried(obstacles=(Obstacle("compensates", "This run undoes another one."),))
	session = Session(host, record)
	new: FlowDefinition = host.definitions.load(record.flow_template, to)
	if new.payload_schema is not None and new.payload_schema != session.definition.payload_schema:
		wrong = payload_problems(new.payload_schema, dict(record.variables))
		if wrong:
			where = f"{wrong[0]['path']}: {wrong[0]['message']}"
			said = f"What the run was given is not what that version wants: {where}"
			return session, Carried(obstacles=(Obstacle("invalid_payload", said),))
	return session, carry(session.definition, new, session.frontier.states, record.started_at)


def _move(
	host: Host,
	record: RunRecord,
	before: Session | None,
	plan: Carried,
	to: int,
	run_as: str | None,
	reason: str,
) -> None:
	assert before is not None
	anew = [step_id for step_id in plan.anew if step_id in before.definition]
	for step_id in anew:
		manual = before.definition.step(step_id).trigger.type is TriggerType.MANUAL
		if manual and before.state(step_id).status is StepStatus.WAITING:
			host.messages.close(record.as_dict(), step_id)
	if anew:
		host.runs.close_pending(record.name, dict.fromkeys(anew, "cancelled"))
	# What is not about a step, such as the marks of the run's own service level, stays with the run.
	beside = {key: value for key, value in record.step_state.items() if key.startswith("$")}
	moved = replace(
		record,
		template_version=to,
		run_as=run_as,
		step_state={**beside, **dump_state(plan.states)},
		state_seq=record.log_seq,
	)
	now = host.runs.now()
	session = Session(host, moved)
	columns: dict[str, Any] = {"template_version": to, "run_as": run_as}
	if before.definition.has_sla and not session.definition.has_sla:
		columns.update(sla_at=None, sla_status=None)
	host.runs.write(record.name, None, **columns)
	save(host, session, now, wake_at=session.next_time())
	details: dict[str, Any] = {"from": record.template_version, "to": to}
	if anew:
		details["anew"] = anew
	if run_as != record.run_as:
		details["run_as"] = run_as
	host.runs.audit(
		AuditEvent(
			"run.migrated",
			flow_template=record.flow_template,
			flow_run=record.name,
			reason=reason,
			from_status=str(record.status),
			to_status=str(session.frontier.status()),
			details=details,
		)
	)
