"""External effects: the intent is written before the call, the key never changes, and what is not known
is not guessed."""

from __future__ import annotations

from flow_engine.engine.errors import HttpNoAnswer, HttpNotSent, HttpRefused, RunFinal
from flow_engine.engine.interventions import cancel_run, complete_step, retry_step
from flow_engine.engine.outcomes import Done, Fail, Retry, Unknown
from flow_engine.testing.builders import step
from flow_engine.testing.contract.base import ContractBase, Killed

STEADY = {"max_attempts": 3, "backoff_seconds": 100, "backoff_rate": 2, "jitter": False}


def raising(error):
	def handle(ctx):
		raise error

	return handle


class CallContract(ContractBase):
	def test_the_intent_is_written_with_its_key_before_the_call_is_made(self):
		found = []

		def look(ctx):
			(row,) = self.rows("Flow Step Log", flow_run=ctx.run["name"], step_id="call")
			found.append((row["state"], row["idempotency_key"], ctx.key, row["acting_user"]))
			return Done({"status": 200})

		self.on("call", look)
		run = self.start(step("call", "t_call"))
		self.drain(run)
		key = f"{self.host.site}:{run}:call"
		self.assertEqual(found, [("running", key, key, self.user)])
		(row,) = self.rows("Flow Step Log", flow_run=run)
		self.assertEqual((row["state"], row["idempotency_key"], row["attempt"]), ("done", key, 1))
		self.assert_done(run)

	def test_while_a_call_is_made_the_run_is_leased_for_as_long_as_it_may_take(self):
		left = []

		def look(ctx):
			left.append((self.record(ctx.run["name"]).lease_until - self.now()).total_seconds())
			return Done()

		self.on("call", look)
		run = self.start(step("call", "t_call", timeout_seconds=200))
		self.drain(run)
		self.assertGreater(left[0], 215)

	def test_a_call_is_retried_with_backoff_and_always_the_same_key(self):
		keys = []
		self.on("call", lambda ctx: keys.append((ctx.attempt, ctx.key)) or Retry("http_status", "503"))
		run = self.start(step("call", "t_call", retry=STEADY))
		self.drain(run)
		for wait in (100, 200):
			self.assertEqual(self.open_rows(run), {"call": "retry"})
			self.assertEqual(self.states(run)["call"], "scheduled")
			calls = len(keys)
			self.pass_time(wait / 2)
			self.drain(run)
			self.assertEqual(len(keys), calls)
			self.pass_time(wait / 2 + 1)
			self.drain(run)
		self.assertEqual(keys, [(n, f"{self.host.site}:{run}:call") for n in (1, 2, 3)])
		self.assert_failed(run, "call", "http_status")
		self.assertEqual([row.state for row in self.log(run)], ["retry", "retry", "failed"])
		self.assertEqual(self.open_rows(run), {})

	def test_what_the_other_side_asks_for_is_waited(self):
		self.once("call", lambda ctx: Retry("http_status", "429", after_seconds=5_000))
		run = self.start(step("call", "t_call", retry=STEADY))
		self.drain(run)
		self.pass_time(4_900)
		self.drain(run)
		self.assertEqual(self.ran, ["call"])
		self.pass_time(200)
		self.drain(run)
		self.assert_done(run)

	def test_whether_a_call_is_sent_again_depends_on_what_is_known_of_it(self):
		for number, (kind, handler, again, code) in enumerate(
			(
				("t_call", raising(HttpNotSent()), True, "http_not_sent"),
				("t_call", raising(HttpNoAnswer()), False, "outcome_unknown"),
				("t_safe", raising(HttpNoAnswer()), True, "outcome_unknown"),
				("t_call", lambda ctx: Unknown("dropped"), False, "outcome_unknown"),
				("t_safe", lambda ctx: Unknown("dropped"), True, "outcome_unknown"),
				("t_call", lambda ctx: 1 / 0, False, "outcome_unknown"),
				("t_safe", lambda ctx: 1 / 0, True, "outcome_unknown"),
				("t_safe", raising(HttpRefused()), False, "http_refused"),
				("t_safe", lambda ctx: Fail("http_status", "404"), False, "http_status"),
				("t_safe", lambda ctx: "fine", False, "handler_error"),
			)
		):
			name = f"c{number}"
			self.on(name, handler)
			run = self.start(step(name, kind, retry={**STEADY, "max_attempts": 2}))
			self.drain(run)
			self.pass_time(101)
			self.drain(run)
			self.assertEqual(self.ran.count(name), 2 if again else 1, name)
			self.assert_failed(run, name, code)

	def test_a_call_whose_worker_was_lost_is_not_sent_again_and_says_so(self):
		self.on("call", raising(Killed()))
		run = self.start(step("call", "t_call"), step("after", after=["call"]))
		self.drain_killed(run)
		self.drain(run)
		self.assertEqual(self.ran, ["call"])
		self.assert_failed(run, "call", "outcome_unknown")
		(row,) = self.rows("Flow Step Log", flow_run=run)
		self.assertEqual((row["state"], row["idempotency_key"]), ("failed", f"{self.host.site}:{run}:call"))
		self.assertEqual(row["acting_user"], self.user)

	def test_a_repeatable_call_whose_worker_was_lost_is_sent_again_with_the_same_key(self):
		keys = []

		def first(ctx):
			keys.append(ctx.key)
			raise Killed

		self.once("call", first, lambda ctx: keys.append(ctx.key) or Done())
		run = self.start(step("call", "t_safe", retry=STEADY))
		self.drain_killed(run)
		self.drain(run)
		self.pass_time(101)
		self.drain(run)
		self.assert_done(run)
		self.assertEqual((len(keys), len(set(keys))), (2, 1))

	def test_a_lost_calls_outcome_stands_even_if_the_next_step_fails(self):
		self.once("call", raising(Killed()))
		self.on("next", self.issue_handler("next", lambda ctx: 1 / 0))
		run = self.start(step("call", "t_call", on_error="continue"), step("next", "t_db", after=["call"]))
		self.drain_killed(run)
		self.drain(run)
		self.assert_failed(run, "call", "outcome_unknown")
		self.assert_failed(run, "next", "handler_error")

	def test_an_unknown_outcome_is_an_operators_to_retry(self):
		self.once("call", lambda ctx: Unknown("dropped"))
		run = self.start(step("call", "t_call"), step("after", after=["call"]))
		self.drain(run)
		retry_step(self.host, run, "call")
		self.drain(run)
		self.assert_done(run)
		self.assertEqual(
			[(row.attempt, row.state) for row in self.log(run, "call")], [(1, "failed"), (2, "done")]
		)
		self.assertEqual(len({row.key for row in self.log(run, "call")}), 1)

	def test_an_operators_retry_has_all_the_tries_of_the_policy_again(self):
		self.on("call", lambda ctx: Retry("http_status", "503"))
		run = self.start(step("call", "t_call", retry={**STEADY, "max_attempts": 2}))
		self._tried_until_it_fails(run)
		self.assertEqual(self.ran, ["call"] * 2)
		for tries in (4, 6):
			retry_step(self.host, run, "call")
			self.drain(run)
			self.assertEqual(self.states(run)["call"], "scheduled")
			(row,) = self.rows("Flow Step Pending", flow_run=run, status="pending")
			self.assertEqual((row["purpose"], row["retry_count"]), ("retry", 1))
			self._tried_until_it_fails(run)
			self.assertEqual(self.ran, ["call"] * tries)
		self.assertEqual([row.attempt for row in self.log(run)], [1, 2, 3, 4, 5, 6])

	def _tried_until_it_fails(self, run):
		for _ in range(5):
			self.drain(run)
			self.pass_time(401)
		self.assert_failed(run, "call", "http_status")

	def test_a_run_cancelled_during_its_call_stays_cancelled_and_keeps_the_late_outcome_as_a_note(self):
		in_flight = []

		def cancelled(ctx):
			in_flight.extend(cancel_run(self.host, ctx.run["name"], "changed our mind"))
			return Done({"answer": 42})

		self.on("call", cancelled)
		run = self.start(step("call", "t_call"), step("after", "t_db", after=["call"]))
		(advanced,) = self.drain(run)
		self.assertTrue(advanced.lost)
		self.assertEqual(in_flight, ["call"])
		self.assertEqual(self.status(run), "cancelled")
		self.assertEqual(set(self.states(run).values()), {"cancelled"})
		(row,) = self.rows("Flow Step Log", flow_run=run)
		self.assertIn("42", row["late_outcome"])
		self.assertEqual(self.ran, ["call"])
		with self.assertRaises(RunFinal):
			cancel_run(self.host, run, "again")

	def test_what_an_outsider_does_during_a_call_is_kept(self):
		def meanwhile(ctx):
			complete_step(self.host, ctx.run["name"], "person", {"ok": True})
			return Done({"status": 200})

		self.on("call", meanwhile)
		run = self.start(
			step("person", when="manual"), step("call", "t_call"), step("j", after=["person", "call"])
		)
		self.drain(run)
		self.assert_done(run)
		self.assertEqual(self.state(run, "person").result, {"input": {"ok": True}})
		self.assertEqual(self.state(run, "call").result, {"status": 200})
		self.assertEqual(self.ran, ["call"])
