"""The audit trail of a run's own life: one start, and every end, whoever brought it about."""

from __future__ import annotations

import json

from flow_engine.engine.draining import drain
from flow_engine.engine.interventions import cancel_run, retry_step, skip_step, wake_run
from flow_engine.engine.outcomes import Done, Fail
from flow_engine.engine.replaying import replay_run
from flow_engine.engine.running import LEASE_SECONDS
from flow_engine.testing.builders import step
from flow_engine.testing.contract.base import ContractBase, Killed

DAY = 86_400
WAIT = ("after_delay", {"delay_days": 1})


class AuditContract(ContractBase):
	def events(self, run):
		rows = sorted(self.rows("Flow Audit Event", flow_run=run), key=lambda row: row["name"])
		return [row["event_type"] for row in rows]

	def event(self, run, event_type):
		(row,) = self.rows("Flow Audit Event", flow_run=run, event_type=event_type)
		return {**row, "details": json.loads(row["details"] or "{}")}

	# --- the start --------------------------------------------------------------------------------

	def test_a_start_is_told_by_who_takes_the_run_up_with_the_starts_own_time_and_user(self):
		run = self.start(step("a", "t_db"))
		self.assertEqual(self.events(run), [])
		self.pass_time(3 * DAY)
		self.drain(run)
		record, told = self.record(run), self.event(run, "run.started")
		self.assertEqual(self.host.runs.from_site(told["happened_at"]), record.started_at)
		self.assertEqual((told["user"], told["to_status"]), (record.owner, "running"))
		self.assertEqual(told["details"], {"trigger": "manual", "version": record.template_version})
		self.assertEqual(told["flow_template"], record.flow_template)

	def test_every_run_starts_once_and_ends_once_whatever_its_steps_do(self):
		wait = {"when": WAIT}
		for steps, end in (
			([step("a")], "run.completed"),
			([step("a", "t_db"), step("b", "t_db", after=["a"])], "run.completed"),
			([step("a", "t_call"), step("b", after=["a"])], "run.completed"),
			([step("a", **wait)], "run.completed"),
			([step("a", **wait), step("b", "t_db")], "run.completed"),
			([step("a", **wait), step("b", "t_call")], "run.completed"),
			([step("no", "t_db")], "run.failed"),
			([step("no", "t_call"), step("b")], "run.failed"),
		):
			with self.subTest(steps=[one["id"] for one in steps], end=end):
				self.on("no", lambda ctx: Fail("no", "never"))
				run = self.start(*steps)
				for _day in range(3):
					self.drain(run)
					self.pass_time(DAY)
				self.assertEqual(self.events(run), ["run.started", end])
				self.assertEqual(self.event(run, end)["user"], None)

	def test_runs_that_share_their_turns_are_told_each_for_itself(self):
		published = self.published(step("a"), step("b", when=WAIT, after=["a"]))
		runs = [self.start_again(published) for _ in range(7)]
		other = self.start(step("w", when=WAIT), step("e", "t_db"))
		drain(self.host, 120)
		for run in (*runs, other):
			self.assertEqual(self.events(run), ["run.started"])
		self.pass_time(DAY + 60)
		drain(self.host, 120)
		for run in (*runs, other):
			self.assertEqual(self.events(run), ["run.started", "run.completed"])

	def test_a_worker_that_is_lost_does_not_tell_a_start_twice(self):
		def die(ctx):
			raise Killed

		for kind in ("t_db", "t_safe"):
			self.once(kind, die)
			run = self.start(step("w", when=WAIT), step("a"), step("x", kind))
			self.drain_killed(run)
			self.drain(run)
			self.assertEqual(self.events(run), ["run.started"], kind)
			self.pass_time(DAY)
			self.drain(run)
			self.assertEqual(self.events(run), ["run.started", "run.completed"], kind)

	def test_a_worker_that_is_lost_after_a_shared_turn_does_not_tell_starts_twice(self):
		def die(ctx):
			raise Killed

		self.once("x", die)
		published = self.published(step("w", when=WAIT), step("x", "t_db"))
		runs = [self.start_again(published) for _ in range(3)]
		with self.assertRaises(Killed):
			drain(self.host, 120)
		self.assertEqual({tuple(self.events(run)) for run in runs}, {("run.started",)})
		self.pass_time(LEASE_SECONDS + 5)
		drain(self.host, 120)
		self.pass_time(DAY)
		drain(self.host, 120)
		for run in runs:
			self.assertEqual(self.events(run), ["run.started", "run.completed"])

	def test_an_operator_who_comes_before_any_worker_leaves_the_start_to_be_told(self):
		woken, cancelled = self.start(step("a")), self.start(step("a"))
		wake_run(self.host, woken)
		self.drain(woken)
		self.assertEqual(self.events(woken), ["run.started", "run.completed"])
		cancel_run(self.host, cancelled, "why")
		self.assertEqual(self.events(cancelled), ["run.started", "run.cancelled"])
		told = self.event(cancelled, "run.cancelled")
		self.assertEqual((told["reason"], told["from_status"]), ("why", "running"))
		self.assertEqual(told["user"], self.record(cancelled).owner)

	def test_a_replay_that_keeps_results_tells_its_start_once(self):
		self.on("b", lambda ctx: Fail("no", "never"))
		run = self.start(step("a", "t_db"), step("b", "t_db", after=["a"]))
		self.drain(run)
		child = replay_run(self.host, run, "b")
		self.drain(child)
		self.assertEqual(self.events(child), ["run.started", "run.failed"])
		self.assertEqual(self.event(child, "run.started")["details"]["parent"], run)

	# --- the end ----------------------------------------------------------------------------------

	def test_a_failure_tells_its_code_and_not_its_words(self):
		self.on("a", lambda ctx: Fail("refused", "Mr Secret owes 300"))
		run = self.start(step("a", "t_db"))
		self.drain(run)
		told = self.event(run, "run.failed")
		self.assertEqual(told["details"], {"error_code": "refused", "failed_steps": 1})
		self.assertNotIn("Secret", json.dumps(told, default=str))

	def test_going_on_again_and_ending_again_are_told(self):
		self.once("a", lambda ctx: Fail("no", "not yet"))
		run = self.start(step("a", "t_db"))
		self.drain(run)
		retry_step(self.host, run, "a", "why")
		self.drain(run)
		self.assertEqual(
			[event for event in self.events(run) if event != "run.step_retried"],
			["run.started", "run.failed", "run.reopened", "run.completed"],
		)
		self.assertEqual(self.event(run, "run.reopened")["user"], self.record(run).owner)

	def test_an_operators_act_that_ends_a_run_is_whose_end_it_is(self):
		self.on("a", lambda ctx: Fail("no", "never"))
		run = self.start(step("a", "t_db"))
		self.drain(run)
		skip_step(self.host, run, "a", "why")
		self.drain(run)
		self.assertEqual(self.status(run), "completed")
		self.assertEqual(self.event(run, "run.completed")["from_status"], "failed")

	def test_a_run_that_steps_back_for_another_says_so(self):
		published = self.published(step("m", when="manual"))
		customer = self.new_document("Customer", customer_name=self.named("Ann"))
		about = {"context_doctype": "Customer", "context_docname": customer["name"], "concurrency": "skip"}
		first, second = self.start_again(published, **about), self.start_again(published, **about)
		for run in (first, second):
			self.drain(run)
		self.assertEqual(self.events(first), ["run.started"])
		self.assertEqual(self.events(second), ["run.started", "run.cancelled"])
		told = self.event(second, "run.cancelled")
		self.assertIn(first, told["reason"])
		self.assertIsNone(told["user"])

	def test_a_run_that_cannot_be_read_is_told_to_have_failed(self):
		run = self.start(step("a"))
		self.set_row("Flow Run", run, variables="no JSON")
		self.drain(run)
		self.assertEqual(self.events(run), ["run.started", "run.failed"])
		self.assertEqual(self.event(run, "run.failed")["details"], {"error_code": "state_unreadable"})
		cancel_run(self.host, run, "why")
		self.assertEqual(self.events(run), ["run.started", "run.failed", "run.cancelled"])

	def test_a_turn_that_is_undone_tells_nothing(self):
		self.on("a", lambda ctx: Done())
		run = self.start(step("a", "t_db"))
		write = self.host.runs.write

		def refuse(*args, **columns):
			raise Killed

		self.host.runs.write = refuse
		try:
			with self.assertRaises(Killed):
				self.drain(run)
		finally:
			self.host.runs.write = write
		self.assertEqual(self.events(run), [])
		self.pass_time(DAY)
		self.drain(run)
		self.assertEqual(self.events(run), ["run.started", "run.completed"])
