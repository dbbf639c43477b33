"""What a step does to the site's documents, and what is kept of it."""

from __future__ import annotations

from dataclasses import replace

from flow_engine.engine.errors import TransientDatabaseError, ValidationFailed
from flow_engine.engine.interventions import retry_step
from flow_engine.engine.outcomes import Done, Fail, Retry
from flow_engine.engine.running import ADVANCE_STEPS, advance_run
from flow_engine.engine.state import in_log
from flow_engine.testing.builders import issue, step
from flow_engine.testing.contract.base import ContractBase


class StepContract(ContractBase):
	def test_steps_run_in_order_and_their_documents_appear_once(self):
		run = self.start(
			issue("a", self.named("a")),
			issue("b", self.named("b {{steps.a.result.doctype}}"), after=["a"]),
			issue("c", self.named("c"), parent="b"),
		)
		self.drain(run)
		self.drain(run)
		self.assert_done(run)
		self.assertEqual([self.issues(s) for s in ("a", "b Issue", "c")], [1, 1, 1])
		log = self.log(run)
		self.assertEqual(
			[(row.step_id, row.attempt, row.state) for row in log], [(i, 1, "done") for i in "abc"]
		)
		self.assertEqual([row.seq for row in log], [1, 2, 3])
		self.assertEqual([row.result["doctype"] for row in log], ["Issue"] * 3)

	def test_an_ended_run_says_when_and_is_due_no_more(self):
		run = self.start(step("a"))
		self.drain(run)
		record = self.record(run)
		self.assertIsNotNone(record.completed_at)
		self.assertEqual((record.wake_at, record.lease_until, record.lease_token), (None, None, None))
		self.assertEqual(self.host.runs.claim(5, 60, only=run), [])

	def test_a_flow_without_steps_is_completed(self):
		run = self.start()
		self.drain(run)
		self.assert_done(run)

	def test_every_document_a_step_wrote_is_a_connection_of_the_run(self):
		run = self.start(issue("a", self.named("a")))
		self.drain(run)
		(row,) = self.rows("Flow Run Document", parent=run)
		self.assertEqual((row["step_id"], row["reference_doctype"], row["change"]), ("a", "Issue", "created"))
		self.assertEqual(row["reference_name"], self.state(run, "a").result["name"])

	def test_a_failed_handler_leaves_no_effect_and_its_failure_is_recorded(self):
		endings = {
			"raises": (lambda ctx: 1 / 0, "handler_error"),
			"refuses": (lambda ctx: Fail("no_stock", "There is none left."), "no_stock"),
			"invalid": (
				lambda ctx: self._raise(ValidationFailed("A subject is needed.")),
				"validation_failed",
			),
			"nothing": (lambda ctx: None, "handler_error"),
			"nonsense": (lambda ctx: Done("text"), "handler_error"),
			"documents": (lambda ctx: Done({}, (("Issue",),)), "handler_error"),
		}
		for name, (ending, code) in endings.items():
			self.on(name, self.issue_handler(name, ending))
			run = self.start(step(name, "t_db"), step("next", after=[name]))
			self.drain(run)
			self.assertEqual(self.issues(name), 0, name)
			self.assert_failed(run, name, code)
			record = self.record(run)
			self.assertEqual((record.status, record.failed_steps, record.wake_at), ("failed", 1, None), name)
			self.assertEqual(self.states(run)["next"], "pending", name)
			(row,) = self.log(run)
			self.assertEqual((row.state, row.error_code, row.acting_user), ("failed", code, self.user))
			(stored,) = self.rows("Flow Run", name=run)
			self.assertEqual(stored["error_code"], code)

	def _raise(self, error):
		raise error

	def test_a_failed_handler_does_not_take_back_the_step_before_it(self):
		self.on("b", self.issue_handler("b", lambda ctx: 1 / 0))
		run = self.start(issue("a", self.named("a")), step("n", after=["a"]), step("b", "t_db", after=["n"]))
		self.drain(run)
		self.assertEqual((self.issues("a"), self.issues("b")), (1, 0))
		self.assertEqual(self.states(run), {"a": "done", "n": "done", "b": "failed"})

	def test_a_failure_is_handled_as_the_flow_says(self):
		self.on("s", lambda ctx: Fail("no_stock", "none left"))
		steps = {
			"continue": [
				step("s", "t_db", on_error="continue"),
				step("c", parent="s"),
				step("d", after=["s"]),
			],
			"branch": [
				step("s", "t_db", on_error="branch"),
				issue("c", self.named("{{steps.s.error.message}}"), parent="s", branch="error"),
				step("d", parent="s"),
			],
		}
		for on_error, expected in (("continue", ("done", "done")), ("branch", ("done", "skipped"))):
			run = self.start(*steps[on_error])
			self.drain(run)
			self.assertEqual(self.status(run), "completed", on_error)
			self.assertEqual((self.states(run)["c"], self.states(run)["d"]), expected)
			self.assertEqual(self.record(run).failed_steps, 0)
		self.assertEqual(self.issues("none left"), 1)

	def test_an_unhandled_failure_is_counted_at_once_and_the_run_goes_on_while_it_can(self):
		self.on("bad", lambda ctx: Fail("no", "no"))
		run = self.start(step("bad", "t_db"), step("later", when=("after_delay", {"delay_hours": 1})))
		self.drain(run)
		self.assertEqual((self.status(run), self.record(run).failed_steps), ("running", 1))
		self.pass_time(3_700)
		self.drain(run)
		self.assertEqual((self.status(run), self.states(run)["later"]), ("failed", "done"))

	def test_a_conflict_is_tried_again_with_nothing_left_of_the_first_attempt(self):
		self.once(
			"a",
			self.issue_handler("first", lambda ctx: Retry("conflict", "changed meanwhile")),
			self.issue_handler("second"),
		)
		run = self.start(step("a", "t_db"))
		self.drain(run)
		self.pass_time(60)
		self.drain(run)
		self.assert_done(run)
		self.assertEqual((self.issues("first"), self.issues("second")), (0, 1))
		self.assertEqual([row.state for row in self.log(run)], ["retry", "done"])

	def test_a_deadlock_that_lasts_is_an_attempt_and_not_the_end(self):
		deadlock = self.issue_handler("x", lambda ctx: self._raise(TransientDatabaseError("deadlock")))
		self.on("a", lambda ctx: deadlock(ctx) if ctx.attempt < 4 else Done())
		run = self.start(step("a", "t_db"))
		for _ in range(4):
			self.drain(run)
			self.pass_time(120)
		self.assert_done(run)
		self.assertEqual(self.issues("x"), 0)

	def test_a_run_acts_as_its_user(self):
		acting = []
		self.on("a", lambda ctx: acting.append(ctx.run["run_as"]) or Done())
		run = self.start(step("a", "t_db"), issue("b", self.named("as")))
		self.drain(run)
		self.assertEqual(acting, [self.user])
		self.assertEqual({row.acting_user for row in self.log(run)}, {self.user})
		(name,) = self.host.documents.find("Issue", {"subject": self.named("as")})
		self.assertEqual(self.host.documents.get("Issue", name)["owner"], self.user)

	# --- values -----------------------------------------------------------------------------------

	def test_documents_are_read_when_the_step_runs(self):
		document = self.new_document("Issue", subject=self.named("before"))
		seen = []
		self.on("t_db", lambda ctx: seen.append(ctx.payload["value"]) or Done())
		run = self.start(
			step("a", "t_db", payload={"value": "{{doc.subject}}"}),
			step("c", "t_db", payload={"value": "{{doc.subject}}"}, when=("after_delay", {"delay_hours": 1})),
			context_doctype="Issue",
			context_docname=document["name"],
		)
		self.drain(run)
		self.host.runs.transact(
			lambda: self.host.documents.update("Issue", document["name"], {"subject": self.named("after")})
		)
		self.pass_time(3_700)
		self.drain(run)
		self.assertEqual(seen, [self.named("before"), self.named("after")])

	def test_of_a_deleted_document_the_last_values_are_read(self):
		seen = []
		self.on("t_db", lambda ctx: seen.append(ctx.payload["value"]) or Done())
		reader = step("a", "t_db", payload={"value": "{{doc.subject}}"})
		columns = {"context_doctype": "Issue", "context_docname": self.named("gone")}
		kept = self.start(reader, trigger_data={"doc": {"subject": "as it was"}}, **columns)
		self.drain(kept)
		self.assertEqual((self.status(kept), seen), ("completed", ["as it was"]))
		lost = self.start(reader, step("other", "t_db", payload={"value": "plain"}), **columns)
		self.drain(lost)
		self.assert_failed(lost, "a", "document_not_found")
		self.assertEqual(self.states(lost)["other"], "done")

	def test_a_large_result_is_only_in_the_log_and_read_when_asked_for(self):
		text, seen = "x" * 5_000, []
		self.on("a", lambda ctx: Done({"text": text, "branch": "yes"}))
		self.on("b", lambda ctx: seen.append(ctx.payload["value"]) or Done())
		run = self.start(
			step("a", "t_none"),
			step(
				"b", "t_db", parent="a", branch="yes", payload={"value": "{{steps.a.result.text}}"},
				when=("after_delay", {"delay_hours": 1}),
			),
		)  # fmt: skip
		self.drain(run)
		self.assertTrue(in_log(self.state(run, "a").result))
		self.assertLess(len(str(self.record(run).step_state)), 1_000)
		self.pass_time(3_700)
		self.drain(run)
		self.assert_done(run)
		self.assertEqual(seen, [text])

	def test_any_result_is_kept_as_json(self):
		self.on("a", lambda ctx: Done({"nan": float("nan"), "half": "\ud83d", 1: {2}}))
		run = self.start(step("a", "t_db"), step("b", after=["a"]))
		self.drain(run)
		self.assert_done(run)
		self.assertIsNone(self.state(run, "a").result["nan"])

	# --- many steps -------------------------------------------------------------------------------

	def test_a_run_yields_after_a_hundred_steps_so_that_others_get_their_turn(self):
		names = [f"s{n}" for n in range(2 * ADVANCE_STEPS + 30)]
		run = self.start(*(step(name, "t_none") for name in names))
		advanced = advance_run(self.host, self.claim(run))
		self.assertTrue(advanced.more)
		self.assertLessEqual(len(advanced.executed), ADVANCE_STEPS)
		record = self.record(run)
		self.assertIsNone(record.lease_token)
		self.assertLessEqual(record.wake_at, self.now())
		self.drain(run)
		self.assert_done(run)
		self.assertEqual(sorted(self.ran), sorted(names))
		self.assertEqual(len(self.log(run)), len(names))

	def test_a_long_chain_of_effects_is_whole(self):
		names = [f"s{n}" for n in range(60)]
		run = self.start(*(step(n, "t_db", after=names[i - 1 : i] if i else []) for i, n in enumerate(names)))
		self.drain(run)
		self.assert_done(run)
		self.assertEqual(self.ran, names)

	# --- what cannot be run -----------------------------------------------------------------------

	def test_a_kind_that_was_removed_parks_its_step_and_nothing_is_discarded(self):
		run = self.start(step("a", "t_db"), step("b", "t_db", after=["a"]))
		poorer = replace(self.host, kinds={k: v for k, v in self.host.kinds.items() if k != "t_db"})
		self.drain(run, poorer)
		self.assert_failed(run, "a", "unknown_kind")
		self.assertEqual((self.status(run), self.states(run)["b"]), ("failed", "pending"))
		retry_step(self.host, run, "a")
		self.drain(run)
		self.assert_done(run)

	def test_a_run_whose_state_cannot_be_read_fails_with_everything_left_in_place(self):
		run = self.start(step("a", "t_db"), step("b", when="manual", after=["a"]))
		self.drain(run)
		for spoilt in ("}{", {"a": {"status": "sleeping"}}, ["a"]):

			def spoil(spoilt=spoilt):
				now = self.host.runs.now()
				self.host.runs.write(run, None, status="running", step_state=spoilt, wake_at=now)

			self.host.runs.transact(spoil)
			self.drain(run)
			record = self.record(run)
			self.assertEqual((record.status, record.wake_at, record.lease_token), ("failed", None, None))
			self.assertEqual(record.step_state, spoilt)
			(stored,) = self.rows("Flow Run", name=run)
			self.assertEqual(stored["error_code"], "state_unreadable")
			self.assertEqual([row.step_id for row in self.log(run)], ["a"])
		self.assertEqual(self.ran, ["a"])
