"""Operations that are accounted for, runs that are replayed, and flows that are paused by themselves."""

from __future__ import annotations

import json

from flow_engine.engine.errors import DuplicateTrigger, RunNotEnded, RunNotFound, StepNotFound, StepNotWaiting
from flow_engine.engine.interventions import (
	cancel_run,
	complete_step,
	mark_done,
	retry_failed,
	retry_step,
	skip_step,
)
from flow_engine.engine.outcomes import Done, Fail
from flow_engine.engine.reconciling import reconcile
from flow_engine.engine.replaying import Target, replay_run
from flow_engine.testing.builders import step
from flow_engine.testing.contract.base import ContractBase


class OperationsContract(ContractBase):
	def _acts(self, run):
		"""The audit events of what people did, without those of the run's own life."""
		own = ("run.started", "run.completed", "run.failed", "run.reopened")
		return [row for row in self.rows("Flow Audit Event", flow_run=run) if row["event_type"] not in own]

	def _audited(self, run):
		return [(row["event_type"], row["step_id"], row["reason"]) for row in self._acts(run)]

	def _failed(self, *more):
		self.once("a", lambda ctx: Fail("no", "not yet"))
		run = self.start(step("a", "t_db"), step("b", "t_db", after=["a"]), *more)
		self.drain(run)
		self.assertEqual(self.status(run), "failed")
		return run

	# --- the audit trail --------------------------------------------------------------------------

	def test_every_operation_says_who_did_it_and_why_in_its_own_transaction(self):
		for act, event, step_id, states in (
			(lambda run: cancel_run(self.host, run, "why"), "run.cancelled", None, ("failed", "cancelled")),
			(
				lambda run: retry_step(self.host, run, "a", "why"),
				"run.step_retried",
				"a",
				("failed", "scheduled"),
			),
			(
				lambda run: retry_failed(self.host, run, "why"),
				"run.step_retried",
				"a",
				("failed", "scheduled"),
			),
			(
				lambda run: skip_step(self.host, run, "a", "why"),
				"run.step_skipped",
				"a",
				("failed", "skipped"),
			),
			(
				lambda run: mark_done(self.host, run, "a", {}, "why"),
				"run.step_marked_done",
				"a",
				("failed", "done"),
			),
			(
				lambda run: replay_run(self.host, run, reason="why"),
				"run.replayed",
				None,
				("failed", "failed"),
			),
		):
			run = self._failed()
			act(run)
			(row,) = self._acts(run)
			self.assertEqual((row["event_type"], row["step_id"], row["reason"]), (event, step_id, "why"))
			self.assertEqual((row["from_status"], row["to_status"]), states)
			self.assertEqual(row["user"], self.rows("Flow Run", name=run)[0]["owner"])
			self.assertEqual(row["flow_template"], self.record(run).flow_template)
			self.assertTrue(row["happened_at"])

	def test_what_is_refused_leaves_no_trace(self):
		run = self._failed()
		for error, act in (
			(StepNotWaiting, lambda: retry_step(self.host, run, "b", "why")),
			(StepNotFound, lambda: skip_step(self.host, run, "nobody", "why")),
		):
			with self.assertRaises(error):
				act()
		self.assertEqual(self._audited(run), [])

	def test_a_person_who_fires_a_step_is_recorded_and_a_webhook_is_not(self):
		run = self.start(step("m", when="manual"), step("h", when="on_webhook"))
		self.drain(run)
		self.call(run, "h", {})
		complete_step(self.host, run, "m")
		self.assertEqual(self._audited(run), [("run.step_fired", "m", None)])

	def test_retrying_all_that_failed_reopens_each_and_nothing_else(self):
		for name in ("a", "c"):
			self.once(name, lambda ctx: Fail("no", "not yet"))
		run = self.start(step("a", "t_db"), step("c", "t_db"), step("d", "t_db"))
		self.drain(run)
		self.assertEqual(retry_failed(self.host, run), ["a", "c"])
		self.drain(run)
		self.assert_done(run)
		self.assertEqual(sorted(self.ran), ["a", "a", "c", "c", "d"])

	# --- replaying --------------------------------------------------------------------------------

	def test_a_replay_from_the_start_is_a_child_that_does_everything_again(self):
		run = self._failed()
		before = self.record(run)
		child = replay_run(self.host, run)
		self.drain(child)
		self.assert_done(child)
		self.assertEqual(self.ran, ["a", "a", "b"])
		record = self.record(child)
		self.assertEqual(
			(record.parent_run, record.root_run, record.depth), (run, before.root_run, before.depth)
		)
		self.assertEqual(record.template_version, before.template_version)
		self.assertEqual(record.trigger_data["replay"], {"of": run, "from": None})
		after = self.record(run)
		self.assertEqual((after.status, after.step_state), (before.status, before.step_state))

	def test_a_replay_from_a_step_keeps_what_was_done_before_it_and_beside_it(self):
		self.on("a", lambda ctx: Done({"n": 1}))
		self.on("big", lambda ctx: Done({"text": "x" * 5_000}))
		seen = []
		self.on("c", lambda ctx: seen.append(ctx.payload["value"]) or Done())
		run = self.start(
			step("a", "t_db"),
			step("big", "t_db"),
			step("b", "t_db", after=["a"]),
			step(
				"c",
				"t_db",
				after=["b", "big"],
				payload={"value": "{{steps.a.result.n}} {{steps.big.result.text}}"},
			),
		)
		self.drain(run)
		self.ran.clear()
		child = replay_run(self.host, run, "b")
		self.assertEqual(self.states(child), {"a": "done", "big": "done", "b": "pending", "c": "pending"})
		self.drain(child)
		self.assert_done(child)
		self.assertEqual(self.ran, ["b", "c"])
		self.assertEqual(seen, ["1 " + "x" * 5_000] * 2)

	def test_a_replay_from_a_failed_step_leaves_the_failure_behind(self):
		run = self._failed(step("beside", "t_db"))
		self.ran.clear()
		child = replay_run(self.host, run, "a")
		self.drain(child)
		self.assert_done(child)
		self.assertEqual(self.ran, ["a", "b"])

	def test_a_step_that_was_never_reached_is_nothing_to_replay_from(self):
		self.on("c", lambda ctx: Done({"branch": "no"}))
		run = self.start(
			step("c", "t_db"),
			step("yes", "t_db", parent="c", branch="yes"),
			step("no", "t_db", parent="c", branch="no"),
		)
		self.drain(run)
		runs = len(self.rows("Flow Run", flow_template=self.record(run).flow_template))
		for error, call in (
			(StepNotWaiting, lambda: replay_run(self.host, run, "yes")),
			(StepNotFound, lambda: replay_run(self.host, run, "nobody")),
			(RunNotFound, lambda: replay_run(self.host, "no such run")),
		):
			with self.assertRaises(error):
				call()
		# What was refused was taken back whole.
		self.assertEqual(len(self.rows("Flow Run", flow_template=self.record(run).flow_template)), runs)
		self.assertEqual(self._audited(run), [])

	def test_a_running_run_is_not_replayed(self):
		run = self.start(step("m", when="manual"))
		self.drain(run)
		with self.assertRaises(RunNotEnded):
			replay_run(self.host, run)

	def test_each_replay_is_a_run_of_its_own_and_one_key_makes_one(self):
		run = self._failed()
		children = {replay_run(self.host, run) for _ in range(3)}
		children.add(replay_run(self.host, run, key="once"))
		with self.assertRaises(DuplicateTrigger):
			replay_run(self.host, run, key="once")
		self.assertEqual(len(children), 4)
		self.assertEqual({self.record(child).parent_run for child in children}, {run})

	def test_delays_of_a_replay_count_from_the_replay(self):
		run = self.start(
			step("a", "t_db"), step("b", "t_db", after=["a"], when=("after_delay", {"delay_hours": 1}))
		)
		self.drain(run)
		self.pass_time(7_200)
		self.drain(run)
		self.assert_done(run)
		self.ran.clear()
		child = replay_run(self.host, run, "b")
		self.drain(child)
		self.assertEqual(self.ran, [])
		self.pass_time(3_700)
		self.drain(child)
		self.assertEqual(self.ran, ["b"])

	def test_a_replay_on_another_version_keeps_what_both_have(self):
		run = self._failed()
		other = self.published(step("a", "t_db"), step("b", "t_none", after=["a"]), step("new", "t_db"))
		# Versions of one flow are told by number; the contract can publish one of another flow only.
		self.host.runs.transact(lambda: self.host.runs.write(run, None, flow_template=other[0]))
		child = replay_run(self.host, run, "a", Target(other[1], self.user, "allow"))
		self.drain(child)
		self.assert_done(child)
		self.assertEqual(sorted(self.states(child)), ["a", "b", "new"])

	def test_what_a_replay_kept_is_told_in_the_audit_trail(self):
		self.once("b", lambda ctx: Fail("no", "not yet"))
		run = self.start(step("a", "t_db"), step("b", "t_db", after=["a"]))
		self.drain(run)
		child = replay_run(self.host, run, "b", reason="the gateway is up again")
		(row,) = self._acts(run)
		self.assertEqual(
			(row["step_id"], row["reason"], json.loads(row["details"])),
			("b", "the gateway is up again", {"child": child, "version": 1, "kept": ["a"]}),
		)

	# --- lineage ----------------------------------------------------------------------------------

	def test_ancestors_lead_from_a_run_to_the_first_of_its_chain(self):
		first = self.start(step("a", "t_none"))
		second = self.start(step("a", "t_none"), parent_run=first, root_run=first, depth=1)
		self.drain(second)
		third = replay_run(self.host, second)
		runs = self.host.runs
		found = runs.transact(lambda: runs.ancestors(third, 20))
		self.assertEqual(
			[(a.run, a.replays) for a in found], [(third, True), (second, False), (first, False)]
		)
		self.assertEqual(len(runs.transact(lambda: runs.ancestors(third, 2))), 2)
		self.assertEqual(runs.transact(lambda: runs.ancestors("no such run", 2)), [])

	# --- the circuit breaker ----------------------------------------------------------------------

	def _flow(self, limit):
		published = self.published(step("a", "t_db"))
		self.set_row("Flow Template", published[0], is_active=1, failure_limit=limit)
		return published

	def _end(self, published, fails):
		self.on("a", (lambda ctx: Fail("no", "down")) if fails else (lambda ctx: Done()))
		self.pass_time(1)
		run = self.start_again(published)
		self.drain(run)
		self.assertEqual(self.status(run), "failed" if fails else "completed")
		return run

	def _active(self, published):
		(row,) = self.rows("Flow Template", name=published[0])
		return bool(row["is_active"])

	def test_a_flow_is_paused_when_its_runs_fail_one_after_another(self):
		published = self._flow("3")
		waiting = self.start_again(published)
		for expected in (True, True, False):
			last = self._end(published, fails=True)
			self.assertEqual(self._active(published), expected)
		(row,) = self.rows("Flow Template", name=published[0])
		self.assertIn(last, row["paused_reason"])
		(event,) = self.rows(
			"Flow Audit Event", event_type="template.breaker_opened", flow_template=published[0]
		)
		self.assertEqual((event["flow_run"], event["user"], event["to_status"]), (last, None, "paused"))
		# What is under way goes on.
		self.on("a", lambda ctx: Done())
		self.drain(waiting)
		self.assert_done(waiting)
		self.assertFalse(self._active(published))

	def test_a_run_that_completes_in_between_starts_the_count_anew(self):
		published = self._flow("2")
		for fails in (True, False, True):
			self._end(published, fails)
		self.assertTrue(self._active(published))
		self._end(published, fails=True)
		self.assertFalse(self._active(published))

	def test_a_run_that_got_stuck_is_a_failure_like_any_other(self):
		published = self._flow("2")
		self._end(published, fails=True)
		self.on("a", lambda ctx: Fail("no", "down"))
		self.set_row("Flow Template", published[0], failure_limit="0")
		self.pass_time(1)
		stuck = self.start_again(published)
		self.drain(stuck)
		# As a defect would leave it: running, with nothing that could happen.
		self.set_row("Flow Run", stuck, status="running", completed_at=None)
		self.set_row("Flow Template", published[0], failure_limit="2")
		after = "start"
		while after:
			after = reconcile(self.host, "" if after == "start" else after).after
		self.assertEqual(self.status(stuck), "failed")
		self.assertFalse(self._active(published))

	def test_a_flow_whose_limit_is_nought_is_never_paused(self):
		published = self._flow("0")
		for _ in range(12):
			self._end(published, fails=True)
		self.assertTrue(self._active(published))

	def test_a_flow_without_a_limit_of_its_own_has_ten_failures(self):
		published = self._flow("")
		for _ in range(9):
			self._end(published, fails=True)
		self.assertTrue(self._active(published))
		self._end(published, fails=True)
		self.assertFalse(self._active(published))

	def test_a_cancelled_run_is_no_failure(self):
		published = self._flow("1")
		run = self.start_again(published)
		cancel_run(self.host, run, "")
		self.drain(run)
		self.assertTrue(self._active(published))
