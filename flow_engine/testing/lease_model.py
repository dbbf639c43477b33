"""A model of claim, lease and fence: whatever workers, crashes, zombies and outsiders do in whatever order,
each step's document appears once, a stale worker writes nothing, and in the end every run ends.

It knows neither the host nor who chooses what happens. A test lets chance choose and looks after each act; a
trace of acts that is told twice tells whether two hosts do the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

from flow_engine.engine.crash_points import CRASH_POINTS, arm
from flow_engine.engine.draining import drain, start_run
from flow_engine.engine.errors import RunFinal, StepNotWaiting
from flow_engine.engine.interventions import cancel_run, complete_step, retry_step, wake_run
from flow_engine.engine.kinds import register
from flow_engine.engine.kinds.base import Effect, StepContext
from flow_engine.engine.outcomes import Done, Fail, Outcome
from flow_engine.engine.ports import Claim, Host, LogRow, NewRun
from flow_engine.engine.running import LEASE_SECONDS, advance_run
from flow_engine.engine.session import Session
from flow_engine.testing.builders import flow, make_kind, step
from flow_engine.testing.crashing import die_at

IN_A_WORKER = sorted(name for name in CRASH_POINTS if name.split(".")[0] in ("turn", "step", "flush", "call"))
IN_A_DRAIN = sorted(
	name for name in CRASH_POINTS if name.split(".")[0] in ("claim", "drain", "batch", "turn")
)
FLOW = flow(
	step("one", "m_document"),
	step("ask", when="manual", after=["one"]),
	step("call", "m_call", after=["one"]),
	step("two", "m_document", parent="call"),
	step("late", "m_document", when=("after_delay", {"delay_minutes": 3}), after=["one"]),
	step("three", "m_document", after=["ask", "two", "late"]),
)
DOCUMENTS = tuple(one["id"] for one in FLOW["steps"] if one["kind"] == "m_document")
CALL_MODES = {"answers": lambda: Done({}), "refuses": lambda: Fail("http_status", "No.")}
ACTS = ("answer", "fire", "retry", "wake", "cancel")
PAUSES = (5, LEASE_SECONDS + 1, 200)
MOST_RUNS = 4


class Died(BaseException):
	"""The worker is gone: nothing may catch this."""


class Place(Protocol):
	"""What a host brings that no port offers."""

	host: Host

	def publish(self, definition: Mapping[str, Any]) -> tuple[str, int]: ...
	def now(self) -> datetime: ...
	def pass_time(self, seconds: float) -> None: ...


class LeaseModel:
	"""The model is what each run may at most have done; the store says what it has.

	Acts take `pick`, a number that chooses among what there is; an act for which there is nothing does
	nothing.
	"""

	user = "Administrator"

	def kinds(self) -> Mapping[str, Any]:
		return register(
			[
				make_kind("m_document", self._write),
				make_kind("m_call", self._make_call, Effect.EXTERNAL),
			]
		)

	def __init__(self) -> None:
		self.calls: Counter[str] = Counter()
		self.mode = "answers"
		self.runs: list[str] = []
		self.held: list[Claim] = []
		self.cancelled: set[str] = set()

	def open(self, place: Place) -> None:
		self.place, self.host = place, place.host
		self.published = place.publish(FLOW)
		self.start()

	def _write(self, ctx: StepContext) -> Outcome:
		ctx.documents.insert("Issue", {"subject": f"{ctx.run['name']}/{ctx.step_id}"})
		return Done()

	def _make_call(self, ctx: StepContext) -> Outcome:
		self.calls[ctx.key] += 1
		return CALL_MODES[self.mode]()

	# --- what may happen ------------------------------------------------------------------------------------

	def start(self) -> None:
		if len(self.runs) < MOST_RUNS:
			new = NewRun(*self.published, "manual", run_as=self.user)
			self.runs.append(self.host.runs.transact(lambda: start_run(self.host, new)))

	def claim(self, limit: int) -> None:
		before = {run: self._read(run) for run in self.runs}
		for claim in self.host.runs.claim(limit, LEASE_SECONDS):
			free = before[claim.run].lease_until
			assert free is None or free <= self.place.now(), "claimed while somebody's lease was live"
			self.held.append(claim)

	def sleep_past_the_lease(self) -> None:
		"""Whoever holds a run sleeps on; somebody else claims it."""
		if self.held:
			self.pass_time(LEASE_SECONDS + 1)
			self.claim(1)

	def advance(self, pick: int) -> None:
		"""By whoever thinks to hold the run, a zombie too."""
		if not self.held:
			return
		claim = self.held.pop(pick % len(self.held))
		before = self._read(claim.run)
		stale = before.lease_token != claim.token
		advanced = advance_run(self.host, claim)
		if stale:
			assert advanced.lost and not advanced.executed
			assert self._read(claim.run) == before

	def advance_and_die(self, pick: int, point: str, nth: int) -> None:
		if not self.held:
			return
		claim = self.held.pop(pick % len(self.held))
		self._dying(point, nth, lambda: advance_run(self.host, claim))

	def work(self) -> None:
		"""A worker takes what is due, many at a time, to its end."""
		drain(self.host, 60)

	def work_and_die(self, point: str, nth: int) -> None:
		self._dying(point, nth, lambda: drain(self.host, 60))

	@staticmethod
	def _dying(point: str, nth: int, act: Callable[[], Any]) -> None:
		def end() -> None:
			raise Died

		die_at(point, nth, end)
		try:
			act()
		except Died:
			pass
		finally:
			arm(None)

	def pass_time(self, seconds: float) -> None:
		self.place.pass_time(seconds)

	def change_the_receiver(self, mode: str) -> None:
		self.mode = mode

	def interfere(self, pick: int, act: str) -> None:
		run = self.runs[pick % len(self.runs)]
		try:
			if act == "answer":
				complete_step(self.host, run, "ask", "yes")
			elif act == "fire":
				complete_step(self.host, run, "late")
			elif act == "retry":
				retry_step(self.host, run, "call")
			elif act == "wake":
				wake_run(self.host, run)
			else:
				cancel_run(self.host, run, "Enough.")
				self.cancelled.add(run)
		except (RunFinal, StepNotWaiting):
			pass

	# --- what must hold -------------------------------------------------------------------------------------

	def check(self) -> None:
		rows = [(run, row) for run in self.runs for row in self._log(run)]
		done = Counter(
			f"{run}/{row.step_id}" for run, row in rows if row.state == "done" and row.step_id in DOCUMENTS
		)
		assert self._documents() == done, "a document without its record, or the other way round"
		assert all(times == 1 for times in done.values()), "written twice"
		logged = Counter(row.key for _run, row in rows if row.step_id == "call")
		assert all(times <= logged[key] for key, times in self.calls.items()), "a call without its attempt"
		for run in self.cancelled:
			assert self._read(run).status == "cancelled", "a cancelled run went on"

	def _log(self, run: str) -> list[LogRow]:
		return self.host.runs.transact(lambda: self.host.runs.log_since(run, 0))

	def _documents(self) -> Counter[str]:
		"""Subject → how many there are."""

		def look() -> Counter[str]:
			with self.host.documents.acting_as(self.user):
				return +Counter(
					{
						subject: len(self.host.documents.find("Issue", {"subject": subject}))
						for run in self.runs
						for subject in (f"{run}/{step_id}" for step_id in DOCUMENTS)
					}
				)

		return self.host.runs.transact(look)

	def picture(self) -> list[Any]:
		"""Where each run stands, in the order of their start; the same for hosts that do the same."""
		return [self._picture(run) for run in self.runs]

	def _picture(self, run: str) -> Any:
		def look() -> Any:
			record = self.host.runs.read(run)
			session = Session(self.host, record)
			states = {one.id: session.state(one.id) for one in session.definition.steps}
			return {
				"run": [record.status, record.failed_steps, record.attempts, record.lease_token is not None],
				"steps": {
					step_id: [
						state.status.value,
						state.attempts,
						(state.error or {}).get("code"),
						state.handled and state.handled.value,
					]
					for step_id, state in sorted(states.items())
				},
			}

		return self.host.runs.transact(look)

	def _read(self, run: str) -> Any:
		return self.host.runs.transact(lambda: self.host.runs.read(run))

	def end(self) -> None:
		"""Time passes, people answer, operators try again: every run ends, with each document once."""
		self.mode = "answers"
		for _ in range(12):
			self.pass_time(400)
			for run in self.runs:
				while drain(self.host, 60, only=run):
					pass
			for run in self.runs:
				acts = [lambda run=run: complete_step(self.host, run, "ask", "yes")]
				# A step that took five workers down has failed too, and is tried again.
				acts += [
					lambda run=run, one=one: retry_step(self.host, run, one["id"]) for one in FLOW["steps"]
				]
				for act in acts:
					try:
						act()
					except (RunFinal, StepNotWaiting):
						pass
			if all(self._read(run).status in ("completed", "cancelled") for run in self.runs):
				break
		for run in self.runs:
			record = self._read(run)
			if run not in self.cancelled:
				assert (record.status, record.wake_at) == ("completed", None), (run, record.status)
		self.check()


def play(model: LeaseModel, trace: Iterable[tuple[str, Mapping[str, Any]]]) -> list[Any]:
	"""Let it all happen, one act after another; the picture after each, and that of the end."""
	pictures = []
	for act, arguments in trace:
		# A clock that is moved by hand stands still meanwhile, and what fell due at one moment has no order.
		model.pass_time(0.001)
		getattr(model, act)(**arguments)
		model.check()
		pictures.append([act, model.picture()])
	model.end()
	pictures.append(["the end", model.picture()])
	return pictures
