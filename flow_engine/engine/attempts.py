"""One attempt of a step, and how its outcome is written into log and state.

Decides what an outcome means: done, tried again later, failed and how that is handled. Leaves to running.py
when an attempt is made and in which transaction it is recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flow_engine.engine.definition import TriggerType
from flow_engine.engine.errors import FlowError, HttpNoAnswer, HttpNotSent, StepError
from flow_engine.engine.outcomes import Done, Fail, Outcome, Retry, Unknown
from flow_engine.engine.ports import Claim, Host, LogRow
from flow_engine.engine.retry import Again, decide_retry
from flow_engine.engine.run_events import run_events
from flow_engine.engine.session import Session
from flow_engine.engine.state import RunStatus, StepStatus, handling, limit_result


@dataclass(frozen=True, slots=True)
class Attempt:
	"""One execution of a step and what came of it, on its way to being recorded."""

	step_id: str
	number: int
	outcome: Outcome
	started: datetime
	acting_user: str | None = None
	key: str | None = None
	external: bool = False

	def ended(self, outcome: Outcome) -> Attempt:
		"""The same attempt with what came of it."""
		return Attempt(
			self.step_id, self.number, outcome, self.started, self.acting_user, self.key, self.external
		)


class Recorder:
	"""Writes attempts of one claimed run. `executed`: ids of the steps recorded, for whoever asked."""

	def __init__(self, host: Host, claim: Claim):
		self.host = host
		self.claim = claim
		self.executed: list[str] = []
		# Has the run's start yet to be told, and does the turn at hand tell it?
		self.first, self.telling = False, False

	def _record(self, session: Session, attempt: Attempt, now: datetime) -> None:
		"""Write one attempt's outcome into log and state."""
		step = session.definition.step(attempt.step_id)
		state = session.state(attempt.step_id)
		outcome = attempt.outcome
		self.executed.append(attempt.step_id)
		if isinstance(outcome, Done):
			result = dict(outcome.result)
			if state.input_at is not None:
				result["input"] = state.input
			result = limit_result(result)
			session.log(step.id, attempt.number, "done", **_columns(attempt, now, result))
			session.touch(step.id, outcome.touched)
			session.put(
				step.id,
				state.move(
					StepStatus.DONE,
					attempts=attempt.number,
					started_at=attempt.started,
					completed_at=now,
					result=result,
					error=None,
					trigger_at=None,
					purpose=None,
				),
			)
			return
		kind = self.host.kinds.get(step.kind)
		decision: Any = outcome
		if kind:
			tries = attempt.number - state.forgiven
			decision = decide_retry(outcome, step, kind, tries, self.host.clock.random())
		if isinstance(decision, Again):
			next_at = now + timedelta(seconds=decision.seconds)
			error = {"code": outcome.code, "message": outcome.message}
			session.log(step.id, attempt.number, "retry", **_columns(attempt, now), next_at=next_at)
			session.put(
				step.id,
				state.move(
					StepStatus.SCHEDULED,
					attempts=attempt.number,
					started_at=attempt.started,
					trigger_at=next_at,
					purpose="retry",
					error=error,
				),
			)
			return
		self._fail(session, attempt, now, decision.code, decision.message)

	def _fail(self, session: Session, attempt: Attempt, now: datetime, code: str, message: str) -> None:
		"""The step has failed for good: handled as the flow says, else shown and alerted."""
		step_id = attempt.step_id
		handled = handling(session.definition, step_id, code)
		columns = {**_columns(attempt, now), "error_code": code, "error_message": message[:2000]}
		session.log(step_id, attempt.number, "failed", **columns)
		session.put(
			step_id,
			session.state(step_id).move(
				StepStatus.FAILED,
				attempts=attempt.number,
				started_at=attempt.started,
				completed_at=now,
				result=columns.get("result"),
				error={"code": code, "message": message[:2000]},
				handled=handled,
				trigger_at=None,
				purpose=None,
			),
		)
		if handled is None:
			self.host.messages.alert(session.record.as_dict(), step_id, code, message)

	def _tell(self, session: Session, columns: dict[str, Any], now: datetime) -> None:
		"""Into the audit trail, what this turn says of the run's own life; before its rows are flushed."""
		ends = str(columns.get("status", RunStatus.RUNNING)) != RunStatus.RUNNING
		self.telling = self.first and (ends or not session.is_unchanged())
		if self.telling and not session.log_seq and "step_state" not in columns:
			# By its state a run that was taken up is told from a new one.
			columns.update(session.snapshot(now, session.record.wake_at))
		events = run_events(session.record, columns, now, first=self.telling)
		if events:
			self.host.runs.audit(*events)

	def _close_question(self, session: Session, step_id: str) -> None:
		if session.definition.step(step_id).trigger.type is TriggerType.MANUAL:
			self.host.messages.close(session.record.as_dict(), step_id)

	def _record_late(self, attempt: Attempt) -> None:
		"""Another worker took over while the call was made: its outcome is evidence, not state."""

		def write() -> None:
			self.host.runs.put_late(self.claim.run, late_row(attempt, self.host.runs.now()))

		try:
			self.host.runs.transact(write)
		except FlowError as error:
			self.host.report(error, f"late outcome of {self.claim.run} {attempt.step_id}")


def late_row(attempt: Attempt, now: datetime) -> LogRow:
	return LogRow(attempt.step_id, attempt.number, "late_outcome", 0, **_columns(attempt, now))


def _columns(attempt: Attempt, now: datetime, result: Any = None) -> dict[str, Any]:
	"""The attempt as its log row has it; `result` where it is stored otherwise than the handler gave it."""
	outcome = attempt.outcome
	if result is None:
		result = limit_result(dict(getattr(outcome, "result", None) or {}))
	columns: dict[str, Any] = {
		"started": attempt.started,
		"finished": now,
		"acting_user": attempt.acting_user or None,
		"key": attempt.key,
		"closes": attempt.external,
		"result": result if isinstance(outcome, Done) else result or None,
		"kept": kept_by(outcome) if isinstance(outcome, Done) else None,
	}
	if not isinstance(outcome, Done):
		columns.update(error_code=outcome.code, error_message=outcome.message[:2000])
	return columns


def kept_by(outcome: Done) -> Mapping[str, Any] | None:
	"""What the handler kept for undoing, as it is stored; half of it would undo the wrong thing."""
	if outcome.kept is None:
		return None
	kept = limit_result(dict(outcome.kept))
	return None if "$cut" in kept else kept


_WITH_RESULT = (Done, Retry, Fail)


def usable(outcome: Any) -> Outcome:
	"""A handler's answer, or the failure that it is none: kinds come from other apps too."""
	if isinstance(outcome, Unknown):
		return outcome
	if isinstance(outcome, _WITH_RESULT) and isinstance(outcome.result, Mapping):
		if isinstance(outcome, Done) and not isinstance(outcome.kept, Mapping | None):
			return Fail("handler_error", "The step's handler kept something that is no object.")
		if not isinstance(outcome, Done) or not [one for one in outcome.touched if len(one) != 3]:
			return outcome
	return Fail("handler_error", f"The step's handler gave an answer that is none: {type(outcome).__name__}.")


def outcome_of(error: StepError) -> Outcome:
	"""What a handler's raised error means for its attempt."""
	if isinstance(error, HttpNoAnswer):
		return Unknown(error.message)
	if isinstance(error, HttpNotSent) or error.code == "conflict":
		return Retry(error.code, error.message)
	return Fail.of(error)


def idempotency_key(site: str, run: str, step_id: str, iteration: int = 0) -> str:
	"""The same on every attempt of the step."""
	return f"{site}:{run}:{step_id}" + (f":{iteration}" if iteration else "")
