"""What nobody would come back to: found by the reconciler, and many runs of one flow beside one of
another."""

from __future__ import annotations

from flow_engine.engine.interventions import complete_step
from flow_engine.engine.outcomes import Done, Fail
from flow_engine.engine.reconciling import reconcile
from flow_engine.engine.running import LEASE_SECONDS
from flow_engine.testing.builders import step
from flow_engine.testing.contract.base import ContractBase


class ForgottenContract(ContractBase):
	def _reconciled(self):
		after, pages = "", []
		while True:
			pages.append(reconcile(self.host, after))
			after = pages[-1].after
			if not after:
				return pages

	def test_a_running_run_without_a_wake_time_is_woken_for_what_is_ready(self):
		run = self.start(step("a", "t_db"))
		self.set_row("Flow Run", run, wake_at=None)
		self.assertEqual(self.drain(run), [])
		self._reconciled()
		self.drain(run)
		self.assert_done(run)

	def test_a_wait_whose_wake_time_was_lost_gets_it_back(self):
		run = self.start(step("a", when=("after_delay", {"delay_hours": 2})))
		self.drain(run)
		due = self.record(run).wake_at
		self.set_row("Flow Run", run, wake_at=None)
		self._reconciled()
		self.assertEqual(self.record(run).wake_at, due)

	def test_a_run_that_waits_for_somebody_is_left_alone(self):
		run = self.start(step("a", when="manual"))
		self.drain(run)
		before = self.record(run)
		self._reconciled()
		self.assertEqual(self.record(run).revision, before.revision)
		complete_step(self.host, run, "a", {"ok": True})
		self.drain(run)
		self.assert_done(run)

	def test_a_running_run_in_which_nothing_can_happen_becomes_an_incident(self):
		self.on("a", lambda ctx: Fail("no", "never"))
		run = self.start(step("a", "t_db"), step("b", "t_db", after=["a"]))
		self.drain(run)
		self.set_row("Flow Run", run, status="running")
		self._reconciled()
		record = self.record(run)
		self.assertEqual((record.status, record.wake_at), ("failed", None))

	def test_an_ended_run_is_not_woken_again(self):
		run = self.start(step("a"))
		self.drain(run)
		self.set_row("Flow Run", run, wake_at=self.host.runs.utc_text(self.now()))
		self._reconciled()
		self.assertIsNone(self.record(run).wake_at)

	def test_pages_go_on_where_the_last_one_ended(self):
		published = self.published(step("a", when="manual"))
		runs = [self.start_again(published) for _ in range(5)]
		for run in runs:
			self.drain(run)
		first = reconcile(self.host, min(runs)[:-1], page=2)
		self.assertEqual(first.looked_at, 2)
		self.assertTrue(first.after)
		self.assertGreaterEqual(reconcile(self.host, first.after, page=1_000).looked_at, 3)

	def test_many_due_runs_of_one_flow_do_not_keep_another_flow_waiting(self):
		self.on("t_db", lambda ctx: Done())
		many = self.published(step("a", "t_db"))
		crowd = {self.start_again(many) for _ in range(30)}
		single = self.start(step("b", "t_db"))
		claims = self.host.runs.claim(10, LEASE_SECONDS)
		self.host.runs.give_back(claims)
		names = {claim.run for claim in claims}
		self.assertIn(single, names)
		self.assertTrue(names & crowd)
		self.assertLessEqual(len(names), 10)
