"""Replaying: a run once more, from its start or from one of its steps, as a child run of the one it repeats.

Decides what a replay keeps: the results of steps that are settled and do not hang on the chosen one. All else
happens again, with the context as it is now: documents are read anew, delays count from the replay's start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from flow_engine.engine.compensating import refuse_compensated
from flow_engine.engine.compensation import is_compensation
from flow_engine.engine.crash_points import reach
from flow_engine.engine.definition import FlowDefinition
from flow_engine.engine.draining import start_run
from flow_engine.engine.errors import IsCompensation, RunNotEnded, StepNotFound, StepNotWaiting
from flow_engine.engine.ports import AuditEvent, Host, LogRow, NewRun, RunRecord
from flow_engine.engine.run_events import started
from flow_engine.engine.session import Session
from flow_engine.engine.state import RunStatus, SkipReason, StepState, StepStatus, dump_state, in_log


@dataclass(frozen=True, slots=True)
class Target:
	"""What to replay on. `run_as`: whose permissions that version's steps have."""

	template_version: int
	run_as: str | None
	concurrency: str


def replay_run(
	host: Host,
	run: str,
	step_id: str | None = None,
	target: Target | None = None,
	reason: str = "",
	key: str | None = None,
) -> str:
	"""Start a child run that repeats an ended run, from `step_id` or from its start; the child's name.

	target: another version than the run's own. key: the same key replays the same run once.
	Raises RunNotFound, RunNotEnded, StepNotFound, StepNotWaiting (the step is out of reach),
	DuplicateTrigger, IsCompensation, RunCompensated.
	"""

	def work() -> str:
		record = host.runs.lock(run)
		reach("outsider.locked")
		if record.status == RunStatus.RUNNING:
			raise RunNotEnded(f"{record.name} is still running; cancel it, or wait for its end.")
		if is_compensation(record):
			raise IsCompensation()
		if step_id is not None:
			# From its start it can be done anew; what a part of it would build on has been undone.
			refuse_compensated(host, record)
		session = Session(host, record)
		on = target or Target(record.template_version, record.run_as, record.concurrency)
		definition: FlowDefinition = host.definitions.load(record.flow_template, on.template_version)
		kept: Mapping[str, StepState] = {}
		if step_id is not None:
			kept = _kept(session, definition, step_id)
		child = start_run(host, _new_run(record, on, step_id, key))
		if kept:
			_give(host, record, session, child, kept)
		if step_id is not None:
			_check_reached(host, child, step_id)
		# A replay without a key of its own is told from the next one by the revision of what it repeats.
		host.runs.write(record.name, None, revision=record.revision + 1)
		reach("outsider.written")
		host.runs.audit(
			AuditEvent(
				"run.replayed",
				flow_template=record.flow_template,
				flow_run=record.name,
				step_id=step_id,
				reason=reason,
				from_status=str(record.status),
				to_status=str(record.status),
				details={"child": child, "version": on.template_version, "kept": sorted(kept)},
			)
		)
		return child

	return host.runs.transact(work)


def _new_run(record: RunRecord, on: Target, step_id: str | None, key: str | None) -> NewRun:
	data = {name: value for name, value in record.trigger_data.items() if name != "at"}
	data["replay"] = {"of": record.name, "from": step_id}
	return NewRun(
		flow_template=record.flow_template,
		template_version=on.template_version,
		trigger_event=record.trigger_event,
		context_doctype=record.context_doctype,
		context_docname=record.context_docname,
		customer=record.customer,
		variables=record.variables,
		trigger_data=data,
		trigger_key=f"replay:{record.name}:{key or record.revision}",
		run_as=on.run_as,
		parent_run=record.name,
		root_run=record.root_run or record.name,
		# As deep as what it repeats: a chain is made of flows that start flows, not of operators' repairs.
		depth=record.depth,
		concurrency=on.concurrency,
	)


def _kept(session: Session, definition: FlowDefinition, step_id: str) -> dict[str, StepState]:
	"""The states that the child starts with. Raises StepNotFound."""
	if step_id not in definition:
		raise StepNotFound(f"That version of the flow has no step {step_id!r}.")
	again = _downstream(definition, step_id)
	kept = {}
	for step in definition.steps:
		if step.id in again or step.id not in session.definition:
			continue
		if session.definition.step(step.id).kind != step.kind:
			continue
		state = session.state(step.id)
		# A branch that was not taken is found anew: in another version it may be another branch.
		given_up = state.status is StepStatus.SKIPPED and state.reason is SkipReason.OPERATOR
		if given_up or (state.settled and state.status is not StepStatus.SKIPPED):
			kept[step.id] = replace(state, ready_at=None)
	return kept


def _downstream(definition: FlowDefinition, step_id: str) -> set[str]:
	"""The step and everything that needs it, however far."""
	found = {step_id}
	waiting = [step_id]
	while waiting:
		at = waiting.pop()
		for other in (*definition.dependents.get(at, ()), *definition.children.get(at, ())):
			if other not in found:
				found.add(other)
				waiting.append(other)
	return found


def _give(host: Host, record: RunRecord, session: Session, child: str, kept: Mapping[str, StepState]) -> None:
	"""Put the kept states into the child; results too large for a snapshot go into its log, where they are
	read."""
	rows = []
	for step_id, state in kept.items():
		if not in_log(state.result):
			continue
		step = session.definition.step(step_id)
		rows.append(
			LogRow(
				step_id,
				state.attempts or 1,
				"failed" if state.status is StepStatus.FAILED else "done",
				len(rows) + 1,
				label=step.label,
				kind=step.kind,
				started=state.started_at,
				finished=state.completed_at,
				result=host.runs.log_result(record.name, step_id),
				error_code=(state.error or {}).get("code"),
				error_message=(state.error or {}).get("message"),
			)
		)
	if rows:
		host.runs.put_log(child, rows)
	# What it is given counts as having been taken up: nobody would tell of its start later.
	host.runs.audit(started(host.runs.read(child)))
	host.runs.write(child, None, step_state=dump_state(kept), state_seq=len(rows), log_seq=len(rows))


def _check_reached(host: Host, child: str, step_id: str) -> None:
	session = Session(host, host.runs.read(child))
	if step_id not in session.frontier.ready:
		label = session.definition.step(step_id).label
		raise StepNotWaiting(
			f"{label!r} cannot be replayed from: the run did not get as far, or took another branch. "
			"Choose an earlier step or the start."
		)
