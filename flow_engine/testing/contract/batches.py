"""Many runs in one worker's hands: what they share, and that nobody's trouble becomes another's."""

from __future__ import annotations

from collections import Counter

from flow_engine.engine import crash_points
from flow_engine.engine.batch import Batch
from flow_engine.engine.interventions import cancel_run
from flow_engine.engine.outcomes import Done
from flow_engine.engine.ports import Claim
from flow_engine.engine.running import LEASE_SECONDS, advance_run
from flow_engine.testing.builders import step
from flow_engine.testing.contract.base import ContractBase, Killed


class BatchContract(ContractBase):
	def start_many(self, count: int, *steps) -> list[str]:
		published = self.published(*steps)
		return [self.start_again(published) for _ in range(count)]

	def advance(self, claims: list[Claim]) -> Counter:
		"""To the end of the batch; how often each named point of the protocol was passed."""
		passed: Counter = Counter()
		crash_points.arm(lambda name: passed.update([name]))
		self.addCleanup(crash_points.arm, None)
		batch = Batch(self.host, claims)
		while batch.waiting:
			batch.advance_some()
		crash_points.arm(None)
		return passed

	def test_runs_without_effects_share_one_transaction(self):
		runs = self.start_many(5, step("a", "t_none"), step("b", "t_none", after=["a"]))
		passed = self.advance([self.claim(run) for run in runs])
		self.assertEqual(passed["transaction.after_commit"], 1)
		for run in runs:
			self.assert_done(run)
			self.assertEqual([row.step_id for row in self.log(run)], ["a", "b"])
			self.assertIsNone(self.record(run).lease_token)

	def test_a_run_that_comes_to_an_effect_goes_on_alone_and_has_it_once(self):
		published = self.published(step("a", "t_none"), step("b", "t_db", after=["a"]))
		self.on("b", self.issue_handler("in a batch"))
		runs = [self.start_again(published) for _ in range(3)]
		passed = self.advance([self.claim(run) for run in runs])
		self.assertGreater(passed["transaction.after_commit"], 3)
		self.assertEqual(self.issues("in a batch"), 3)
		self.assertEqual(Counter(self.ran), {"a": 3, "b": 3})
		for run in runs:
			self.assert_done(run)

	def test_a_run_that_begins_with_an_effect_is_not_written_before_it(self):
		published = self.published(step("a", "t_db"))
		written: list[str] = []
		write = self.host.runs.write

		def noted(run, *more, **columns):
			written.append(run)
			write(run, *more, **columns)

		self.host.runs.write = noted
		self.addCleanup(delattr, self.host.runs, "write")
		advance_run(self.host, self.claim(self.start_again(published)))
		alone, written[:] = len(written), []
		runs = [self.start_again(published) for _ in range(2)]
		self.advance([self.claim(run) for run in runs])
		self.assertEqual(Counter(written), dict.fromkeys(runs, alone))

	def test_a_wait_is_planned_and_its_time_kept(self):
		runs = self.start_many(3, step("a", "t_none"), step("b", "t_none", after=["a"], when=_IN_AN_HOUR))
		self.advance([self.claim(run) for run in runs])
		for run in runs:
			self.assertEqual(self.open_rows(run), {"b": "delay"})
			self.assertIsNotNone(self.record(run).wake_at)
		self.pass_time(3_700)
		self.advance([self.claim(run) for run in runs])
		for run in runs:
			self.assert_done(run)
			self.assertEqual(self.open_rows(run), {})

	def test_a_step_that_fails_fails_its_own_run(self):
		runs = self.start_many(3, step("a", "t_none"))
		seen = []

		def second_fails(ctx):
			seen.append(ctx.run["name"])
			if ctx.run["name"] == runs[1]:
				raise ZeroDivisionError
			return Done()

		self.on("a", second_fails)
		self.advance([self.claim(run) for run in runs])
		self.assertEqual([self.status(run) for run in runs], ["completed", "failed", "completed"])
		self.assertEqual(sorted(seen), sorted(runs))

	def test_a_zombie_in_a_batch_writes_nothing_and_the_others_go_on(self):
		runs = self.start_many(3, step("a", "t_none"))
		first = self.claim(runs[0])
		self.pass_time(LEASE_SECONDS + 5)
		again = self.claim(runs[0])
		self.advance([first, *(self.claim(run) for run in runs[1:])])
		self.assertEqual(Counter(self.ran), {"a": 2})
		self.assertEqual(self.record(runs[0]).lease_token, again.token)
		self.assertEqual(self.log(runs[0]), [])
		self.assert_done(runs[1])
		self.assert_done(runs[2])

	def test_a_run_that_was_cancelled_meanwhile_stays_so(self):
		runs = self.start_many(2, step("a", "t_none"))
		claims = [self.claim(run) for run in runs]
		cancel_run(self.host, runs[0], "not wanted")
		self.advance(claims)
		self.assertEqual([self.status(run) for run in runs], ["cancelled", "completed"])
		self.assertEqual(self.ran, ["a"])

	def test_a_run_whose_row_cannot_be_written_takes_nobody_along(self):
		runs = self.start_many(3, step("a", "t_none"))
		claims = [self.claim(run) for run in runs]
		write = self.host.runs.write

		def broken(run, *more, **columns):
			if run == runs[1]:
				raise ZeroDivisionError
			write(run, *more, **columns)

		self.host.runs.write = broken
		self.advance(claims)
		del self.host.runs.write
		self.assertEqual([self.status(run) for run in runs], ["completed", "running", "completed"])
		self.assertEqual(self.log(runs[1]), [])
		self.assertEqual(len(self.log(runs[0])), 1)
		self.pass_time(LEASE_SECONDS + 5)
		self.drain(runs[1])
		self.assert_done(runs[1])

	def test_a_worker_lost_in_the_middle_of_a_batch_has_written_nothing_of_it(self):
		runs = self.start_many(3, step("a", "t_none"))
		claims = [self.claim(run) for run in runs]

		def killed_at_the_second(ctx):
			if len(self.ran) == 2:
				raise Killed
			return Done()

		self.on("a", killed_at_the_second)
		with self.assertRaises(Killed):
			self.advance(claims)
		self.assertEqual([self.log(run) for run in runs], [[], [], []])
		self.pass_time(LEASE_SECONDS + 5)
		self.on("a", lambda ctx: Done())
		for run in runs:
			self.assertEqual(self.claim_again(run).attempts, 1)
			self.assert_done(run)

	def claim_again(self, run: str) -> Claim:
		claim = self.claim(run)
		advance_run(self.host, claim)
		return claim

	def test_what_lost_a_lease_shares_with_nobody(self):
		runs = self.start_many(2, step("a", "t_none"))
		for run in runs:
			self.claim(run)
		self.pass_time(LEASE_SECONDS + 5)
		passed = self.advance([self.claim(run) for run in runs])
		self.assertEqual(passed["batch.locked"], 0)
		for run in runs:
			self.assert_done(run)


_IN_AN_HOUR = ("after_delay", {"delay_hours": 1})
