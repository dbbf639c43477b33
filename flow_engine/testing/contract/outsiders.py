"""What operators do to a run from outside: retry, repair, cancel."""

from __future__ import annotations

from datetime import timedelta

from flow_engine.engine.errors import BadInput, RunFinal, RunNotFound, StepNotFound, StepNotWaiting
from flow_engine.engine.interventions import (
	cancel_run,
	complete_step,
	mark_done,
	repair_pending,
	retry_step,
	skip_step,
	wake_run,
)
from flow_engine.engine.outcomes import Done, Fail
from flow_engine.testing.builders import step
from flow_engine.testing.contract.base import ContractBase


class OutsiderContract(ContractBase):
	def _failed_run(self):
		self.once("a", lambda ctx: Fail("no", "not yet"))
		run = self.start(step("a", "t_db"), step("b", "t_db", after=["a"]))
		self.drain(run)
		self.assertEqual(self.status(run), "failed")
		return run

	def _repair(self, run, step_id, at):
		host = self.host
		return host.runs.transact(lambda: repair_pending(host, host.runs.lock(run), step_id, at))

	def test_retrying_the_failed_step_reopens_the_run_and_it_completes(self):
		run = self._failed_run()
		retry_step(self.host, run, "a")
		record = self.record(run)
		self.assertEqual((record.status, record.failed_steps, record.completed_at), ("running", 0, None))
		self.drain(run)
		self.assert_done(run)
		self.assertEqual(self.ran, ["a", "a", "b"])
		self.assertEqual(
			[(row.step_id, row.attempt) for row in self.log(run)], [("a", 1), ("a", 2), ("b", 1)]
		)
		(stored,) = self.rows("Flow Run", name=run)
		self.assertIsNone(stored["error_code"])

	def test_marking_the_failed_step_done_gives_its_result_to_what_needs_it(self):
		run = self._failed_run()
		mark_done(self.host, run, "a", {"name": "done by hand"})
		self.assertEqual(self.record(run).status, "running")
		self.drain(run)
		self.assert_done(run)
		self.assertEqual(self.ran, ["a", "b"])
		self.assertEqual(self.state(run, "a").result, {"name": "done by hand"})
		self.assertIsNone(self.state(run, "a").error)

	def test_skipping_the_failed_step_skips_what_needs_it_and_a_join_goes_on(self):
		self.once("a", lambda ctx: Fail("no", "not yet"))
		run = self.start(
			step("a", "t_db"),
			step("needs_a", "t_db", after=["a"]),
			step("other", "t_db"),
			step("join", "t_db", after=["needs_a", "other"]),
		)
		self.drain(run)
		skip_step(self.host, run, "a")
		self.drain(run)
		self.assertEqual(self.status(run), "completed")
		self.assertEqual(self.ran, ["a", "other", "join"])
		self.assertEqual(self.state(run, "needs_a").status, "skipped")

	def test_only_an_unhandled_failure_is_an_operators_to_settle(self):
		run = self._failed_run()
		for error, call in (
			(StepNotWaiting, lambda: skip_step(self.host, run, "b")),
			(StepNotFound, lambda: mark_done(self.host, run, "nobody")),
			(BadInput, lambda: mark_done(self.host, run, "a", ["no object"])),
			(RunNotFound, lambda: skip_step(self.host, "no such run", "a")),
		):
			with self.assertRaises(error):
				call()
		self.assertEqual(self.status(run), "failed")
		mark_done(self.host, run, "a")
		self.drain(run)
		with self.assertRaises(RunFinal):
			skip_step(self.host, run, "a")

	def test_only_an_unhandled_failure_can_be_retried(self):
		run = self._failed_run()
		for error, call in (
			(StepNotWaiting, lambda: retry_step(self.host, run, "b")),
			(StepNotFound, lambda: retry_step(self.host, run, "nobody")),
			(RunNotFound, lambda: retry_step(self.host, "no such run", "a")),
		):
			with self.assertRaises(error):
				call()
		retry_step(self.host, run, "a")
		self.drain(run)
		with self.assertRaises(RunFinal):
			retry_step(self.host, run, "a")

	def test_every_outsider_moves_the_revision_and_none_touches_the_lease(self):
		run = self.start(
			step("m", when="manual"),
			step("h", when="on_webhook", after=["m"]),
			step("d", when=("after_delay", {"delay_days": 1})),
		)
		self.drain(run)
		self.host.runs.transact(lambda: self.host.runs.write(run, None, wake_at=self.host.runs.now()))
		token = self.claim(run).token
		acts = (
			lambda: self.call(run, "h", 1),
			lambda: complete_step(self.host, run, "m"),
			lambda: self._repair(run, "d", self.now() + timedelta(hours=3)),
			lambda: wake_run(self.host, run),
		)
		for place, act in enumerate(acts):
			before = self.record(run).revision
			act()
			after = self.record(run)
			self.assertGreater(after.revision, before, place)
			self.assertEqual(after.lease_token, token, place)

	def test_moving_a_pending_rows_time_moves_the_step(self):
		for delta in (timedelta(hours=1), timedelta(days=20)):
			self.ran.clear()
			run = self.start(step("a", "t_db", when=("after_delay", {"delay_days": 9})))
			self.drain(run)
			at = self.now() + delta
			self.assertTrue(self._repair(run, "a", at))
			self.assertEqual(self.record(run).wake_at, at)
			self.pass_time(delta.total_seconds() - 600)
			self.drain(run)
			self.assertEqual(self.ran, [])
			self.pass_time(660)
			self.drain(run)
			self.assertEqual(self.ran, ["a"])
			self.assert_done(run)
			self.assertEqual(self.open_rows(run), {})

	def test_a_failed_steps_row_put_back_tries_it_again_at_its_time_and_is_closed(self):
		self.once("a", lambda ctx: Fail("no", "not yet"))
		run = self.start(step("a", "t_db", when=("after_delay", {"delay_hours": 1})))
		self.drain(run)
		self.pass_time(3_700)
		self.drain(run)
		self.assertEqual(self.status(run), "failed")
		(row,) = self.rows("Flow Step Pending", flow_run=run)
		self.assertEqual(row["status"], "failed")
		self.set_row("Flow Step Pending", row["name"], status="pending")
		self.assertTrue(self._repair(run, "a", self.now() + timedelta(hours=1)))
		self.drain(run)
		self.assertEqual(self.ran, ["a"])
		self.pass_time(3_700)
		self.drain(run)
		self.assert_done(run)
		self.assertEqual([r["status"] for r in self.rows("Flow Step Pending", flow_run=run)], ["completed"])

	def test_a_row_whose_step_is_past_it_repairs_nothing(self):
		run = self.start(step("a", "t_db"), step("b", when="manual"))
		self.drain(run)
		before = self.record(run)
		self.assertFalse(self._repair(run, "a", self.now()))
		self.assertFalse(self._repair(run, "b", self.now()))
		self.assertFalse(self._repair(run, "nobody", self.now()))
		self.assertEqual(self.record(run), before)
		cancel_run(self.host, run, "")
		self.assertFalse(self._repair(run, "b", self.now()))

	def test_a_due_row_whose_run_would_not_wake_is_found_by_the_tick(self):
		run = self.start(step("a", "t_db", when=("after_delay", {"delay_hours": 1})))
		self.drain(run)
		self.host.runs.transact(lambda: self.host.runs.write(run, None, wake_at=None))
		self.pass_time(3_700)
		stray = [row for row in self.host.runs.transact(self.host.runs.stray_pending) if row[0] == run]
		self.assertEqual([row[1] for row in stray], ["a"])
		self.assertTrue(self._repair(*stray[0]))
		self.drain(run)
		self.assert_done(run)

	def test_an_early_call_to_a_failed_run_is_kept_and_leaves_its_end_as_it_was(self):
		self.once("a", lambda ctx: Fail("no", "not yet"))
		run = self.start(step("a", "t_db"), step("h", when="on_webhook", after=["a"]))
		self.drain(run)
		ended = self.record(run).completed_at
		self.pass_time(60)
		self.call(run, "h", {"kept": True})
		self.assertEqual((self.status(run), self.record(run).completed_at), ("failed", ended))
		retry_step(self.host, run, "a")
		self.drain(run)
		self.assert_done(run)
		self.assertEqual(self.state(run, "h").result, {"input": {"kept": True}})

	def test_a_failed_run_can_be_cancelled_and_an_unreadable_one_too(self):
		failed = self._failed_run()
		cancel_run(self.host, failed, "given up")
		self.assertEqual(self.states(failed), {"a": "cancelled", "b": "cancelled"})
		unreadable = self.start(step("a"))
		self.host.runs.transact(lambda: self.host.runs.write(unreadable, None, step_state="spoilt"))
		cancel_run(self.host, unreadable, "given up")
		record = self.record(unreadable)
		self.assertEqual((record.status, record.step_state), ("cancelled", "spoilt"))

	def test_waking_makes_a_running_run_due_and_an_ended_one_not(self):
		run = self.start(step("m", when="manual"))
		self.drain(run)
		wake_run(self.host, run)
		self.assertLessEqual(self.record(run).wake_at, self.now())
		self.drain(run)
		complete_step(self.host, run, "m")
		self.drain(run)
		with self.assertRaises(RunFinal):
			wake_run(self.host, run)

	def test_a_second_failure_after_a_retry_is_a_failure_again(self):
		self.on("a", lambda ctx: Fail("no", "never") if ctx.attempt < 3 else Done())
		run = self.start(step("a", "t_db"))
		self.drain(run)
		for status in ("failed", "completed"):
			retry_step(self.host, run, "a")
			self.drain(run)
			self.assertEqual(self.status(run), status)
