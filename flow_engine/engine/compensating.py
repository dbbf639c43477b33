"""Compensating: what a run has done is undone, by a child run, in the reverse order of doing.

Decides when (the flow says so, or somebody asks), and that it happens once: a run has one compensation, and
who asks again gets that one. It starts in the transaction that ends the run, so that no crash parts the two.
It is never compensated itself; where it fails, it stops and is an incident like any failed run. What is
undone, and how, is compensation.py's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from flow_engine.engine.compensation import (
	EVENT,
	Undoing,
	compensates,
	definition_of,
	is_compensation,
	plan_compensation,
)
from flow_engine.engine.crash_points import reach
from flow_engine.engine.definition import Compensate
from flow_engine.engine.errors import (
	BadInput,
	IsCompensation,
	NothingToCompensate,
	RunCompensated,
	RunNotEnded,
)
from flow_engine.engine.ports import AuditEvent, Host, NewRun, RunRecord
from flow_engine.engine.session import Session
from flow_engine.engine.starting import start_run
from flow_engine.engine.state import RunStatus, StepStatus

_AFTER = {
	RunStatus.FAILED: (Compensate.ON_FAILURE, Compensate.BOTH),
	RunStatus.CANCELLED: (Compensate.ON_CANCEL, Compensate.BOTH),
}
_ENDS = {
	RunStatus.COMPLETED: "run.compensation_completed",
	RunStatus.FAILED: "run.compensation_failed",
	RunStatus.CANCELLED: "run.compensation_cancelled",
}
OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Compensation:
	"""The run that undoes another one. `again`: it was there already."""

	run: str
	again: bool = False


def key_of(run: str) -> str:
	"""By this a run is undone once."""
	return f"compensate:{run}"


def plan_of(host: Host, session: Session, happened: Collection[str] = ()) -> list[Undoing]:
	"""What undoing this run would do, or does, step by step, the last one first."""
	order, in_flight = _order(host, session)
	states = session.frontier.states
	started_at = session.record.started_at
	return plan_compensation(session.definition, states, host.kinds, order, started_at, in_flight, happened)


def _order(host: Host, session: Session) -> tuple[list[str], set[str]]:
	"""The settled steps in the order they were settled, and those whose call has no answer.

	The log is asked, not the times: many steps may be settled at one moment, and clocks are put back. What an
	operator marked as done has no row for that and comes after what had been done by then.
	"""
	ended: dict[str, int] = {}
	in_flight: set[str] = set()
	times = []
	for row in host.runs.log_since(session.record.name, 0):
		ended.pop(row.step_id, None)
		in_flight.discard(row.step_id)
		if row.state == "done":
			ended[row.step_id] = row.seq
			times.append((row.finished, row.seq))
		elif row.state == "running":
			in_flight.add(row.step_id)
	keys = {}
	for place, step in enumerate(session.definition.steps):
		state = session.state(step.id)
		if not state.settled or state.completed_at is None:
			continue
		seq = ended.get(step.id)
		if seq is None:
			seq = max((seq for at, seq in times if at is not None and at <= state.completed_at), default=0)
		keys[step.id] = (seq, step.id not in ended, state.completed_at, place)
	return sorted(keys, key=keys.__getitem__), in_flight


def compensate_run(host: Host, run: str, reason: str = "", happened: Collection[str] = ()) -> Compensation:
	"""Undo what an ended run has done; the run that does it, the same whenever it is asked again.

	happened: steps of unknown outcome that were done, as whoever asks has found out. Raises RunNotFound,
	RunNotEnded, IsCompensation, NothingToCompensate, BadInput.
	"""

	def work() -> Compensation:
		record = host.runs.lock(run)
		reach("outsider.locked")
		if is_compensation(record):
			raise IsCompensation()
		there = host.runs.started_by(key_of(record.name))
		if there is not None:
			return Compensation(there, again=True)
		if record.status == RunStatus.RUNNING:
			raise RunNotEnded(f"{record.name} is still running; cancel it, or wait for its end.")
		session = Session(host, record)
		_check_happened(host, session, happened)
		child = _begin(host, session, record.status, OPERATOR, reason, happened)
		if child is None:
			raise NothingToCompensate()
		host.runs.write(record.name, None, revision=record.revision + 1)
		reach("outsider.written")
		return Compensation(child)

	return host.runs.transact(work)


def _check_happened(host: Host, session: Session, happened: Collection[str]) -> None:
	unknown = {undoing.step_id for undoing in plan_of(host, session) if undoing.possible is not None}
	wrong = sorted(set(happened) - unknown)
	if wrong:
		raise BadInput(f"It is known what became of the step {wrong[0][:64]!r}.")


def when_ended(
	host: Host,
	session: Session,
	status: str,
	asked: bool | None = None,
	reason: str = "",
	happened: Collection[str] = (),
) -> None:
	"""A run ends with this status, in the current transaction and with its log written: undo it where its
	flow says so, or whoever ends it does (`asked`; None leaves it to the flow). The end of a compensation is
	told of."""
	record = session.record
	if status not in tuple(_ENDS):
		return
	if is_compensation(record):
		_tell_end(host, record, status, reason)
		return
	after = RunStatus(status)
	wanted = session.definition.compensate in _AFTER.get(after, ())
	if (wanted if asked is None else asked) and host.runs.started_by(key_of(record.name)) is None:
		why = OPERATOR if asked else f"on_{'failure' if after is RunStatus.FAILED else 'cancel'}"
		_begin(host, session, status, why, reason, happened)


def ends_in_more(host: Host, record: RunRecord) -> bool:
	"""May the run's end write more than its own rows? Raises as `definition_of`."""
	return is_compensation(record) or definition_of(host, record).compensate is not Compensate.ASK


def refuse_compensated(host: Host, record: RunRecord) -> None:
	"""A run that has been undone, or is being, goes on no more. Raises RunCompensated."""
	if record.status == RunStatus.RUNNING or is_compensation(record):
		return
	there = host.runs.started_by(key_of(record.name))
	if there is not None:
		raise RunCompensated(f"What {record.name} had done is undone by {there}, so it cannot go on.")


def _begin(
	host: Host, session: Session, status: str, why: str, reason: str, happened: Collection[str] = ()
) -> str | None:
	"""Start the run that undoes this one, in the current transaction; None when nothing can be undone."""
	record = session.record
	steps = [undoing.step_id for undoing in plan_of(host, session, happened) if undoing.acts]
	if not steps:
		return None
	kept: dict[str, Any] = {"run": record.name, "why": why, "reason": reason[:500], "status": str(status)}
	child = start_run(host, _new_run(session, {**kept, "error": _error(session), "steps": steps}))
	reach("compensation.started")
	host.runs.audit(
		AuditEvent(
			"run.compensation_started",
			flow_template=record.flow_template,
			flow_run=record.name,
			reason=reason,
			from_status=str(status),
			to_status=str(status),
			details={"child": child, "why": why, "steps": len(steps), "happened": sorted(happened)},
			user=None if why == OPERATOR else "",
		)
	)
	return child


def _new_run(session: Session, kept: Mapping[str, Any]) -> NewRun:
	record = session.record
	data = {name: value for name, value in record.trigger_data.items() if name not in ("at", "replay")}
	data["compensates"] = dict(kept)
	return NewRun(
		flow_template=record.flow_template,
		template_version=record.template_version,
		trigger_event=EVENT,
		context_doctype=record.context_doctype,
		context_docname=record.context_docname,
		customer=record.customer,
		variables=record.variables,
		trigger_data=data,
		trigger_key=key_of(record.name),
		run_as=record.run_as,
		parent_run=record.name,
		root_run=record.root_run or record.name,
		# As deep as what it undoes: a chain is made of flows that start flows.
		depth=record.depth,
		# It is no run of the flow about the document: it neither waits for one nor keeps one from starting.
		concurrency="allow",
	)


def _error(session: Session) -> dict[str, Any] | None:
	"""What the run failed with first: `{step, code, message}`."""
	for step in session.definition.steps:
		state = session.state(step.id)
		if state.status is StepStatus.FAILED and state.handled is None and state.error:
			return {"step": step.id, **{key: state.error.get(key) for key in ("code", "message")}}
	return None


def _tell_end(host: Host, record: RunRecord, status: str, reason: str) -> None:
	host.runs.audit(
		AuditEvent(
			_ENDS[RunStatus(status)],
			flow_template=record.flow_template,
			flow_run=compensates(record).get("run") or record.parent_run,
			reason=reason,
			from_status=str(record.status),
			to_status=str(status),
			details={"child": record.name},
			user=None if status == RunStatus.CANCELLED else "",
		)
	)
