"""Who works on a run: claims, leases, fences, and what becomes of a run whose worker is lost."""

from __future__ import annotations

from dataclasses import replace

from flow_engine.engine.errors import DuplicateTrigger, LeaseLost, RunNotFound
from flow_engine.engine.outcomes import Done
from flow_engine.engine.ports import NewRun
from flow_engine.engine.running import LEASE_SECONDS, LOST_LEASES, advance_run
from flow_engine.testing.builders import step
from flow_engine.testing.contract.base import ContractBase, Killed


def killed(ctx):
	raise Killed


class ClaimContract(ContractBase):
	def test_a_run_is_due_the_moment_it_is_written(self):
		run = self.start(step("a"))
		record = self.record(run)
		self.assertEqual(record.status, "running")
		self.assertLessEqual(record.wake_at, self.now())
		self.assertEqual(self.claim(run).attempts, 0)

	def test_a_run_started_in_a_transaction_that_fails_is_not_there(self):
		published = self.published(step("a"))
		names = []

		def work():
			names.append(self.host.runs.insert(NewRun(*published, "manual", run_as=self.user)))
			raise ZeroDivisionError

		with self.assertRaises(ZeroDivisionError):
			self.host.runs.transact(work)
		with self.assertRaises(RunNotFound):
			self.record(names[0])

	def test_a_trigger_key_starts_one_run(self):
		published = self.published(step("a"))
		key = self.named("schedule:nightly")
		run = self.start_again(published, trigger_key=key)
		with self.assertRaises(DuplicateTrigger):
			self.start_again(published, trigger_key=key)
		self.drain(run)
		with self.assertRaises(DuplicateTrigger):
			self.start_again(published, trigger_key=key)
		self.assert_done(run)

	def test_runs_without_a_trigger_key_are_as_many_as_were_started(self):
		published = self.published(step("a"))
		self.assertNotEqual(self.start_again(published), self.start_again(published))

	def test_a_leased_run_is_nobody_elses(self):
		run = self.start(step("a"))
		self.claim(run)
		self.assertEqual(self.host.runs.claim(10, LEASE_SECONDS, only=run), [])
		self.pass_time(LEASE_SECONDS / 2)
		self.assertEqual(self.host.runs.claim(10, LEASE_SECONDS, only=run), [])

	def test_a_claim_looks_again_under_the_lock(self):
		"""What was found due may have been taken, or be done, before it is locked."""
		runs = self.host.runs
		taken, ended = self.start(step("a")), self.start(step("a"))
		self.claim(taken)
		self.drain(ended)
		runs.due = lambda limit, only=None: [taken, ended]
		self.addCleanup(delattr, runs, "due")
		self.assertEqual(runs.claim(10, LEASE_SECONDS), [])

	def test_a_claim_looks_further_where_others_were_quicker(self):
		runs = self.host.runs
		quick, left = self.start(step("a")), self.start(step("a"))
		due, looks = runs.due, []

		def found(limit, only=None):
			looks.append(limit)
			if len(looks) == 1:
				self.claim(quick)  # between this look and the lock
				return [quick]
			return [name for name in due(1_000, only) if name in (quick, left)][:limit]

		runs.due = found
		self.addCleanup(delattr, runs, "due")
		self.assertEqual([claim.run for claim in runs.claim(1, LEASE_SECONDS)], [left])

	def test_a_renewed_lease_lasts_longer_and_a_lost_one_cannot_be_renewed(self):
		run = self.start(step("a"))
		first = self.claim(run)
		self.pass_time(LEASE_SECONDS / 2)
		self.assertTrue(self.host.runs.renew(first, LEASE_SECONDS))
		self.pass_time(LEASE_SECONDS / 2 + 5)
		self.assertEqual(self.host.runs.claim(10, LEASE_SECONDS, only=run), [])
		self.pass_time(LEASE_SECONDS)
		self.claim(run)
		self.assertFalse(self.host.runs.renew(first, LEASE_SECONDS))

	def test_a_claim_given_back_is_free_at_once_and_counts_as_no_loss(self):
		run = self.start(step("a"))
		self.host.runs.give_back([self.claim(run)])
		self.assertEqual(self.claim(run).attempts, 0)

	def test_a_run_whose_lease_ran_out_is_claimed_alone_and_counted(self):
		published = self.published(step("a"))
		lost, clean = self.start_again(published), self.start_again(published)
		self.claim(lost)
		self.pass_time(LEASE_SECONDS + 5)
		batches = []
		while batch := self.host.runs.claim(50, LEASE_SECONDS):
			batches.append(batch)
		of = {claim.run: batch for batch in batches for claim in batch}
		self.assertEqual([(claim.run, claim.attempts) for claim in of[lost]], [(lost, 1)])
		self.assertIn(clean, of)
		self.assertTrue(all(claim.attempts == 0 for claim in of[clean]))

	def test_a_run_that_is_not_due_is_not_claimed(self):
		run = self.start(step("a", when=("after_delay", {"delay_hours": 1})))
		self.drain(run)
		self.assertEqual(self.host.runs.claim(10, LEASE_SECONDS, only=run), [])
		self.pass_time(3_700)
		self.claim(run)

	def test_what_was_lost_cannot_be_locked_or_written_by_its_old_token(self):
		run = self.start(step("a"))
		old = self.claim(run)
		self.pass_time(LEASE_SECONDS + 5)
		new = self.claim(run)
		runs = self.host.runs
		with self.assertRaises(LeaseLost):
			runs.transact(lambda: runs.lock(run, old.token))
		with self.assertRaises(LeaseLost):
			runs.transact(lambda: runs.write(run, old.token, failed_steps=9))
		runs.transact(lambda: runs.write(run, new.token, failed_steps=0))

	def test_a_zombie_that_comes_back_executes_nothing(self):
		run = self.start(step("a", "t_db"))
		old = self.claim(run)
		self.pass_time(LEASE_SECONDS + 5)
		advance_run(self.host, self.claim(run))
		before = self.record(run)
		self.assertTrue(advance_run(self.host, old).lost)
		self.assertEqual(self.ran, ["a"])
		self.assertEqual(self.record(run), before)

	def test_a_zombie_loses_the_effect_of_the_step_it_was_on(self):
		"""Its lease ran out and was taken while its handler worked: the effect goes with the transaction."""
		run = self.start(step("call", "t_call"), step("after", "t_db", after=["call"]))
		taken = []

		def overtaken(ctx):
			self.pass_time(400)
			taken.append(self.claim(run))
			return Done({"mine": True})

		self.on("call", overtaken)
		self.on("after", self.issue_handler("zombie"))
		(advanced,) = self.drain(run)
		self.assertTrue(advanced.lost)
		self.assertEqual(self.issues("zombie"), 0)
		self.assertEqual(self.state(run, "call").status, "running")
		(row,) = self.rows("Flow Step Log", flow_run=run, step_id="call")
		self.assertIn("mine", row["late_outcome"])
		self.assertEqual(row["state"], "running")
		advance_run(self.host, taken[0])
		self.assert_failed(run, "call", "outcome_unknown")
		self.assertEqual(self.ran, ["call"])

	def test_a_worker_lost_between_two_steps_loses_nothing_and_repeats_nothing(self):
		steps = [
			step("one", "t_db"),
			step("pick", "t_none", after=["one"]),
			step("yes", "t_db", parent="pick", branch="yes"),
			step("no", "t_db", parent="pick", branch="no"),
			step("two", "t_db", after=["yes", "no"]),
			step("three", "t_db", parent="two"),
		]
		self.on("pick", lambda ctx: Done({"branch": "yes"}))
		ended = {}
		for crash in (None, "yes", "two", "three"):
			for name in ("one", "yes", "no", "two", "three"):
				self.on(name, self.issue_handler(f"{name} {crash}"))
			if crash:
				self.once(crash, self.issue_handler(f"{crash} {crash}", killed), self.handlers[crash])
			run = self.start(*steps)
			if crash:
				self.drain_killed(run)
			self.drain(run)
			session = self.session(run)
			ended[crash] = {
				s.id: replace(session.state(s.id), started_at=None, completed_at=None, ready_at=None)
				for s in session.definition.steps
			}
			counts = {name: self.issues(f"{name} {crash}") for name in ("one", "yes", "no", "two", "three")}
			self.assertEqual(counts, {"one": 1, "yes": 1, "no": 0, "two": 1, "three": 1}, crash)
			self.assertEqual(self.status(run), "completed")
			self.assertEqual(len(self.log(run)), 5)
			self.assertEqual(ended[crash], ended[None], crash)

	def test_a_step_that_takes_its_worker_down_five_times_fails_and_the_rest_goes_on(self):
		self.on("poison", killed)
		run = self.start(step("poison", "t_db"), step("other", "t_db"))
		for _ in range(LOST_LEASES):
			self.drain_killed(run)
		self.drain(run)
		self.assert_failed(run, "poison", "worker_lost")
		self.assertEqual(self.states(run)["other"], "done")
		self.assertEqual(self.ran.count("poison"), LOST_LEASES)
		self.assertEqual((self.status(run), self.record(run).failed_steps), ("failed", 1))

	def test_the_step_blamed_for_lost_workers_is_the_one_they_were_on(self):
		"""Steps without effect share a transaction with the one that kills: they are not to blame."""
		self.on("poison", killed)
		run = self.start(
			step("first", "t_none"),
			step("poison", "t_db", after=["first"]),
			step("last", "t_none", after=["first"]),
		)
		for _ in range(LOST_LEASES + 1):
			self.drain_killed(run)
		self.drain(run)
		self.assert_failed(run, "poison", "worker_lost")
		self.assertEqual((self.states(run)["first"], self.states(run)["last"]), ("done", "done"))

	def test_a_poison_steps_end_stands_even_if_the_next_step_fails(self):
		self.on("poison", killed)
		self.on("next", self.issue_handler("next", lambda ctx: 1 / 0))
		run = self.start(step("poison", "t_db", on_error="continue"), step("next", "t_db", after=["poison"]))
		for _ in range(LOST_LEASES):
			self.drain_killed(run)
		self.drain(run)
		self.assertEqual(self.ran.count("poison"), LOST_LEASES)
		self.assert_failed(run, "poison", "worker_lost")
		self.assert_failed(run, "next", "handler_error")
		self.assertEqual(self.issues("next"), 0)

	def test_progress_forgets_lost_leases(self):
		self.once("a", killed)
		run = self.start(step("a", "t_db"), step("b", "t_db", after=["a"]))
		self.drain_killed(run)
		self.drain(run)
		self.assertEqual(self.record(run).attempts, 0)
		self.assert_done(run)

	def test_one_run_that_cannot_be_advanced_does_not_stop_the_others(self):
		published = self.published(step("a", "t_none"))
		runs = [self.start_again(published) for _ in range(3)]
		self.host.runs.transact(lambda: self.host.runs.write(runs[1], None, step_state="spoilt"))
		for run in runs:
			self.drain(run)
		self.assertEqual([self.status(run) for run in runs], ["completed", "failed", "completed"])

	# --- concurrency ------------------------------------------------------------------------------

	def _two_on_one_document(self, rule):
		document = self.new_document("Issue", subject=self.named("context"))
		published = self.published(step("w", when="manual"), step("x", "t_db", after=["w"]))
		columns = {"context_doctype": "Issue", "context_docname": document["name"], "concurrency": rule}
		runs = []
		for _ in range(2):
			runs.append(self.start_again(published, **columns))
			self.drain(runs[-1])
		return runs

	def test_concurrency_decides_what_two_runs_on_one_document_do(self):
		for rule, expected in (
			("allow", ["running", "running"]),
			("skip", ["running", "cancelled"]),
			("replace", ["cancelled", "running"]),
		):
			runs = self._two_on_one_document(rule)
			self.assertEqual([self.status(run) for run in runs], expected, rule)

	def test_an_ended_run_is_nobodys_rival(self):
		document = self.new_document("Issue", subject=self.named("context"))
		published = self.published(step("a"))
		for rule in ("skip", "replace"):
			runs = []
			for _ in range(2):
				columns = {
					"context_doctype": "Issue",
					"context_docname": document["name"],
					"concurrency": rule,
				}
				runs.append(self.start_again(published, **columns))
				self.drain(runs[-1])
			self.assertEqual([self.status(run) for run in runs], ["completed", "completed"], rule)

	def test_runs_on_different_documents_are_no_rivals(self):
		published = self.published(step("w", when="manual"))
		runs = []
		for number in range(2):
			document = self.new_document("Issue", subject=self.named(f"context {number}"))
			columns = {"context_doctype": "Issue", "context_docname": document["name"], "concurrency": "skip"}
			runs.append(self.start_again(published, **columns))
			self.drain(runs[-1])
		self.assertEqual([self.status(run) for run in runs], ["running", "running"])

	def test_of_two_unbegun_runs_replace_keeps_the_newer_and_skip_the_older(self):
		published = self.published(step("w", when="manual"))
		for rule, survivor in (("replace", 1), ("skip", 0)):
			document = self.new_document("Issue", subject=self.named(rule))
			columns = {"context_doctype": "Issue", "context_docname": document["name"], "concurrency": rule}
			runs = [self.start_again(published, **columns)]
			self.pass_time(1)
			runs.append(self.start_again(published, **columns))
			for run in reversed(runs):
				self.drain(run)
			statuses = [self.status(run) for run in runs]
			self.assertEqual(statuses.count("running"), 1, rule)
			self.assertEqual(statuses[survivor], "running", rule)
