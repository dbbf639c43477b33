"""Whatever goes wrong with a flow, the document is saved, and somebody is told."""

from unittest.mock import patch

import frappe
import pymysql
from rq.timeouts import JobTimeoutException

import flow_engine
from flow_engine.engine.errors import TransientDatabaseError, ValidationFailed
from flow_engine.frappe_host import events, starting, store
from flow_engine.frappe_host.harmless import FAILURE_TITLE
from flow_engine.frappe_host.tests.events_for_tests import (
	EventsTestCase,
	remove,
	second_connection,
	switched_off,
)
from flow_engine.frappe_host.tests.flows_for_tests import (
	make_flow,
	make_todo,
	runs_of,
	subjects_of,
)
from flow_engine.service.lineage import MAX_DEPTH


class TestFailures(EventsTestCase):
	def setUp(self):
		super().setUp()
		self.flow = make_flow(doctype="ToDo", doc_event="after_insert")
		frappe.cache.delete_value(f"flow_engine_not_started:{self.flow}:unexpected_error")
		self.neighbour = make_flow(doctype="ToDo", doc_event="after_insert")

	def _start_fails_with(self, error, partial=False):
		start = starting.start_one

		def failing(host, trigger, occurrence):
			if trigger.template != self.flow:
				return start(host, trigger, occurrence)
			if partial:
				start(host, trigger, occurrence)
			raise error

		return patch.object(starting, "start_one", failing)

	def test_a_flow_that_cannot_start_is_recorded_and_alerted_and_the_document_is_saved(self):
		for error in (RuntimeError("a bug"), ValidationFailed("no"), frappe.ValidationError("no")):
			with self.subTest(error=repr(error)), self._start_fails_with(error, partial=True):
				told = len(frappe.local.message_log)
				todo = make_todo()
				self.assertTrue(frappe.db.exists("ToDo", todo.name))
				self.assertEqual(runs_of(self.flow), [])
				self.assertIn(("ToDo", todo.name), subjects_of(self.neighbour))
				self.assertEqual(len(frappe.local.message_log), told)
		recorded = frappe.get_all(
			"Error Log", {"reference_name": self.flow, "method": FAILURE_TITLE}, pluck="error"
		)
		self.assertEqual(len(recorded), 3)
		self.assertTrue(
			frappe.db.exists(
				"Notification Log", {"document_type": "Flow Template", "document_name": self.flow}
			)
		)

	def test_a_lock_that_was_not_had_in_time_is_an_ordinary_failure(self):
		timeout = frappe.QueryTimeoutError(pymysql.err.OperationalError(1205, "Lock wait timeout exceeded"))
		with self._start_fails_with(timeout):
			self.assertTrue(frappe.db.exists("ToDo", make_todo().name))

	def test_what_has_ended_the_transaction_is_raised(self):
		lost = pymysql.err.OperationalError(2013, "Lost connection to server during query")
		deadlock = pymysql.err.OperationalError(1213, "Deadlock found")
		wrapped = TransientDatabaseError("The database gave the transaction up")
		wrapped.__cause__ = deadlock
		table = (
			(lost, pymysql.err.OperationalError),
			(pymysql.err.OperationalError(2006, "Server has gone away"), pymysql.err.OperationalError),
			(frappe.QueryDeadlockError(deadlock), frappe.QueryDeadlockError),
			(pymysql.err.OperationalError(1020, "Record has changed"), pymysql.err.OperationalError),
			(wrapped, pymysql.err.OperationalError),
			(JobTimeoutException("Time is up"), JobTimeoutException),
		)
		for error, raised in table:
			with self.subTest(error=repr(error)), self._start_fails_with(error):
				with self.assertRaises(raised):
					make_todo()

	def test_a_deadlock_that_the_database_reports_fails_the_save(self):
		def deadlocking(*args):
			frappe.db.rollback()  # as MariaDB does before it answers 1213
			raise frappe.QueryDeadlockError(pymysql.err.OperationalError(1213, "Deadlock found"))

		with patch.object(store, "insert_run", deadlocking):
			with self.assertRaises(frappe.QueryDeadlockError):
				make_todo()

	def test_a_failure_of_the_watching_itself_does_not_reach_the_document(self):
		with patch.object(events, "triggers_for", side_effect=RuntimeError("a bug")):
			self.assertTrue(frappe.db.exists("ToDo", make_todo().name))

	def test_a_report_about_a_failure_does_not_start_the_flow_that_failed(self):
		flow = make_flow(doctype="Error Log", doc_event="after_insert")
		with self._start_fails_with(RuntimeError("a bug")):
			make_todo()
		self.assertEqual(runs_of(flow), [])


class TestDeletionBesideAWorker(EventsTestCase):
	"""With what is really committed, because two connections have to see it."""

	def test_a_run_that_a_worker_holds_does_not_hold_up_the_deletion_and_gets_the_values_after_it(self):
		flow = make_flow(doctype="ToDo", doc_event="after_insert")
		todo = make_todo(priority="High")
		run = runs_of(flow)[0].name
		# Not due, so that no worker of the site takes it; the flow pauses, so that it starts nothing else.
		frappe.db.set_value("Flow Run", run, "wake_at", None, update_modified=False)
		frappe.db.set_value("Flow Template", flow, "is_active", 0)
		frappe.db.commit()  # for the second connection
		self.addCleanup(remove, flow, run, todo.name)
		worker = second_connection()
		self.addCleanup(worker.close)
		with worker.cursor() as cursor:
			cursor.execute("select name from `tabFlow Run` where name = %s for update", run)
			frappe.db.sql("set session innodb_lock_wait_timeout = 2")
			frappe.delete_doc("ToDo", todo.name)
			self.assertNotIn("doc", runs_of(flow)[0].trigger_data)
			worker.rollback()
		frappe.db.commit()  # the deletion, whose callback keeps the values
		self.assertEqual(runs_of(flow)[0].trigger_data["doc"]["priority"], "High")


class TestKillSwitch(EventsTestCase):
	def test_nothing_starts_and_it_is_logged_once_per_request(self):
		flow = make_flow(doctype="ToDo", doc_event="after_insert")
		for switch in ("site_config", "settings"):
			with self.subTest(switch), switched_off(switch):
				frappe.local.flow_engine_said_off = False
				with patch.object(starting.frappe, "logger") as logger:
					make_todo()
					make_todo()
				self.assertEqual(logger.return_value.warning.call_count, 1)
		self.assertEqual(runs_of(flow), [])
		make_todo()
		self.assertEqual(len(runs_of(flow)), 1)


class TestLineage(EventsTestCase):
	def test_a_run_knows_the_run_whose_step_caused_it(self):
		flow = make_flow(doctype="ToDo", doc_event="after_insert")
		make_todo()
		first = runs_of(flow)[0]
		frappe.flags.flow_engine_run = {"name": first.name, "root_run": first.root_run, "depth": first.depth}
		make_todo()
		second = runs_of(flow)[1]
		self.assertEqual((first.parent_run, first.root_run, first.depth), (None, first.name, 0))
		self.assertEqual((second.parent_run, second.root_run, second.depth), (first.name, first.name, 1))

	def test_a_chain_ends_and_says_so(self):
		flow = make_flow("on_customer_created")
		for depth, starts in ((MAX_DEPTH - 1, True), (MAX_DEPTH, False)):
			with self.subTest(depth=depth):
				frappe.flags.flow_engine_run = {"name": "FR-1", "root_run": "FR-1", "depth": depth}
				answer = flow_engine.dispatch_event("on_customer_created")[0]
				self.assertEqual(answer["started"], starts)
		self.assertTrue(answer["reason"].startswith("too_deep"))
		self.assertTrue(frappe.db.exists("Error Log", {"reference_name": flow}))
