"""The tick on a real queue and a real database: what it queues in an outage, and what it does on a site that
is older than the app."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import frappe
from frappe.tests.utils import FrappeTestCase
from frappe.utils.background_jobs import generate_qname
from rq import Queue
from rq.job import Job
from rq.registry import StartedJobRegistry

from flow_engine.engine.draining import CLAIM_LIMIT
from flow_engine.engine.ports import NewRun
from flow_engine.frappe_host import jobs
from flow_engine.frappe_host import tick as ticking
from flow_engine.frappe_host.doctor import examine
from flow_engine.frappe_host.host import compose_host
from flow_engine.frappe_host.parts import PartsFailed
from flow_engine.frappe_host.queued_drains import MAX_DRAINS, job_prefix
from flow_engine.frappe_host.tests import test_contract as on_site
from flow_engine.frappe_host.tick import tick
from flow_engine.testing.builders import flow, step


class TestTick(FrappeTestCase):
	"""On a queue of its own in the bench's Redis, which no worker listens to."""

	user = "Administrator"
	# Not as a base: its own tests would be collected once more.
	publish = on_site.TestFrappeHost.publish
	remove_what_was_made = on_site.TestFrappeHost.remove_what_was_made

	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.switched = frappe.db.get_single_value("Flow Engine Settings", "disabled")
		on_site.switch(True)

	@classmethod
	def tearDownClass(cls):
		on_site.switch(bool(cls.switched))
		super().tearDownClass()

	def setUp(self):
		self.templates: list[str] = []
		self.before = {}
		super().setUp()
		self.addCleanup(self.remove_what_was_made)
		for module in (ticking, jobs):
			on = patch.object(module, "is_disabled", return_value=False)
			on.start()
			self.addCleanup(on.stop)
		private = patch.object(jobs, "QUEUE", f"flow-test-{frappe.generate_hash(length=8)}")
		private.start()
		self.addCleanup(private.stop)
		self.queue = Queue(generate_qname(jobs.QUEUE), connection=jobs._connection())
		self.addCleanup(self.empty_queue)
		title = f"Tick {frappe.generate_hash(length=8)}"
		self.template, self.version = self.publish(flow(step("a", kind="wait")), title)

	def empty_queue(self) -> None:
		self.queue.delete(delete_jobs=True)
		self.queue.connection.delete(self.started().key, jobs._key())

	def started(self) -> StartedJobRegistry:
		return StartedJobRegistry(self.queue.name, connection=self.queue.connection)

	def make_due(self, runs: int) -> list[str]:
		host = compose_host()
		new = NewRun(
			flow_template=self.template, template_version=1, trigger_event="manual", run_as=self.user
		)
		names = [host.runs.insert(new) for _ in range(runs)]
		frappe.db.commit()  # the tick counts what others have committed
		return names

	def start_running(self, seconds: float) -> None:
		"""As a worker does with what it takes from the queue; its heartbeat is good for so long."""
		job = Job.fetch(self.queue.pop_job_id(), connection=self.queue.connection)
		self.queue.connection.zadd(self.started().key, {job.id: time.time() + seconds})

	# --- an outage of the workers ---------------------------------------------------------------------------

	def test_ticks_without_workers_queue_what_the_backlog_needs_once(self):
		self.make_due(1)
		self.assertEqual([tick()["drains"] for _ in range(4)], [1, 0, 0, 0])
		self.assertEqual(self.queue.count, 1)
		self.assertTrue(self.queue.job_ids[0].startswith(job_prefix(frappe.local.site)))

	def test_a_growing_backlog_adds_drains_up_to_the_limit(self):
		self.make_due(CLAIM_LIMIT)
		tick()
		self.assertEqual(self.queue.count, 1)
		self.make_due(CLAIM_LIMIT)
		tick()
		self.assertEqual(self.queue.count, 2)
		with patch.object(ticking, "CLAIM_LIMIT", 1):
			for _ in range(3):
				tick()
		self.assertEqual(self.queue.count, MAX_DRAINS)

	def test_a_drain_that_runs_takes_room_but_is_not_counted_on(self):
		"""It may be in the middle of a long call, or past its last look."""
		self.make_due(1)
		tick()
		self.start_running(60)
		self.assertEqual(tick()["drains"], 1)
		with patch.object(ticking, "CLAIM_LIMIT", 0.1):
			tick()
		self.assertEqual(self.queue.count, MAX_DRAINS - 1)

	def test_a_drain_whose_worker_is_gone_takes_no_room(self):
		self.make_due(1)
		tick()
		self.start_running(-1)
		with patch.object(ticking, "CLAIM_LIMIT", 0.1):
			tick()
		self.assertEqual(self.queue.count, MAX_DRAINS)

	def test_a_flushed_queue_is_filled_again(self):
		self.make_due(1)
		tick()
		self.queue.delete(delete_jobs=True)
		self.assertEqual(tick()["drains"], 1)

	def test_hints_without_workers_make_one_job_however_long_the_outage(self):
		for _ in range(3):
			self.assertTrue(jobs.send_hint())
			self.queue.connection.delete(jobs._key())  # as after HINT_SECONDS
		self.assertEqual(self.queue.count, 1)

	def test_another_sites_drains_are_not_ours(self):
		self.make_due(1)
		tick()
		with patch.object(frappe.local, "site", f"other.{frappe.local.site}"):
			self.assertEqual(jobs.send_drains(1), 1)
		self.assertEqual(self.queue.count, 2)

	# --- a site that is older than the app ------------------------------------------------------------------

	def test_a_missing_table_keeps_no_run_from_being_woken_and_is_told(self):
		(run,) = self.make_due(1)
		with missing("Flow Delivery"):
			with self.assertRaises(PartsFailed) as failed:
				tick()
			self.assertEqual(self.queue.count, 1)
			self.assertRegex(str(failed.exception), r"deliveries.*tabFlow Delivery.*migrate")
			with self.assertRaises(PartsFailed):
				jobs.drain()
			self.assertEqual(frappe.db.get_value("Flow Run", run, "status"), "completed")
			(told,) = [f for f in examine() if f.subject == "Tables"]
			self.assertEqual((told.level, "Flow Delivery" in told.text), ("error", True))
			self.assertIn("migrate", told.remedy)
		(told,) = [f for f in examine() if f.subject == "Tables"]
		self.assertEqual(told.level, "ok")

	def test_a_missing_column_of_service_levels_keeps_no_run_from_being_woken_and_done(self):
		(run,) = self.make_due(1)
		with renamed("Flow Run", "sla_at"):
			with self.assertRaises(PartsFailed) as failed:
				tick()
			self.assertRegex(str(failed.exception), r"service levels.*migrate")
			self.assertEqual(self.queue.count, 1)
			jobs.drain()
		self.assertEqual(frappe.db.get_value("Flow Run", run, "status"), "completed")

	def test_a_missing_column_of_pending_rows_keeps_no_run_from_being_woken(self):
		self.make_due(1)
		with renamed("Flow Step Pending", "trigger_at"):
			with self.assertRaises(PartsFailed) as failed:
				tick()
			self.assertEqual(self.queue.count, 1)
			self.assertRegex(str(failed.exception), r"pending rows.*trigger_at.*migrate")
			(told,) = [f for f in examine() if f.subject == "Tables"]
			self.assertIn("Flow Step Pending.trigger_at", told.text)
		tick()


@contextmanager
def missing(doctype: str) -> Iterator[None]:
	frappe.db.commit()  # DDL commits anyway
	frappe.db.sql_ddl(f"RENAME TABLE `tab{doctype}` TO `{doctype} of later`")
	try:
		yield
	finally:
		frappe.db.rollback()
		frappe.db.sql_ddl(f"RENAME TABLE `{doctype} of later` TO `tab{doctype}`")


@contextmanager
def renamed(doctype: str, column: str) -> Iterator[None]:
	frappe.db.commit()  # DDL commits anyway
	frappe.db.sql_ddl(f"ALTER TABLE `tab{doctype}` RENAME COLUMN `{column}` TO `{column}_of_later`")
	try:
		yield
	finally:
		frappe.db.rollback()
		frappe.db.sql_ddl(f"ALTER TABLE `tab{doctype}` RENAME COLUMN `{column}_of_later` TO `{column}`")
