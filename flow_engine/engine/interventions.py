"""What outsiders do to a run: a person, a webhook, an edited pending row.

Each is one transaction: lock the run, change its state, raise the revision, make it due. Workers notice by
the revision. None of this executes a step.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flow_engine.engine.allow_lists import Person, check_fire, hand
from flow_engine.engine.cancelling import cancel_locked
from flow_engine.engine.compensating import refuse_compensated
from flow_engine.engine.crash_points import reach
from flow_engine.engine.definition import TriggerType
from flow_engine.engine.errors import (
	BadInput,
	FlowError,
	InputTooLarge,
	RunFinal,
	StepNotFound,
	StepNotWaiting,
	TransientDatabaseError,
)
from flow_engine.engine.ports import AuditEvent, Host, RunRecord
from flow_engine.engine.saving import save
from flow_engine.engine.session import Session
from flow_engine.engine.sla.marking import mark_due
from flow_engine.engine.state import RunStatus, SkipReason, StepState, StepStatus, limit_result

MAX_INPUT_BYTES = 65_536
_FINAL = (RunStatus.COMPLETED, RunStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class Accepted:
	"""The answer to a call that completes a step; the same for every repetition of it."""

	run: str
	step_id: str
	kept: bool = False


def complete_step(
	host: Host,
	run: str,
	step_id: str,
	value: Any = None,
	by_webhook: bool = False,
	person: Person | None = None,
	reason: str = "",
) -> Accepted:
	"""Fire a step that waits, with the posted value as its input.

	By webhook: also before the step is ready (kept until then), and again after it ran (the first answer
	stands). By a person: manual, webhook and delayed steps that wait now; person: whose right to do so is
	asked first, under the lock, None where nobody has to be. reason: what they remark. Raises RunNotFound,
	StepNotFound, NotAllowed, RunFinal, StepNotWaiting, InputTooLarge.
	"""
	size = len(json.dumps(value, default=str, ensure_ascii=False).encode("utf-8", "replace"))
	if size > MAX_INPUT_BYTES:
		raise InputTooLarge()

	def work() -> Accepted:
		record = host.runs.lock(run)
		return complete_locked(host, record, step_id, value, by_webhook, person, reason)

	accepted = host.runs.transact(work)
	host.jobs.hint()
	return accepted


def complete_locked(
	host: Host,
	record: RunRecord,
	step_id: str,
	value: Any,
	by_webhook: bool,
	person: Person | None = None,
	reason: str = "",
) -> Accepted:
	reach("outsider.locked")
	session = Session(host, record)
	if step_id not in session.definition:
		raise StepNotFound(f"{record.name} has no step {step_id!r}.")
	step = session.definition.step(step_id)
	state = session.state(step_id)
	if person is not None and not by_webhook:
		check_fire(step, state, person)
	now = host.runs.now()
	webhook = step.trigger.type is TriggerType.ON_WEBHOOK
	if by_webhook and not webhook:
		raise StepNotWaiting(f"{step.label!r} is not started by a webhook.")
	if webhook and by_webhook and state.input_at is not None:
		# Answered as the first time, whatever has become of the step since.
		ready_at = session.frontier.ready_time(step_id)
		early = state.status is StepStatus.PENDING or (ready_at is not None and state.input_at < ready_at)
		return Accepted(record.name, step_id, kept=early)
	if record.status in _FINAL:
		raise RunFinal(f"{record.name} is {record.status}.")
	mark_due(host, session, now)
	state = session.state(step_id)
	if state.status is StepStatus.PENDING and webhook and by_webhook:
		session.put(step_id, replace(state, input=value, input_at=now, ready_at=None))
		save(host, session, now, wake_at=record.wake_at)
		return Accepted(record.name, step_id, kept=True)
	if state.status not in (StepStatus.WAITING, StepStatus.SCHEDULED) or record.status != RunStatus.RUNNING:
		raise StepNotWaiting(f"{step.label!r} is {state.status.value} and waits for nothing.")
	given = value is not None or state.status is StepStatus.WAITING
	if state.status is StepStatus.WAITING and step.trigger.type is TriggerType.MANUAL:
		host.messages.close(record.as_dict(), step_id)
	session.put(
		step_id,
		state.move(
			StepStatus.SCHEDULED,
			trigger_at=now,
			purpose="call",
			input=value if given else state.input,
			input_at=now if given else state.input_at,
		),
	)
	save(host, session, now, wake_at=now)
	if not by_webhook:
		_audit(host, record, "run.step_fired", step_id, state.status, StepStatus.SCHEDULED, reason)
	return Accepted(record.name, step_id)


def delegate_step(
	host: Host,
	run: str,
	step_id: str,
	to: Sequence[str],
	away: Sequence[str] = (),
	person: Person | None = None,
	reason: str = "",
) -> None:
	"""Give a step that waits for a person to these users, who may fire it then whoever else may; those in
	`away` may not any more. person: who does it, None where nobody has to be asked.

	Raises RunNotFound, StepNotFound, NotAllowed, StepNotWaiting, BadInput.
	"""

	def work() -> None:
		delegate_locked(host, host.runs.lock(run), step_id, to, away, person, reason)

	host.runs.transact(work)


def delegate_locked(
	host: Host,
	record: RunRecord,
	step_id: str,
	to: Sequence[str],
	away: Sequence[str],
	person: Person | None,
	reason: str = "",
	tell: bool = True,
) -> None:
	"""tell: whether the people are still to be told, and those who gave it away."""
	session = Session(host, record)
	if step_id not in session.definition:
		raise StepNotFound(f"{record.name} has no step {step_id!r}.")
	if not to and not away:
		raise BadInput("Say to whom the step is given.")
	step, state = session.definition.step(step_id), session.state(step_id)
	if person is not None and not person.manages:
		check_fire(step, state, person)
	if (
		record.status != RunStatus.RUNNING
		or state.status is not StepStatus.WAITING
		or step.trigger.type is not TriggerType.MANUAL
	):
		raise StepNotWaiting(f"{step.label!r} is {state.status.value} and waits for no person.")
	now = host.runs.now()
	mark_due(host, session, now)
	state = session.state(step_id)
	session.put(step_id, state.changed(handed=hand(state, to, away)))
	if tell:
		host.messages.hand_over(record.as_dict(), step_id, step.label, tuple(to), tuple(away))
	save(host, session, now, wake_at=session.next_time())
	details = {"to": list(to), "from": list(away)}
	_audit(host, record, "run.step_delegated", step_id, state.status, state.status, reason, details)


def cancel_run(
	host: Host, run: str, reason: str, compensate: bool | None = None, happened: Collection[str] = ()
) -> list[str]:
	"""End a run: every unsettled step becomes cancelled. Returns steps whose external call is in flight.

	compensate: whether what it did is undone; None leaves that to its flow. Raises RunNotFound, RunFinal.
	"""

	def work() -> list[str]:
		record = host.runs.lock(run)
		if record.status in _FINAL:
			raise RunFinal(f"{record.name} is {record.status}.")
		return cancel_locked(host, record, reason, None, compensate, happened)

	return host.runs.transact(work)


def retry_step(host: Host, run: str, step_id: str, reason: str = "") -> None:
	"""Try a failed step again, with all the tries its retry policy allows; reopens a failed run. Attempts go
	on counting, so that each keeps its log row.

	Raises RunNotFound, StepNotFound, RunFinal, StepNotWaiting.
	"""

	def work() -> None:
		record = host.runs.lock(run)
		session = Session(host, record)
		if step_id not in session.definition:
			raise StepNotFound(f"{record.name} has no step {step_id!r}.")
		_retry_locked(host, session, record, [step_id], reason)

	host.runs.transact(work)
	host.jobs.hint()


def retry_failed(host: Host, run: str, reason: str = "") -> list[str]:
	"""Try every step again whose failure nothing handles; their ids. Raises RunNotFound, RunFinal,
	StepNotWaiting (there is none)."""

	def work() -> list[str]:
		record = host.runs.lock(run)
		session = Session(host, record)
		failed = [
			step.id
			for step in session.definition.steps
			if session.state(step.id).status is StepStatus.FAILED and session.state(step.id).handled is None
		]
		if not failed and record.status not in _FINAL:
			raise StepNotWaiting(f"No step of {record.name} has failed for an operator to decide.")
		if not failed:
			raise RunFinal(f"{record.name} is {record.status}.")
		_retry_locked(host, session, record, failed, reason)
		return failed

	steps = host.runs.transact(work)
	host.jobs.hint()
	return steps


def _retry_locked(
	host: Host, session: Session, record: RunRecord, step_ids: Sequence[str], reason: str
) -> None:
	now = host.runs.now()
	mark_due(host, session, now)
	for step_id in step_ids:
		_reopen(session, record, step_id, now, "call")
		_audit(host, record, "run.step_retried", step_id, StepStatus.FAILED, StepStatus.SCHEDULED, reason)
	save(host, session, now, wake_at=now)


def skip_step(host: Host, run: str, step_id: str, reason: str = "") -> None:
	"""Give a failed step up: what needs it is skipped too, a join goes on with the rest; reopens a failed
	run.

	Raises RunNotFound, StepNotFound, RunFinal, StepNotWaiting.
	"""
	_settle(
		host,
		run,
		step_id,
		StepStatus.SKIPPED,
		"run.step_skipped",
		why=reason,
		reason=SkipReason.OPERATOR,
	)


def mark_done(host: Host, run: str, step_id: str, result: Any = None, reason: str = "") -> None:
	"""Somebody did by hand what a failed step could not: it counts as done, with this result (a JSON object).

	Raises RunNotFound, StepNotFound, RunFinal, StepNotWaiting, BadInput.
	"""
	if result is not None and not isinstance(result, Mapping):
		raise BadInput("The result of a step is a JSON object.")
	result = limit_result(dict(check_input(result) or {}))
	_settle(
		host, run, step_id, StepStatus.DONE, "run.step_marked_done", why=reason, result=result, error=None
	)


def _settle(
	host: Host, run: str, step_id: str, status: StepStatus, event: str, why: str, **changes: Any
) -> None:
	def work() -> None:
		record = host.runs.lock(run)
		session = Session(host, record)
		if step_id not in session.definition:
			raise StepNotFound(f"{record.name} has no step {step_id!r}.")
		now = host.runs.now()
		mark_due(host, session, now)
		state = _failed(session, record, step_id)
		session.put(step_id, state.move(status, completed_at=now, **changes))
		save(host, session, now, wake_at=session.next_time())
		_audit(host, record, event, step_id, StepStatus.FAILED, status, why)

	host.runs.transact(work)
	host.jobs.hint()


def _failed(session: Session, record: RunRecord, step_id: str) -> StepState:
	"""The state of a step whose failure nothing handles. Raises RunFinal, RunCompensated, StepNotWaiting."""
	reach("outsider.locked")
	if record.status in _FINAL:
		raise RunFinal(f"{record.name} is {record.status}.")
	refuse_compensated(session.host, record)
	state = session.state(step_id)
	if state.status is not StepStatus.FAILED or state.handled is not None:
		raise StepNotWaiting(f"The step is {state.status.value}, not failed for an operator to decide.")
	return state


def _reopen(session: Session, record: RunRecord, step_id: str, at: datetime, purpose: str) -> None:
	state = _failed(session, record, step_id)
	session.put(
		step_id,
		replace(
			state,
			status=StepStatus.SCHEDULED,
			trigger_at=at,
			purpose=purpose,
			completed_at=None,
			error=None,
			result=None,
			# Whoever asks has seen to the cause: one try with a used-up policy would end at any hiccup.
			forgiven=state.attempts,
		),
	)


def repair_pending(host: Host, record: RunRecord, step_id: str, trigger_at: datetime) -> bool:
	"""An operator set a pending row back to `pending` or moved its time: make the run agree, in the current
	transaction, with the run's row locked. False when the step is past all that (the row is stale)."""
	if record.status in _FINAL:
		return False
	session = Session(host, record)
	if step_id not in session.definition:
		return False
	state = session.state(step_id)
	now = host.runs.now()
	if state.status is StepStatus.FAILED and state.handled is None:
		# As a retry, which has a row: this one, closed again when the step has run.
		_reopen(session, record, step_id, trigger_at, "retry")
		save(host, session, now, wake_at=session.next_time())
		_audit(host, record, "run.step_retried", step_id, StepStatus.FAILED, StepStatus.SCHEDULED)
		return True
	if state.status in (StepStatus.SCHEDULED, StepStatus.WAITING) and state.trigger_at is not None:
		if not _same_wall_time(state.trigger_at, trigger_at, host.clock.time_zone):
			moved = replace(state, trigger_at=trigger_at)
			session.frontier.put(step_id, session.clocked(step_id, moved))
			_audit(host, record, "run.step_moved", step_id, state.status, state.status)
		save(host, session, now, wake_at=session.next_time())
		return True
	return False


def reconcile_locked(host: Host, record: RunRecord) -> str:
	"""A running run that nothing wakes: `fine` (it waits for somebody), `woken`, or `incident` (it has
	nothing to wait for, or cannot be read)."""
	if record.status != RunStatus.RUNNING or record.wake_at is not None or record.lease_token is not None:
		return "fine"
	now = host.runs.now()
	try:
		session = Session(host, record)
	except TransientDatabaseError:
		raise
	except FlowError:
		# A worker parks it, with the reason shown.
		host.runs.write(record.name, None, wake_at=now, revision=record.revision + 1)
		return "incident"
	if session.frontier.status() is not RunStatus.RUNNING:
		save(host, session, now, wake_at=None)
		failed = session.frontier.status() is RunStatus.FAILED
		if failed:
			message = "Nothing was left that could happen in this run."
			if not session.frontier.failed_steps:
				host.runs.write(record.name, None, error_code="stuck", error_message=message)
			host.messages.alert(record.as_dict(), None, "stuck", message)
		return "incident" if failed else "woken"
	wake_at = now if session.frontier.ready else session.next_time()
	if any(state.status is StepStatus.RUNNING for _id, state in session.frontier.active_steps()):
		# A call that no worker waits for: whoever claims the run finds its outcome unknown.
		wake_at = now
	if wake_at is None:
		return "fine"
	save(host, session, now, wake_at=wake_at)
	return "woken"


def _same_wall_time(one: datetime, other: datetime, zone: ZoneInfo) -> bool:
	"""Rows show site time, which repeats an hour each autumn: a row that shows the step's time was not
	moved."""
	shown = [when.astimezone(zone).replace(tzinfo=None, fold=0) for when in (one, other)]
	return shown[0] == shown[1]


def wake_run(host: Host, run: str) -> None:
	"""Make a running run due now. Raises RunNotFound, RunFinal."""

	def work() -> None:
		record = host.runs.lock(run)
		if record.status != RunStatus.RUNNING:
			raise RunFinal(f"{record.name} is {record.status}.")
		host.runs.write(run, None, wake_at=host.runs.now(), revision=record.revision + 1)

	host.runs.transact(work)
	host.jobs.hint()


def _audit(
	host: Host,
	record: RunRecord,
	event: str,
	step_id: str | None,
	before: str,
	after: str,
	reason: str = "",
	details: Mapping[str, Any] | None = None,
) -> None:
	"""Who did it is whoever acts in this transaction."""
	host.runs.audit(
		AuditEvent(
			event,
			flow_template=record.flow_template,
			flow_run=record.name,
			step_id=step_id,
			reason=reason,
			from_status=str(before),
			to_status=str(after),
			details=details or {},
		)
	)


def check_input(value: Any) -> Any:
	"""A posted value as it is kept: JSON data. Raises BadInput."""
	try:
		return json.loads(json.dumps(value))
	except (TypeError, ValueError) as error:
		raise BadInput(f"The posted value is not JSON: {error}") from None
