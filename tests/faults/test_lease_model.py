"""A model of claim, lease and fence: in whatever order workers, crashes and outsiders come, each step's
document appears once, a stale worker writes nothing, and in the end every run ends."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from flow_engine.clock import VirtualClock
from flow_engine.engine.crash_points import CRASH_POINTS, arm
from flow_engine.engine.draining import drain, start_run
from flow_engine.engine.errors import RunFinal, StepNotWaiting
from flow_engine.engine.interventions import cancel_run, complete_step, retry_step, wake_run
from flow_engine.engine.kinds import register
from flow_engine.engine.kinds.base import Effect
from flow_engine.engine.outcomes import Done, Fail
from flow_engine.engine.ports import Claim, NewRun
from flow_engine.engine.running import LEASE_SECONDS, advance_run
from flow_engine.sqlite_host.host import open_host
from flow_engine.sqlite_host.templates import store_definition
from flow_engine.testing.builders import flow, make_kind, step
from flow_engine.testing.crashing import die_at

START = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
IN_A_WORKER = sorted(name for name in CRASH_POINTS if name.split(".")[0] in ("turn", "step", "flush", "call"))
FLOW = flow(
	step("one", "m_document"),
	step("ask", when="manual", after=["one"]),
	step("call", "m_call", after=["one"]),
	step("two", "m_document", parent="call"),
	step("late", "m_document", when=("after_delay", {"delay_minutes": 3}), after=["one"]),
	step("three", "m_document", after=["ask", "two", "late"]),
)
CALL_MODES = {"answers": lambda: Done({}), "refuses": lambda: Fail("http_status", "No.")}


class Died(BaseException):
	"""The worker is gone: nothing may catch this."""


class Leases(RuleBasedStateMachine):
	"""The model is what each run may at most have done; the store says what it has."""

	@initialize()
	def open(self):
		self.clock = VirtualClock(START)
		self.calls: Counter[str] = Counter()
		self.mode = "answers"
		self.host = open_host(
			clock=self.clock,
			kinds=register(
				[
					make_kind("m_document", self.write),
					make_kind("m_call", self.make_call, Effect.EXTERNAL),
				]
			),
		)
		self.published = store_definition(self.host.templates, FLOW, "Model")
		self.runs: list[str] = []
		self.held: list[Claim] = []
		self.cancelled: set[str] = set()
		self.start()

	def write(self, ctx):
		ctx.documents.insert("Note", {"subject": f"{ctx.run['name']}/{ctx.step_id}"})
		return Done()

	def make_call(self, ctx):
		self.calls[ctx.key] += 1
		return CALL_MODES[self.mode]()

	# --- what may happen ------------------------------------------------------------------------------------

	@rule()
	def start(self):
		if len(self.runs) < 4:
			new = NewRun(self.published.template, self.published.version, "manual", run_as="a@example.com")
			self.runs.append(self.host.runs.transact(lambda: start_run(self.host, new)))

	@rule(limit=st.integers(1, 3))
	def claim(self, limit):
		before = {run: self.host.runs.read(run) for run in self.runs}
		for claim in self.host.runs.claim(limit, LEASE_SECONDS):
			free = before[claim.run].lease_until
			assert free is None or free <= self.clock.now(), "claimed while somebody's lease was live"
			self.held.append(claim)

	@precondition(lambda self: self.held)
	@rule()
	def sleep_past_the_lease(self):
		"""Whoever holds a run sleeps on; somebody else claims it."""
		self.pass_time(LEASE_SECONDS + 1)
		self.claim(1)

	@precondition(lambda self: self.held)
	@rule(data=st.data())
	def advance(self, data):
		"""By whoever thinks to hold the run, a zombie too."""
		claim = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
		before = self.host.runs.read(claim.run)
		stale = before.lease_token != claim.token
		advanced = advance_run(self.host, claim)
		if stale:
			assert advanced.lost and not advanced.executed
			assert self.host.runs.read(claim.run) == before

	@precondition(lambda self: self.held)
	@rule(data=st.data(), point=st.sampled_from(IN_A_WORKER), nth=st.integers(1, 3))
	def advance_and_die(self, data, point, nth):
		claim = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))

		def end():
			raise Died

		die_at(point, nth, end)
		try:
			advance_run(self.host, claim)
		except Died:
			pass
		finally:
			arm(None)

	@rule(seconds=st.sampled_from([5, LEASE_SECONDS + 1, 200]))
	def pass_time(self, seconds):
		self.clock.move_to(self.clock.now() + timedelta(seconds=seconds))

	@rule(mode=st.sampled_from(sorted(CALL_MODES)))
	def change_the_receiver(self, mode):
		self.mode = mode

	@precondition(lambda self: self.runs)
	@rule(data=st.data(), act=st.sampled_from(["answer", "fire", "retry", "wake", "cancel"]))
	def interfere(self, data, act):
		run = data.draw(st.sampled_from(self.runs))
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

	def subjects(self) -> Counter:
		rows = self.host.database.rows("SELECT json_extract(`values`, '$.subject') AS s FROM document")
		return Counter(row["s"] for row in rows)

	@invariant()
	def nothing_is_written_twice_and_nothing_without_its_record(self):
		if not hasattr(self, "host"):
			return
		done = Counter(
			f"{row['flow_run']}/{row['step_id']}"
			for row in self.host.database.rows(
				"SELECT flow_run, step_id FROM `tabFlow Step Log` "
				"WHERE state = 'done' AND kind = 'm_document'"
			)
		)
		assert self.subjects() == done
		assert all(times == 1 for times in done.values())

	@invariant()
	def what_was_cancelled_stays_so(self):
		for run in getattr(self, "cancelled", ()):
			assert self.host.runs.read(run).status == "cancelled"

	@invariant()
	def every_call_is_an_attempt_in_the_log(self):
		if not hasattr(self, "host"):
			return
		rows = self.host.database.rows(
			"SELECT idempotency_key AS `key`, COUNT(*) AS n FROM `tabFlow Step Log` WHERE kind = 'm_call' "
			"GROUP BY 1"
		)
		logged = {row["key"]: row["n"] for row in rows}
		assert all(times <= logged.get(key, 0) for key, times in self.calls.items())

	def teardown(self):
		"""Time passes, people answer, operators try again: every run ends, with each document once."""
		if not hasattr(self, "host"):
			return
		self.mode = "answers"
		for _ in range(12):
			self.clock.move_to(self.clock.now() + timedelta(seconds=400))
			while drain(self.host, 60):
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
		for run in self.runs:
			record = self.host.runs.read(run)
			if run not in self.cancelled:
				assert (record.status, record.wake_at) == ("completed", None)
		self.nothing_is_written_twice_and_nothing_without_its_record()
		self.host.database.close()


TestLeases = Leases.TestCase
TestLeases.settings = settings(
	max_examples=25,
	stateful_step_count=25,
	deadline=None,
	suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
	derandomize=False,
	print_blob=True,
)
