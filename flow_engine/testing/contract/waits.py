"""Steps that wait: for a time, for a webhook, for a person."""

from __future__ import annotations

from datetime import timedelta

from flow_engine.engine.errors import InputTooLarge, RunFinal, StepNotFound, StepNotWaiting
from flow_engine.engine.interventions import MAX_INPUT_BYTES, cancel_run, complete_step
from flow_engine.engine.outcomes import Done
from flow_engine.testing.builders import step
from flow_engine.testing.contract.base import ContractBase, Killed

HOUR, DAY = 3_600, 86_400


class WaitContract(ContractBase):
	def test_a_waiting_step_resumes_once_after_its_due_time(self):
		for seconds, trigger in (
			(300, {"delay_minutes": 5}),
			(2 * HOUR, {"delay_hours": "{{variables.n}}"}),
			(365 * DAY, {"delay_days": 365}),
		):
			self.ran.clear()
			run = self.start(step("a", "t_db", when=("after_delay", trigger)), variables={"n": 2})
			self.drain(run)
			self.assertEqual(self.open_rows(run), {"a": "delay"})
			self.pass_time(seconds - 60)
			self.drain(run)
			self.assertEqual(self.ran, [])
			self.pass_time(61)
			self.drain(run)
			self.drain(run)
			self.assertEqual(self.ran, ["a"])
			self.assert_done(run)
			self.assertEqual(self.open_rows(run), {})

	def test_a_delay_counts_from_the_moment_the_step_became_ready(self):
		run = self.start(
			step("a", when=("after_delay", {"delay_hours": 1})),
			step("b", after=["a"], when=("after_delay", {"delay_hours": 1})),
		)
		self.drain(run)
		self.pass_time(HOUR + 60)
		self.drain(run)
		a, b = self.state(run, "a"), self.state(run, "b")
		self.assertEqual(b.trigger_at, a.completed_at + timedelta(hours=1))

	def test_a_date_is_waited_for_and_a_past_one_is_at_once(self):
		at = (self.now() + timedelta(days=2)).isoformat()
		run = self.start(
			step("past", when=("on_date", {"at": "2001-01-01"})),
			step("future", when=("on_date", {"at": at, "offset_hours": -1})),
		)
		self.drain(run)
		self.assertEqual(self.states(run), {"past": "done", "future": "scheduled"})
		self.assertEqual(self.open_rows(run), {"future": "date"})
		self.pass_time(2 * DAY - HOUR + 60)
		self.drain(run)
		self.assert_done(run)

	def test_a_time_that_cannot_be_read_fails_the_step(self):
		run = self.start(
			step("delay", when=("after_delay", {"delay_days": "{{variables.word}}"}), on_error="continue"),
			step("date", when=("on_date", {"at": "{{variables.word}}"}), on_error="continue"),
			variables={"word": "soon"},
		)
		self.drain(run)
		self.assert_failed(run, "delay", "bad_delay")
		self.assert_failed(run, "date", "bad_date")
		self.assertEqual(self.status(run), "completed")

	def test_many_delayed_steps_wake_their_run_one_after_the_other(self):
		names = [f"s{n:03}" for n in range(120)]
		run = self.start(
			*(
				step(name, "t_db", when=("after_delay", {"delay_minutes": n}))
				for n, name in enumerate(names, 1)
			)
		)
		self.drain(run)
		self.assertEqual(len(self.open_rows(run)), 120)
		self.pass_time(60 * 60 + 1)
		self.drain(run)
		self.assertEqual(self.ran, names[:60])
		self.pass_time(60 * 60)
		self.drain(run)
		self.assertEqual(self.ran, names)
		self.assert_done(run)

	def test_a_crash_neither_moves_a_delay_nor_leaves_its_row_behind(self):
		self.once("late", lambda ctx: (_ for _ in ()).throw(Killed()))
		run = self.start(
			step("short", when=("after_delay", {"delay_minutes": 0.5})),
			step("long", when=("after_delay", {"delay_hours": 1})),
			step("early", "t_db"),
			step("late", "t_db", after=["early"]),
		)
		started_at = self.record(run).started_at
		self.drain_killed(run)
		self.drain(run)
		self.assertEqual(self.open_rows(run), {"long": "delay"})
		self.assertEqual(self.states(run)["short"], "done")
		self.assertEqual(self.state(run, "long").trigger_at, started_at + timedelta(hours=1))

	def test_a_timeout_that_is_over_at_once_disturbs_no_other_step_that_is_due(self):
		run = self.start(
			step("a", "t_db", when=("after_delay", {"delay_minutes": 1})),
			step("b", "t_db", when=("after_delay", {"delay_minutes": 1})),
			step(
				"m",
				when=("manual", {"timeout_hours": "{{variables.zero}}"}),
				after=["a"],
				on_error="continue",
			),
			step("c", "t_db", when=("after_delay", {"delay_minutes": 1})),
			variables={"zero": 0},
		)
		self.drain(run)
		self.pass_time(61)
		self.drain(run)
		self.assertEqual(sorted(self.ran), ["a", "b", "c"])
		self.assert_failed(run, "m", "timed_out")
		self.assertEqual(self.status(run), "completed")

	# --- webhooks ---------------------------------------------------------------------------------

	def test_a_webhook_fires_the_step_with_its_body_once(self):
		seen = []
		self.on("hook", lambda ctx: seen.append(ctx.payload["value"]) or Done({"own": 1}))
		run = self.start(
			step("hook", "t_db", when="on_webhook", payload={"value": "{{input.order}}"}),
			step("n", after=["hook"]),
		)
		self.drain(run)
		self.assertEqual(self.states(run)["hook"], "waiting")
		first = self.call(run, "hook", {"order": 7})
		self.assertEqual(self.call(run, "hook", {"order": 8}), first)
		self.drain(run)
		self.assertEqual(self.call(run, "hook", {"order": 9}), first)
		self.drain(run)
		self.assert_done(run)
		self.assertEqual(seen, ["7"])
		self.assertEqual(self.state(run, "hook").result, {"own": 1, "input": {"order": 7}})

	def test_a_webhook_that_comes_early_is_kept_until_the_step_is_ready(self):
		for body in ({"order": 7}, {}, [], 0, False, "", None):
			run = self.start(
				step("first", when=("after_delay", {"delay_hours": 1})),
				step("hook", when="on_webhook", after=["first"]),
			)
			first = self.call(run, "hook", body)
			self.assertTrue(first.kept)
			self.drain(run)
			self.assertEqual(self.states(run)["hook"], "pending")
			self.assertEqual(self.call(run, "hook", {"other": 1}), first)
			self.pass_time(HOUR + 60)
			self.drain(run)
			self.assert_done(run)
			self.assertEqual(self.state(run, "hook").result, {"input": body})
			self.assertEqual(self.call(run, "hook", {"other": 2}), first)

	def test_a_webhook_nobody_calls_times_out_into_its_branch(self):
		run = self.start(
			step("hook", when=("on_webhook", {"timeout_hours": 2})),
			step("late", "t_db", parent="hook", branch="timeout"),
			step("fine", "t_db", parent="hook"),
		)
		self.drain(run)
		self.assertEqual(self.open_rows(run), {"hook": "timeout"})
		self.pass_time(2 * HOUR + 60)
		self.drain(run)
		self.assert_done(run)
		self.assert_failed(run, "hook", "timed_out")
		self.assertEqual(self.ran, ["late"])
		with self.assertRaises(RunFinal):
			self.call(run, "hook", {})

	def test_a_call_that_makes_no_sense_is_refused_and_changes_nothing(self):
		run = self.start(step("hook", when="on_webhook"), step("m", when="manual"), step("n", after=["m"]))
		self.drain(run)
		before = self.record(run)
		for error, call in (
			(StepNotFound, lambda: self.call(run, "nobody", {})),
			(StepNotWaiting, lambda: self.call(run, "m", {})),
			(StepNotWaiting, lambda: complete_step(self.host, run, "n", {})),
			(InputTooLarge, lambda: self.call(run, "hook", "x" * MAX_INPUT_BYTES)),
		):
			with self.assertRaises(error):
				call()
		self.assertEqual(self.record(run), before)

	def test_a_body_of_sixty_thousand_accented_letters_is_not_too_large(self):
		run = self.start(step("hook", when="on_webhook"))
		self.drain(run)
		self.call(run, "hook", "é" * 30_000)
		self.drain(run)
		self.assert_done(run)

	# --- people -----------------------------------------------------------------------------------

	def test_a_person_fires_a_manual_step_before_its_timeout(self):
		run = self.start(
			step("ok", when=("manual", {"timeout_hours": 2})),
			step("fine", "t_db", parent="ok"),
			step("late", "t_db", parent="ok", branch="timeout"),
		)
		self.drain(run)
		self.pass_time(HOUR)
		complete_step(self.host, run, "ok", {"answer": "yes"})
		self.assertEqual(self.open_rows(run), {})
		self.pass_time(2 * HOUR)
		self.drain(run)
		self.assert_done(run)
		self.assertEqual(self.ran, ["fine"])
		self.assertEqual(self.state(run, "ok").result, {"input": {"answer": "yes"}})

	def test_a_manual_step_nobody_fires_times_out_and_fails_unless_handled(self):
		for on_error, status in (("fail", "failed"), ("continue", "completed")):
			run = self.start(step("ok", when=("manual", {"timeout_hours": 2}), on_error=on_error))
			self.drain(run)
			self.pass_time(2 * HOUR + 60)
			self.drain(run)
			self.assertEqual(self.status(run), status)
			self.assert_failed(run, "ok", "timed_out")
			self.assertEqual(self.open_rows(run), {})

	def test_a_manual_step_without_a_timeout_waits_for_ever_and_costs_nothing(self):
		run = self.start(step("ok", when="manual"))
		self.drain(run)
		record = self.record(run)
		self.assertEqual((record.status, record.wake_at, self.open_rows(run)), ("running", None, {}))

	def test_a_person_may_fire_a_delayed_step_early(self):
		run = self.start(step("a", "t_db", when=("after_delay", {"delay_days": 9})))
		self.drain(run)
		complete_step(self.host, run, "a")
		self.drain(run)
		self.assert_done(run)
		self.assertEqual((self.ran, self.open_rows(run)), (["a"], {}))

	def test_cancelling_ends_everything_that_was_not_settled(self):
		run = self.start(
			step("done", "t_db"),
			step("delayed", "t_db", when=("after_delay", {"delay_days": 1}), after=["done"]),
			step("asked", when=("manual", {"timeout_hours": 5})),
			step("pending", "t_db", after=["asked"]),
			step("off", disabled=True),
		)
		self.drain(run)
		self.assertEqual(cancel_run(self.host, run, "not needed"), [])
		self.pass_time(2 * DAY)
		self.drain(run)
		self.assertEqual(
			self.states(run),
			{
				"done": "done",
				"delayed": "cancelled",
				"asked": "cancelled",
				"pending": "cancelled",
				"off": "skipped",
			},
		)
		record = self.record(run)
		self.assertEqual((record.status, record.wake_at, self.open_rows(run)), ("cancelled", None, {}))
		self.assertEqual({r["status"] for r in self.rows("Flow Step Pending", flow_run=run)}, {"cancelled"})
		self.assertEqual(self.ran, ["done"])
		for call in (lambda: complete_step(self.host, run, "asked"), lambda: cancel_run(self.host, run, "")):
			with self.assertRaises(RunFinal):
				call()
