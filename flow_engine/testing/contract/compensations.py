"""What a run has done is undone: once, in reverse, by an ordinary run; and what keeps it from being so."""

from __future__ import annotations

import uuid

from flow_engine.engine.compensating import compensate_run
from flow_engine.engine.errors import (
	BadInput,
	IsCompensation,
	NothingToCompensate,
	RunCompensated,
	RunNotEnded,
	RunNotFound,
)
from flow_engine.engine.interventions import cancel_run, mark_done, retry_failed, retry_step, skip_step
from flow_engine.engine.outcomes import Done, Fail, Retry, Unknown
from flow_engine.engine.replaying import replay_run
from flow_engine.testing.builders import flow, step
from flow_engine.testing.contract.base import ContractBase


def undoing(parent: str, step_id: str = "", kind: str = "t_db", **keys):
	"""A step that undoes another one."""
	return step(step_id or f"un_{parent}", kind, parent=parent, branch="compensate", **keys)


class CompensationContract(ContractBase):
	def begin(self, *steps, compensate="ask", **columns):
		"""Start a flow of these steps and let it go as far as it goes; the run."""
		definition = {**flow(*steps), "compensate": compensate}
		run = self.start_again(self.publish(definition, self.named(uuid.uuid4().hex[:6])), **columns)
		self.drain(run)
		return run

	def compensation(self, run):
		rows = self.rows("Flow Run", parent_run=run, trigger_event="compensate")
		self.assertLessEqual(len(rows), 1)
		return rows[0]["name"] if rows else None

	def undone(self, run):
		"""Drain the run's compensation; the steps it executed, in order."""
		self.ran.clear()
		self.drain(self.compensation(run))
		return list(self.ran)

	def audited(self, run):
		rows = self.rows("Flow Audit Event", flow_run=run)
		return [row["event_type"] for row in rows if "compensation" in row["event_type"]]

	# --- in the ordinary course -------------------------------------------------------------------

	def test_what_undoes_a_step_does_not_run_in_the_ordinary_course(self):
		run = self.begin(step("a", "t_db"), undoing("a"), step("below", "t_db", parent="un_a"))
		self.assert_done(run)
		self.assertEqual(self.ran, ["a"])
		self.assertEqual(self.states(run), {"a": "done", "un_a": "skipped", "below": "skipped"})

	def test_nor_under_a_step_that_is_switched_off_or_one_whose_result_names_the_branch(self):
		self.on("b", lambda ctx: Done({"branch": "compensate"}))
		run = self.begin(step("a", "t_db", disabled=True), undoing("a"), step("b", "t_db"), undoing("b"))
		self.assert_done(run)
		self.assertEqual(self.ran, ["b"])

	# --- when -------------------------------------------------------------------------------------

	def test_a_failed_run_is_undone_in_reverse_where_its_flow_says_so(self):
		self.on("c", lambda ctx: Fail("no", "never"))
		run = self.begin(
			step("a", "t_db"),
			undoing("a"),
			step("b", "t_db", after=["a"]),
			undoing("b"),
			step("c", "t_db", after=["b"]),
			undoing("c"),
			compensate="on_failure",
		)
		self.assertEqual(self.status(run), "failed")
		self.assertEqual(self.undone(run), ["un_b", "un_a"])
		self.assert_done(self.compensation(run))
		self.assertEqual(self.audited(run), ["run.compensation_started", "run.compensation_completed"])

	def test_when_a_flow_says_so_for_failure_cancelling_undoes_nothing_and_the_other_way_round(self):
		for compensate, on_failure, on_cancel in (
			("ask", False, False),
			("on_failure", True, False),
			("on_cancel", False, True),
			("both", True, True),
		):
			with self.subTest(compensate):
				self.on("b", lambda ctx: Fail("no", "never"))
				steps = (step("a", "t_db"), undoing("a"), step("b", "t_db", after=["a"]))
				failed = self.begin(*steps, compensate=compensate)
				self.assertEqual(self.compensation(failed) is not None, on_failure)
				waits = (*steps[:2], step("b", "t_db", after=["a"], when="manual"))
				cancelled = self.begin(*waits, compensate=compensate)
				cancel_run(self.host, cancelled, "why")
				self.assertEqual(self.compensation(cancelled) is not None, on_cancel)

	def test_whoever_cancels_may_decide_otherwise_than_the_flow(self):
		steps = (step("a", "t_db"), undoing("a"), step("b", "t_db", after=["a"], when="manual"))
		run = self.begin(*steps, compensate="on_cancel")
		cancel_run(self.host, run, "why", compensate=False)
		self.assertIsNone(self.compensation(run))
		run = self.begin(*steps)
		cancel_run(self.host, run, "why", compensate=True)
		self.assertEqual(self.undone(run), ["un_a"])

	def test_an_operator_may_ask_when_a_run_has_ended_and_gets_one_run_however_often(self):
		run = self.begin(step("a", "t_db"), undoing("a"))
		first = compensate_run(self.host, run, "ordered twice")
		again = compensate_run(self.host, run)
		self.assertEqual((first.run, first.again), (again.run, False))
		self.assertTrue(again.again)
		self.assertEqual(self.undone(run), ["un_a"])
		self.assertEqual(compensate_run(self.host, run).run, first.run)
		self.assertEqual(self.audited(run), ["run.compensation_started", "run.compensation_completed"])
		record = self.record(first.run)
		self.assertEqual((record.parent_run, record.root_run), (run, run))
		self.assertEqual(record.depth, self.record(run).depth)
		self.assertEqual(record.trigger_data["compensates"]["reason"], "ordered twice")
		# In a chain of flows it stands for the run that it undoes: both together would count as recurring.
		chain = self.host.runs.transact(lambda: self.host.runs.ancestors(first.run, 5))
		self.assertEqual([(one.run, one.replays) for one in chain], [(first.run, True), (run, False)])

	def test_what_is_refused(self):
		run = self.begin(step("a", "t_db"), undoing("a"), step("m", when="manual"))
		with self.assertRaises(RunNotEnded):
			compensate_run(self.host, run)
		with self.assertRaises(RunNotFound):
			compensate_run(self.host, "no such run")
		nothing = self.begin(step("a", "t_db"))
		with self.assertRaises(NothingToCompensate):
			compensate_run(self.host, nothing)
		cancel_run(self.host, run, "why")
		with self.assertRaises(BadInput):
			compensate_run(self.host, run, happened=["a"])
		child = compensate_run(self.host, run).run
		self.drain(child)
		for act in (compensate_run, replay_run):
			with self.assertRaises(IsCompensation):
				act(self.host, child)
		self.assertEqual(len(self.rows("Flow Run", parent_run=run)), 1)

	def test_a_run_that_is_undone_goes_on_no_more(self):
		self.on("b", lambda ctx: Fail("no", "never"))
		run = self.begin(step("a", "t_db"), undoing("a"), step("b", "t_db", after=["a"]))
		compensate_run(self.host, run)
		before = self.record(run)
		for act in (
			lambda: retry_step(self.host, run, "b"),
			lambda: retry_failed(self.host, run),
			lambda: skip_step(self.host, run, "b"),
			lambda: mark_done(self.host, run, "b"),
			lambda: replay_run(self.host, run, "b"),
		):
			with self.assertRaises(RunCompensated):
				act()
		self.assertEqual(self.record(run), before)
		# All of it may be done anew: nothing of what was undone is built on.
		self.assertEqual(self.record(replay_run(self.host, run)).parent_run, run)

	# --- what and in which order ------------------------------------------------------------------

	def test_a_set_of_steps_is_a_flow_of_its_own_and_the_next_waits_for_all_of_it(self):
		self.on("pick", lambda ctx: Done({"branch": "yes"}))
		run = self.begin(
			step("a", "t_db"),
			undoing("a"),
			step("b", "t_db", after=["a"]),
			undoing("b", "pick"),
			step("no", "t_db", parent="pick", branch="no"),
			step("yes", "t_db", parent="pick", branch="yes"),
			undoing("b", "later", after=["pick"], when=("after_delay", {"delay_hours": 1})),
		)
		compensate_run(self.host, run)
		self.assertEqual(self.undone(run), ["pick", "yes"])
		self.pass_time(3_700)
		self.assertEqual(self.undone(run), ["later", "un_a"])
		self.assert_done(self.compensation(run))

	def test_steps_done_at_one_moment_are_undone_in_reverse_of_the_order_of_doing(self):
		names = [f"s{number}" for number in range(12)]
		steps = [one for name in names for one in (step(name, "t_none"), undoing(name))]
		run = self.begin(*steps)
		order = list(self.ran)
		compensate_run(self.host, run)
		self.assertEqual(self.undone(run), [f"un_{name}" for name in reversed(order)])

	def test_only_what_was_done_is_undone(self):
		self.on("pick", lambda ctx: Done({"branch": "yes"}))
		self.on("bad", lambda ctx: Fail("no", "never"))
		self.on("mild", lambda ctx: Fail("no", "never"))
		names = ("no", "bad", "mild", "off", "after")
		run = self.begin(
			step("pick", "t_db"),
			step("yes", "t_db", parent="pick", branch="yes"),
			undoing("yes"),
			step("no", "t_db", parent="pick", branch="no"),
			step("bad", "t_db"),
			step("mild", "t_db", on_error="continue"),
			step("off", "t_db", disabled=True),
			step("after", "t_db", after=["bad"]),
			*[undoing(name) for name in names],
		)
		compensate_run(self.host, run)
		self.assertEqual(self.undone(run), ["un_yes"])

	def test_a_step_that_was_marked_as_done_is_undone_like_any_other(self):
		self.on("a", lambda ctx: Fail("no", "never"))
		run = self.begin(step("a", "t_db"), undoing("a"), step("b", "t_db"), undoing("b"))
		mark_done(self.host, run, "a", {"by": "hand"})
		self.assert_done(run)
		compensate_run(self.host, run)
		self.assertEqual(self.undone(run), ["un_a", "un_b"])

	def test_what_a_replay_was_given_is_undone_with_the_run_that_did_it(self):
		self.once("b", lambda ctx: Fail("no", "not yet"))
		run = self.begin(step("a", "t_db"), undoing("a"), step("b", "t_db", after=["a"]), undoing("b"))
		self.pass_time(5)
		child = replay_run(self.host, run, "b")
		self.drain(child)
		self.assert_done(child)
		compensate_run(self.host, child)
		self.assertEqual(self.undone(child), ["un_b"])
		compensate_run(self.host, run)
		self.assertEqual(self.undone(run), ["un_a"])

	# --- what a step of it sees -------------------------------------------------------------------

	def test_what_undoes_a_step_reads_what_was_done_and_why_it_is_undone(self):
		self.on("a", lambda ctx: Done({"number": 7, "text": "x" * 5_000}))
		self.on("b", lambda ctx: Fail("no", "never"))
		seen = []
		self.on("un_a", lambda ctx: seen.append(ctx.payload["value"]) or Done({"ok": True}))
		self.on("then", lambda ctx: seen.append(ctx.payload["value"]) or Done())
		run = self.begin(
			step("a", "t_db"),
			undoing(
				"a",
				payload={
					"value": "{{steps.a.result.number}} {{steps.a.status}} {{compensates.result.number}} "
					"{{compensates.run}} {{compensates.why}} {{compensates.step}} "
					"{{compensates.error.code}} {{variables.who}}"
				},
			),
			step(
				"then",
				"t_safe",
				parent="un_a",
				payload={"value": "{{steps.un_a.result.ok}} {{steps.a.result.text}}{{compensates.step}}"},
			),
			step("b", "t_db", after=["a"]),
			compensate="on_failure",
			variables={"who": "Ann"},
		)
		self.undone(run)
		self.assert_done(self.compensation(run))
		self.assertEqual(seen[0], f"7 done 7 {run} on_failure a no Ann")
		self.assertEqual(seen[1], f"true {'x' * 5_000}a")

	# --- when it goes wrong -----------------------------------------------------------------------

	def test_what_fails_to_undo_is_an_incident_and_no_loop_and_goes_on_when_it_is_dealt_with(self):
		for act, ran in (
			(lambda child: retry_step(self.host, child, "un_b"), ["un_b", "un_a"]),
			(lambda child: skip_step(self.host, child, "un_b", "by hand"), ["un_a"]),
			(lambda child: mark_done(self.host, child, "un_b", {}, "by hand"), ["un_a"]),
		):
			self.once("un_b", lambda ctx: Fail("no", "not yet"))
			self.on("c", lambda ctx: Fail("no", "never"))
			run = self.begin(
				step("a", "t_db"),
				undoing("a"),
				step("b", "t_db", after=["a"]),
				undoing("b"),
				step("c", "t_db", after=["b"]),
				compensate="both",
			)
			self.assertEqual(self.undone(run), ["un_b"])
			child = self.compensation(run)
			self.assert_failed(child, "un_b", "no")
			self.assertEqual(self.status(child), "failed")
			self.assertEqual(self.rows("Flow Run", parent_run=child), [])
			self.assertEqual(self.audited(run)[-1], "run.compensation_failed")
			act(child)
			self.assertEqual(self.undone(run), ran)
			self.assert_done(child)
			self.assertEqual(self.audited(run)[-1], "run.compensation_completed")

	def test_a_step_that_undoes_is_tried_again_as_its_policy_says(self):
		self.once("un_a", lambda ctx: Retry("busy", "not now"))
		retry = {"max_attempts": 3, "backoff_seconds": 30, "jitter": False}
		run = self.begin(step("a", "t_db"), undoing("a", retry=retry))
		compensate_run(self.host, run)
		self.assertEqual(self.undone(run), ["un_a"])
		self.pass_time(40)
		self.assertEqual(self.undone(run), ["un_a"])
		self.assert_done(self.compensation(run))

	def test_cancelling_what_undoes_a_run_ends_it_for_good(self):
		run = self.begin(step("a", "t_db"), undoing("a", when="manual"), compensate="both")
		child = compensate_run(self.host, run).run
		self.drain(child)
		cancel_run(self.host, child, "why")
		self.assertEqual(self.audited(run)[-1], "run.compensation_cancelled")
		self.assertEqual(compensate_run(self.host, run).run, child)
		self.assertEqual(self.rows("Flow Run", parent_run=child), [])

	def test_a_call_of_unknown_outcome_is_undone_only_if_somebody_says_it_happened(self):
		self.on("call", lambda ctx: Unknown("no answer"))
		for happened, expected in (((), ["un_a"]), (("call",), ["un_call", "un_a"])):
			run = self.begin(
				step("a", "t_db"), undoing("a"), step("call", "t_call", after=["a"]), undoing("call")
			)
			self.assert_failed(run, "call", "outcome_unknown")
			compensate_run(self.host, run, happened=happened)
			self.assertEqual(self.undone(run), expected)

	def test_a_call_that_is_cancelled_under_way_is_of_unknown_outcome(self):
		def cancelled(ctx):
			cancel_run(self.host, run["name"], "why", compensate=True)
			return Done()

		self.on("call", cancelled)
		run = {}
		steps = (step("a", "t_db"), undoing("a"), step("call", "t_call", after=["a"]), undoing("call"))
		run["name"] = self.start(*steps)
		self.drain(run["name"])
		self.assertEqual(self.undone(run["name"]), ["un_a"])

	# --- beside other runs ------------------------------------------------------------------------

	def test_what_undoes_a_run_is_no_rival_of_the_next_and_no_run_of_its_flow(self):
		customer = self.new_document("Customer", customer_name=self.named("Undone"))["name"]
		about = {"context_doctype": "Customer", "context_docname": customer}
		steps = (step("a", "t_db"), undoing("a", when="manual"))
		published = self.publish(flow(*steps), self.named("Rivals"))
		first = self.start_again(published, **about, concurrency="skip")
		self.drain(first)
		child = compensate_run(self.host, first).run
		self.drain(child)
		self.assertEqual(self.status(child), "running")
		for concurrency in ("skip", "replace"):
			run = self.start_again(published, **about, concurrency=concurrency)
			self.drain(run)
			self.assert_done(run)
			self.assertEqual(self.status(child), "running")

	def test_the_circuit_breaker_counts_runs_and_not_what_undoes_them(self):
		self.on("b", lambda ctx: Fail("no", "never"))
		self.on("un_a", lambda ctx: Fail("no", "never"))
		steps = (step("a", "t_db"), undoing("a"), step("b", "t_db", after=["a"]))
		published = self.publish({**flow(*steps), "compensate": "on_failure"}, self.named("Breaker"))

		def failures():
			return self.host.runs.transact(lambda: self.host.runs.failures_in_a_row(published[0], None, 100))

		for count in (1, 2):
			run = self.start_again(published)
			self.drain(run)
			self.drain(self.compensation(run))
			self.assertEqual(self.status(self.compensation(run)), "failed")
			self.pass_time(5)
			self.assertEqual(failures(), count)
		skip_step(self.host, self.compensation(run), "un_a")
		self.drain(self.compensation(run))
		self.assert_done(self.compensation(run))
		self.assertEqual(failures(), 2)
