"""Advancing a run: the protocol that makes every step happen once, whatever crashes in between.

One *turn* is one transaction: lock the run, check the lease, look at what is ready, execute, record, commit.
Steps without effect share a turn; a step with a database effect ends its turn, so that its effect and its
record commit together; a step with an external effect ends its turn with a `running` log row, is called with
nothing held, and its outcome is recorded by the next turn. Memory is never trusted across a failed
transaction: the session is dropped and read again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from flow_engine.engine.admission import admit
from flow_engine.engine.advanced import Advanced
from flow_engine.engine.allow_lists import has_templates, rendered
from flow_engine.engine.attempts import Attempt, Recorder, idempotency_key, late_row, outcome_of, usable
from flow_engine.engine.breaker import after_failure
from flow_engine.engine.calling import Call, make_call
from flow_engine.engine.compensating import ends_in_more, when_ended
from flow_engine.engine.context import Context, build_context, read_ahead, reads_of
from flow_engine.engine.crash_points import reach
from flow_engine.engine.definition import Step, TriggerType, Undo
from flow_engine.engine.errors import (
	FlowError,
	LeaseLost,
	RunNotFound,
	StepError,
	StorageFailed,
	TransientDatabaseError,
	UnknownKind,
)
from flow_engine.engine.firing import At, Now, OnCall, decide_firing
from flow_engine.engine.kinds.base import Effect, Kind, StepContext, effect_of, perform
from flow_engine.engine.original import original_of
from flow_engine.engine.outcomes import Done, Fail, Retry, Unknown
from flow_engine.engine.parking import park
from flow_engine.engine.ports import Claim, Host, RunRecord
from flow_engine.engine.run_events import was_taken_up
from flow_engine.engine.session import Session
from flow_engine.engine.sla.marking import mark_due
from flow_engine.engine.state import RunStatus, StepStatus
from flow_engine.engine.step_context import step_context

LEASE_SECONDS = 60.0
CALL_MARGIN_SECONDS = 30.0
ADVANCE_STEPS = 100
ADVANCE_SECONDS = 5.0
BATCH_STEPS = 50
BATCH_SECONDS = 0.5
LOST_LEASES = 5


# What an attempt that has not ended stands with.
_OPEN = Done()


class _HandlerFailed(Exception):
	"""Carries a failed attempt out of its transaction, which thereby rolls the handler's writes back."""

	def __init__(self, attempt: Attempt):
		self.attempt = attempt


def advance_run(host: Host, claim: Claim) -> Advanced:
	"""Move a claimed run as far as it goes now, and give up the lease."""
	return Advance(host, claim).go()


class Advance(Recorder):
	"""One worker's work on one claimed run."""

	def __init__(self, host: Host, claim: Claim, shares: bool = False):
		super().__init__(host, claim)
		# Where its turn shares a transaction with other runs' turns, it stops before what has an effect.
		self.shares = shares
		self.session: Session | None = None
		self.clean = True
		self.scheduled: list[str] = []
		self.told = (0, 0)
		self.status: str | None = None
		self.until = host.clock.monotonic() + ADVANCE_SECONDS
		# After a lost lease each step is committed before the next begins: should the worker be lost again,
		# the step it was on is the first one that is ready.
		self.batch_steps = 1 if claim.attempts else BATCH_STEPS
		self.poisoned = claim.attempts >= LOST_LEASES
		self.found = False
		# Have people been told in this turn that something is late?
		self.marked = False
		self.unsaved = False
		self.on_step: Attempt | None = None
		# A call whose intent may be committed: the commit gave no answer, and nothing has been sent.
		self.intended: Call | None = None

	def go(self) -> Advanced:
		"""To the end of the advance, by itself."""
		self.shares = False
		return self.ended(self._go())

	def committed(self) -> None:
		"""What is in memory is what is stored. Not before the commit is known to have happened: a repeated
		turn reads what is stored."""
		self.clean, self.intended = True, None
		self.first, self.telling = self.first and not self.telling, False
		self.told = len(self.executed), len(self.scheduled)
		self.poisoned = False

	def ended(self, advanced: Advanced) -> Advanced:
		if advanced.status == RunStatus.FAILED:
			after_failure(self.host, self.claim.run, self.claim.flow_template)
		return advanced

	def _go(self) -> Advanced:
		carried: Attempt | None = None
		try:
			if not self.claim.admitted:
				if not self.host.runs.transact(lambda: admit(self.host, self.claim)):
					self.status = RunStatus.CANCELLED.value
					return self.advanced()
			while True:
				try:
					call, ended = self.host.runs.transact(lambda carried=carried: self._turn(carried))
					self.committed()
				except _HandlerFailed as failure:
					carried = failure.attempt
					continue
				except TransientDatabaseError as error:
					if self.on_step is None:
						raise
					# It outlasted the store's own repetition while a step was being executed: an attempt.
					carried = self.on_step.ended(Retry(error.code, error.message))
					continue
				carried = None
				if ended:
					return self.advanced(more=ended == "yield")
				if call is not None:
					reach("call.before")
					carried = make_call(self.host, self.claim.run, call)
					reach("call.after")
		except LeaseLost:
			if carried is not None and carried.external:
				self._record_late(carried)
			return self.advanced(lost=True)
		except RunNotFound:
			return self.advanced(lost=True)

	def advanced(self, more: bool = False, lost: bool = False) -> Advanced:
		return Advanced(
			self.claim.run, tuple(self.executed), tuple(self.scheduled), self.status, more=more, lost=lost
		)

	# --- one transaction ------------------------------------------------------------------------------------

	def _turn(self, carried: Attempt | None) -> tuple[Call | None, str | None]:
		"""Returns a call to make, and how the advance ended ("idle", "yield"), if it did."""
		record = self._lock()
		reach("turn.locked")
		return self.turn_on(record, self.host.runs.now(), carried)

	def turn_on(
		self, record: RunRecord, now: datetime, carried: Attempt | None = None
	) -> tuple[Call | None, str | None]:
		"""A turn on a row that is locked. Once it is known to have been committed: `committed`."""
		self.on_step = None
		self.marked = False
		del self.executed[self.told[0] :], self.scheduled[self.told[1] :]
		if record.status != RunStatus.RUNNING:
			self.status = record.status
			self._release(record)
			return None, "idle"
		try:
			if self.shares and ends_in_more(self.host, record):
				return None, None
			session = self._session(record, now, carried)
			if session is None:
				return None, None
			if session.is_late(now, anew=carried is not None):
				self.marked |= mark_due(self.host, session, now)
		except FlowError as error:
			if isinstance(error, TransientDatabaseError | LeaseLost):
				raise
			self.status = park(self.host, self.claim, record, error, now)
			return None, "idle"
		reach("turn.loaded")
		self.clean = False
		# What was found on loading is committed by itself: a handler that fails later must not take it back.
		apart = (self.found or self.marked) and carried is None
		call = None if apart else self._work(session, now, carried)
		self.found = False
		ended: str | None = None
		lease_seconds = LEASE_SECONDS
		columns: dict[str, Any] = {"attempts": 0, "failed_steps": session.frontier.failed_steps}
		if call is not None:
			lease_seconds = call.context.timeout_seconds + CALL_MARGIN_SECONDS
		elif not session.frontier.ready:
			ended = "idle"
		elif self._spent():
			ended = "yield"
		elif self.shares and not self.scheduled and session.is_unchanged():
			return None, None
		if ended:
			wake_at = now if ended == "yield" else session.next_time()
			columns.update(session.snapshot(now, wake_at), lease_until=None, lease_token=None)
			self.status = columns["status"]
		else:
			if self.marked or (call is not None and self.unsaved):
				# What was told has to be known for told. And a call may take minutes, and meanwhile whoever
				# was asked answers: the steps that wait must be seen.
				columns.update(session.snapshot(now, record.wake_at))
				self.unsaved = False
			columns.update(log_seq=session.log_seq, lease_until=now + timedelta(seconds=lease_seconds))
		self._tell(session, columns, now)
		session.flush()
		reach("turn.flushed")
		if ended:
			when_ended(self.host, session, columns["status"])
		self.host.runs.write(record.name, self.claim.token, **columns)
		reach("turn.written")
		return call, ended

	def _lock(self) -> RunRecord:
		"""The run's row under its lock; between two turns only what says whether it moved is read again."""
		if self.session is not None and self.clean:
			mark = self.host.runs.relock(self.claim.run, self.claim.token)
			if mark.status == RunStatus.RUNNING and self.session.matches(mark):
				return self.session.record
		return self.host.runs.lock(self.claim.run, self.claim.token)

	def _spent(self) -> bool:
		"""Never before something was done: a run that is slow to load would yield for ever."""
		if not self.executed and not self.scheduled:
			return False
		return len(self.executed) >= ADVANCE_STEPS or self.host.clock.monotonic() > self.until

	def _session(self, record: RunRecord, now: datetime, carried: Attempt | None) -> Session | None:
		"""The session in memory if the row has not moved since, else a new one. None: people have to be told
		something, which is done apart from other runs."""
		session = self.session
		if session is not None and record is session.record:
			return session
		if session is None or not self.clean or not session.matches(record):
			session = self.session = Session(self.host, record)
			self.first, self.telling = not was_taken_up(record), False
			if session.is_late(now):
				if self.shares:
					self.session = None
					return None
				# First of all: what has been late when its time limit was over, was late before.
				self.marked = mark_due(self.host, session, now)
			self._collect_due(session, now)
			self.found = self._settle_lost_calls(session, now, carried)
			if self.poisoned and not self.found:
				self.found = self._fail_poison(session, now)
		session.record = record
		return session

	def _collect_due(self, session: Session, now: datetime) -> None:
		"""Scheduled steps whose time has come join what is ready; expired waits fail."""
		for step_id, state in list(session.frontier.active_steps()):
			if state.trigger_at is None or state.trigger_at > now:
				continue
			if state.status is StepStatus.SCHEDULED:
				session.frontier.ready.append(step_id)
			elif state.status is StepStatus.WAITING:
				self._time_out(session, step_id, now)

	def _time_out(self, session: Session, step_id: str, now: datetime) -> None:
		self._close_question(session, step_id)
		outcome = Fail("timed_out", "Nobody answered in time.")
		attempt = Attempt(step_id, session.state(step_id).attempts + 1, outcome, now)
		self._fail(session, attempt, now, outcome.code, outcome.message)

	def _settle_lost_calls(self, session: Session, now: datetime, carried: Attempt | None) -> bool:
		"""A call that was in flight when its worker disappeared has an unknown outcome. Was there one?"""
		found = False
		for step_id, state in list(session.frontier.active_steps()):
			if state.status is not StepStatus.RUNNING or (carried is not None and carried.step_id == step_id):
				continue
			if self._is_intended(step_id, state.attempts):
				continue
			lost = Unknown("The worker disappeared while this call was in flight: its outcome is unknown.")
			self._record(
				session,
				Attempt(
					step_id,
					state.attempts,
					lost,
					state.started_at or now,
					acting_user=session.record.run_as,
					key=idempotency_key(self.host.site, session.record.name, step_id),
					external=True,
				),
				now,
			)
			reach("lost_call.settled")
			found = True
		return found

	def _is_intended(self, step_id: str, attempt: int) -> bool:
		call = self.intended
		return call is not None and call.step.id == step_id and call.context.attempt == attempt

	def _fail_poison(self, session: Session, now: datetime) -> bool:
		"""The step this run was on has taken its worker down too often. Was there one?"""
		if not session.frontier.ready:
			return False
		step_id = session.frontier.ready.popleft()
		message = f"The worker was lost {self.claim.attempts} times in a row on this step."
		attempt = Attempt(step_id, session.state(step_id).attempts + 1, Fail("worker_lost", message), now)
		self._fail(session, attempt, now, "worker_lost", message)
		return True

	def _release(self, record: RunRecord) -> None:
		self.host.runs.write(
			record.name, self.claim.token, lease_until=None, lease_token=None, wake_at=None, attempts=0
		)

	# --- executing ------------------------------------------------------------------------------------------

	def _work(self, session: Session, now: datetime, carried: Attempt | None) -> Call | None:
		"""Record what was carried in, then execute ready steps until one has to end the turn."""
		ready = session.frontier.ready
		if carried is not None:
			# Committed by itself: a handler that fails later in this turn must not take it back.
			self._take_in(session, carried, now)
			return None
		call = self.intended
		if call and session.state(call.step.id).status is StepStatus.RUNNING:
			# A repeated turn: the intent was committed after all, so the call is still to be made.
			return call
		batch_until = self.host.clock.monotonic() + BATCH_SECONDS
		for _ in range(self.batch_steps):
			if not ready or self._spent() or self.host.clock.monotonic() > batch_until:
				return None
			step_id = ready[0]
			step = session.definition.step(step_id)
			kind = self.host.kinds.get(step.kind)
			effect = effect_of(kind, step)
			if self.shares and (effect is not Effect.NONE or step.trigger.type is TriggerType.MANUAL):
				return None
			result = self._begin(session, step, kind, effect, now)
			ready.popleft()
			if isinstance(result, Call):
				self.intended = result
				return result
			if isinstance(result, Attempt):
				self._record(session, result, now)
				reach("step.recorded")
				if step.undo or (effect is Effect.DATABASE and isinstance(result.outcome, Done)):
					return None
		return None

	def _take_in(self, session: Session, attempt: Attempt, now: datetime) -> None:
		"""Record an attempt made outside this transaction, unless the step has moved on without it."""
		reach("call.taken_in")
		state = session.state(attempt.step_id)
		if attempt.external:
			if state.status is not StepStatus.RUNNING or state.attempts != attempt.number:
				self.host.runs.put_late(self.claim.run, late_row(attempt, now))
				return
		elif attempt.step_id in session.frontier.ready and state.attempts == attempt.number - 1:
			session.frontier.ready.remove(attempt.step_id)
		else:
			# Its failure took back the steps without effect that made it ready. From here on each step is
			# committed by itself, or they would take each other back for ever.
			self.batch_steps = 1
			return
		self._record(session, attempt, now)

	def _begin(
		self, session: Session, step: Step, kind: Kind | None, effect: Effect, now: datetime
	) -> Attempt | Call | None:
		"""Fire, schedule or park one ready step. None: it now waits for a time or for somebody."""
		state = session.state(step.id)
		user = session.record.run_as or ""
		attempt = Attempt(step.id, state.attempts + 1, _OPEN, now, acting_user=user)
		if step.undo is Undo.STEPS:
			# What undoes it comes under it.
			return attempt.ended(Done())
		if kind is None or kind.handle is None:
			error = UnknownKind(f"No installed app knows the kind {step.kind!r}.")
			return attempt.ended(Fail.of(error))
		try:
			with (
				self.host.runs.guarded(session.record),
				self.host.documents.acting_as(user, also=session.record.trigger_data.get("also_as")),
			):
				original = original_of(self.host, session)
				values = build_context(
					self.host,
					session.record,
					session.definition,
					step,
					session.frontier.states,
					now,
					original,
				)
				if state.status is StepStatus.PENDING and not self._fires(session, step, values, now):
					return None
				context = step_context(self.host, session, step, kind, values, attempt.number, now)
				if effect is Effect.EXTERNAL:
					return self._prepare_call(session, step, kind, context, values, attempt)
				self.on_step = attempt if effect is Effect.DATABASE else None
				reach("step.before_handler")
				outcome = usable(perform(kind, context))
				reach("step.after_handler")
				self.on_step = None
		except (TransientDatabaseError, StorageFailed, LeaseLost):
			raise
		except StepError as error:
			outcome = outcome_of(error)
		except Exception as error:
			self.host.report(error, f"{session.record.name} {step.id} ({step.kind})")
			outcome = Fail(
				"handler_error", f"The step's handler failed: {type(error).__name__}: {error}"[:500]
			)
		attempt = attempt.ended(outcome)
		if effect is Effect.DATABASE and not isinstance(outcome, Done):
			raise _HandlerFailed(attempt)
		return attempt

	def _fires(self, session: Session, step: Step, values: Context, now: datetime) -> bool:
		"""Does a step that has just become ready run now? If not, its state says what it waits for."""
		state = session.state(step.id)
		assert state.ready_at is not None
		firing = decide_firing(step.trigger, state.ready_at, values, self.host.clock.time_zone)
		if isinstance(firing, Now):
			return True
		if isinstance(firing, At):
			if firing.when <= now:
				return True
			state = state.move(StepStatus.SCHEDULED, trigger_at=firing.when, purpose=firing.purpose)
			session.put(step.id, state, payload=dict(step.payload))
			reach("step.scheduled")
			self.scheduled.append(step.id)
			self.unsaved = True
			return False
		assert isinstance(firing, OnCall)
		if state.input_at is not None:
			return True
		purpose = "timeout" if firing.until else None
		state = state.move(StepStatus.WAITING, trigger_at=firing.until, purpose=purpose)
		session.put(step.id, state)
		self.scheduled.append(step.id)
		self.unsaved = True
		if step.trigger.type is TriggerType.MANUAL:
			people = rendered(step.trigger.fields, values, self.host.clock.time_zone)
			if has_templates(step.trigger.fields):
				session.put(step.id, state.changed(asked=people))
			self.host.messages.ask(session.record.as_dict(), step.id, step.label, **people)
		if firing.until is not None and firing.until <= now:
			self._time_out(session, step.id, now)
		return False

	def _prepare_call(
		self,
		session: Session,
		step: Step,
		kind: Kind,
		context: StepContext,
		values: Context,
		attempt: Attempt,
	) -> Call:
		"""Write the intent; the call itself is made after this transaction has committed."""
		read_ahead(step, values)
		roots = session.definition.reads[step.id] | kind.needs
		frozen = values.loaded(roots | reads_of(step, self.host.extra_context))
		session.put(
			step.id,
			session.state(step.id).move(
				StepStatus.RUNNING,
				attempts=attempt.number,
				started_at=attempt.started,
				trigger_at=None,
				purpose=None,
			),
		)
		session.log(
			step.id,
			attempt.number,
			"running",
			started=attempt.started,
			acting_user=attempt.acting_user,
			key=context.key,
		)
		reach("call.intended")
		call_context = replace(context, values=frozen)
		return Call(step, kind, call_context, attempt.acting_user or "", attempt.started)
