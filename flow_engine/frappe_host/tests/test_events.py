"""Document events start flows: which, once each, with what they keep, and never at the document's expense."""

import json
from unittest.mock import patch

import frappe
import pymysql
import redis
from frappe.model.workflow import apply_workflow
from frappe.tests.utils import FrappeTestCase
from frappe.utils import now_datetime
from rq.timeouts import JobTimeoutException

import flow_engine
from flow_engine.engine.errors import TransientDatabaseError, ValidationFailed
from flow_engine.frappe_host import events, starting, trigger_cache
from flow_engine.frappe_host.field_changes import Change
from flow_engine.frappe_host.harmless import FAILURE_TITLE
from flow_engine.frappe_host.host import get_host
from flow_engine.frappe_host.tests.flows_for_tests import (
	make_customer,
	make_flow,
	make_todo,
	runs_of,
	subjects_of,
)
from flow_engine.service.events import Event
from flow_engine.service.lineage import MAX_DEPTH


class EventsTestCase(FrappeTestCase):
	def setUp(self):
		# What these transactions see is never committed, so it is kept from everybody else's cache.
		for name in ("KEY", "GENERATION"):
			private = patch.object(trigger_cache, name, f"{getattr(trigger_cache, name)}_of_tests")
			private.start()
			self.addCleanup(private.stop)
		self.addCleanup(_start_afresh)
		_start_afresh()


def _start_afresh():
	frappe.db.rollback()
	# The table of the Error Log knows no transactions, so what was reported stays.
	for ours in ("Test %", "%RuntimeError('a bug')%", "dispatch_event(%"):
		frappe.db.delete("Error Log", {"method": FAILURE_TITLE, "error": ("like", ours)})
	frappe.cache.hdel("workflow", "Event")
	_new_request()
	trigger_cache._new_generation()
	frappe.flags.flow_engine_run = None
	frappe.flags.in_import = frappe.flags.in_patch = False
	frappe.local.flow_engine_said_off = False
	frappe.set_user("Administrator")


class TestDocumentEvents(EventsTestCase):
	def test_each_document_event_starts_the_flows_that_listen_to_it_and_no_others(self):
		listened = ("after_insert", "on_update", "on_trash")
		flows = {name: make_flow(doctype="ToDo", doc_event=name) for name in listened}
		elsewhere = make_flow(doctype="Note", doc_event="on_update")
		todo = make_todo()
		todo.priority = "High"
		todo.save()
		todo.delete()
		counts = {name: len(runs_of(flow)) for name, flow in flows.items()}
		self.assertEqual(counts, {"after_insert": 1, "on_update": 2, "on_trash": 1})
		self.assertEqual(runs_of(elsewhere), [])

	def test_a_submittable_document_tells_of_its_submission_its_later_changes_and_its_cancellation(self):
		listened = ("on_submit", "on_update_after_submit", "on_cancel")
		flows = {name: make_flow(doctype="Contract", doc_event=name) for name in listened}
		contract = frappe.get_doc(
			{
				"doctype": "Contract",
				"party_type": "Customer",
				"party_name": make_customer().name,
				"contract_terms": "Terms",
			}
		).insert()
		contract.submit()
		contract.signee = "Somebody"
		contract.save()
		contract.cancel()
		self.assertEqual([len(runs_of(flows[name])) for name in listened], [1, 1, 1])
		self.assertEqual(runs_of(flows["on_submit"])[0].customer, contract.party_name)

	def test_a_run_keeps_what_the_document_was(self):
		flow = make_flow(doctype="ToDo", doc_event="on_update")
		todo = make_todo(priority="Low")
		todo.priority = "High"
		todo.save()
		inserted, saved = runs_of(flow)
		self.assertNotIn("before", inserted.trigger_data)
		self.assertEqual(saved.trigger_data["before"]["priority"], "Low")
		self.assertEqual(saved.trigger_data["user"], "Administrator")

	def test_a_deleted_document_is_kept_as_it_was(self):
		flow = make_flow(doctype="ToDo", doc_event="on_trash")
		todo = make_todo(priority="High")
		todo.delete()
		self.assertEqual(runs_of(flow)[0].trigger_data["doc"]["priority"], "High")

	def test_runs_under_way_keep_the_last_values_of_a_document_that_is_deleted(self):
		flow = make_flow(doctype="ToDo", doc_event="after_insert")
		todo = make_todo(priority="High")
		before = runs_of(flow)[0]
		todo.delete()
		after = runs_of(flow)[0]
		self.assertEqual(after.trigger_data["doc"]["priority"], "High")
		self.assertGreater(after.revision, before.revision)

	def test_a_run_goes_with_the_save_that_started_it(self):
		flow = make_flow(doctype="ToDo", doc_event="after_insert")
		frappe.db.savepoint("before_the_save")
		make_todo()
		self.assertEqual(len(runs_of(flow)), 1)
		frappe.db.rollback(save_point="before_the_save")
		self.assertEqual(runs_of(flow), [])

	def test_a_condition_decides_and_reads_the_document_and_its_customer(self):
		customer = make_customer()
		fits = {"field": "customer.customer_name", "op": "==", "value": customer.customer_name}
		misses = {"field": "doc.subject", "op": "==", "value": "Something else"}
		started = make_flow(doctype="Issue", doc_event="after_insert", condition=fits)
		not_started = make_flow(doctype="Issue", doc_event="after_insert", condition=misses)
		session = frappe.local.session.sid
		issue = frappe.get_doc({"doctype": "Issue", "subject": "Dark", "customer": customer.name}).insert()
		self.assertEqual(subjects_of(started), [("Issue", issue.name)])
		self.assertEqual(runs_of(started)[0].customer, customer.name)
		self.assertEqual(runs_of(not_started), [])
		self.assertEqual(frappe.local.session.sid, session)

	def test_nothing_starts_while_apps_are_installed_migrated_or_patched(self):
		flow = make_flow(doctype="ToDo", doc_event="after_insert")
		for flag in ("in_install", "in_migrate", "in_patch", "in_uninstall"):
			with self.subTest(flag), patch.dict(frappe.flags, {flag: True}):
				make_todo()
		self.assertEqual(runs_of(flow), [])

	def test_an_import_starts_only_flows_that_say_so(self):
		silent = make_flow(doctype="ToDo", doc_event="after_insert")
		told = make_flow(doctype="ToDo", doc_event="after_insert", on_import=True)
		frappe.flags.in_import = True
		make_todo()
		frappe.flags.in_import = False
		self.assertEqual((len(runs_of(silent)), len(runs_of(told))), (0, 1))

	def test_a_publisher_who_may_not_read_the_document_gets_none_of_its_values(self):
		flow = make_flow(doctype="ToDo", doc_event="on_update")
		frappe.db.set_value("Flow Template Version", f"{flow}-v1", "run_as", _stranger())
		events.forget_triggers()
		todo = make_todo(priority="Low")
		todo.priority = "High"
		todo.save()
		self.assertEqual(len(runs_of(flow)), 2)
		for run in runs_of(flow):
			self.assertNotIn("before", run.trigger_data)


class TestFieldChanges(EventsTestCase):
	def test_a_change_is_matched_by_its_old_and_new_value(self):
		table = (
			({}, 2),  # from empty at the insert, then the change
			({"to": "Closed"}, 1),
			({"from_": "Open", "to": "Closed"}, 1),
			({"from_": "", "to": "Open"}, 1),
			({"from_": "Cancelled"}, 0),
			({"to": "Cancelled"}, 0),
		)
		flows = [
			(make_flow(doctype="ToDo", doc_event="field_change", field="status", **k), n) for k, n in table
		]
		todo = make_todo()
		todo.status = "Closed"
		todo.save()
		self.assertEqual([len(runs_of(flow)) for flow, _ in flows], [count for _, count in flows])

	def test_the_values_before_and_after_are_kept(self):
		flow = make_flow(doctype="ToDo", doc_event="field_change", field="status", to="Closed")
		todo = make_todo()
		todo.status = "Closed"
		todo.save()
		data = runs_of(flow)[0].trigger_data
		self.assertEqual(data["changed"], {"field": "status", "from": "Open", "to": "Closed"})
		self.assertEqual(data["before"]["status"], "Open")

	def test_a_change_is_told_once_whichever_way_and_however_often_the_document_is_written_after_it(self):
		def save_then_db_set(todo):
			todo.status = "Closed"
			todo.save()
			todo.db_set("priority", "High")

		def db_set_then_save(todo):
			todo.db_set("status", "Closed")
			todo.priority = "High"
			todo.save()

		def db_set_of_a_stale_object(todo):
			stale = frappe.get_doc("ToDo", todo.name)
			todo.status = "Closed"
			todo.save()
			stale.db_set("priority", "High")

		def db_set_after_a_commit(todo):
			todo.status = "Closed"
			todo.save()
			_transaction_ends()
			todo.db_set("priority", "High")

		def twice_the_same(todo):
			todo.db_set("status", "Closed")
			todo.db_set("status", "Closed")

		for write in (
			save_then_db_set,
			db_set_then_save,
			db_set_of_a_stale_object,
			db_set_after_a_commit,
			twice_the_same,
		):
			with self.subTest(write.__name__):
				todo = make_todo()
				flow = make_flow(doctype="ToDo", doc_event="field_change", field="status")
				write(todo)
				changes = [run.trigger_data["changed"] for run in runs_of(flow)]
				self.assertEqual(changes, [{"field": "status", "from": "Open", "to": "Closed"}])

	def test_quick_changes_are_all_seen(self):
		flow = make_flow(doctype="ToDo", doc_event="field_change", field="status")
		todo = make_todo()
		for status in ("Closed", "Open", "Cancelled"):
			todo.db_set("status", status)
		told = [
			(run.trigger_data["changed"]["from"], run.trigger_data["changed"]["to"]) for run in runs_of(flow)
		]
		self.assertEqual(
			told, [(None, "Open"), ("Open", "Closed"), ("Closed", "Open"), ("Open", "Cancelled")]
		)

	def test_a_write_inside_a_save_neither_hides_nor_repeats_the_saves_own_change(self):
		flow = make_flow(doctype="ToDo", doc_event="field_change", field="status")
		todo = make_todo()

		def other_writes(doc, method=None):
			frappe.get_doc("ToDo", doc.name).db_set("priority", "High")

		for event in ("validate", "on_update"):
			with self.subTest(event), _also_at("ToDo", event, other_writes):
				known = len(runs_of(flow))
				todo.status = "Closed" if todo.status == "Open" else "Open"
				todo.save()
				self.assertEqual(len(runs_of(flow)), known + 1)

	def test_a_change_undone_to_a_savepoint_can_be_made_again(self):
		flow = make_flow(doctype="ToDo", doc_event="field_change", field="status", to="Closed")
		name = make_todo().name
		for _attempt in range(2):
			frappe.db.savepoint("before_the_change")
			todo = frappe.get_doc("ToDo", name)
			todo.status = "Closed"
			todo.save()
			self.assertEqual(len(runs_of(flow)), 1)
			frappe.db.rollback(save_point="before_the_change")
		self.assertEqual(runs_of(flow), [])

	def test_a_deletion_is_no_change(self):
		flow = make_flow(doctype="ToDo", doc_event="field_change", field="status")
		todo = make_todo()
		known = len(runs_of(flow))
		todo.status = "Closed"
		todo.delete()
		self.assertEqual(len(runs_of(flow)), known)

	def test_what_counts_as_a_difference(self):
		new = {}
		table = (
			({"f": "a"}, {"f": "a"}, False),
			({"f": None}, {"f": ""}, False),
			({"f": None}, {"f": 0}, True),
			({"f": 0}, {"f": 1}, True),
			({"f": "a"}, {"f": None}, True),
			(new, {"f": 0}, False),
			(new, {"f": None}, False),
			(new, {"f": "a"}, True),
			(new, {"f": 1}, True),
		)
		for before, after, differs in table:
			with self.subTest(before=before, after=after):
				self.assertEqual(bool(Change(before, after).fields({"f"})), differs)

	def test_a_transition_of_a_workflow_starts_flows_and_the_first_state_is_none(self):
		_make_workflow()
		any_move = make_flow(doctype="Event", doc_event="workflow_transition")
		done = make_flow(doctype="Event", doc_event="workflow_transition", from_="Open", to="Closed")
		other = make_flow(doctype="Event", doc_event="workflow_transition", to="Cancelled")
		visit = frappe.get_doc(
			{"doctype": "Event", "subject": "Visit", "starts_on": now_datetime(), "event_type": "Public"}
		).insert()
		self.assertEqual((visit.status, runs_of(any_move)), ("Open", []))
		apply_workflow(visit, "Finish")
		self.assertEqual([len(runs_of(flow)) for flow in (any_move, done, other)], [1, 1, 0])
		self.assertEqual(runs_of(done)[0].trigger_data["changed"]["to"], "Closed")


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
		insert = type(get_host().runs)._insert

		def deadlocking(store, doctype, rows):
			if doctype == "Flow Run":
				frappe.db.rollback()  # as MariaDB does before it answers 1213
				raise frappe.QueryDeadlockError(pymysql.err.OperationalError(1213, "Deadlock found"))
			return insert(store, doctype, rows)

		with patch.object(type(get_host().runs), "_insert", deadlocking):
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
		self.addCleanup(_remove, flow, run, todo.name)
		worker = _second_connection()
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
			with self.subTest(switch), _switched_off(switch):
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


class TestDispatch(EventsTestCase):
	def test_it_answers_which_flows_it_started_and_why_not_the_others(self):
		customer = make_customer()
		wanted = {"field": "variables.amount", "op": ">", "value": 100}
		large = make_flow("on_payment_received", condition=wanted)
		every = make_flow("on_payment_received")
		answers = flow_engine.dispatch_event(
			"on_payment_received", "Customer", customer.name, variables={"amount": 5}
		)
		by_flow = {answer["template"]: answer for answer in answers}
		self.assertEqual((by_flow[large]["started"], by_flow[large]["reason"]), (False, "condition"))
		self.assertTrue(by_flow[every]["started"])
		run = runs_of(every)[0]
		self.assertEqual(by_flow[every]["run"], run.name)
		self.assertEqual((run.customer, run.variables), (customer.name, {"amount": 5}))

	def test_it_never_raises_into_its_caller(self):
		make_flow("on_payment_received")
		table = (
			("on_payment_received", "Customer", "Nobody", None),
			("on_payment_received", "No Such DocType", "x", None),
			("on_payment_received", None, None, "not JSON"),
			("on_payment_received", None, None, [1]),
			("no_such_event", None, None, None),
		)
		for event, doctype, name, variables in table:
			with self.subTest(event=event, doctype=doctype, variables=variables):
				answers = flow_engine.dispatch_event(event, doctype, name, variables=variables)
				self.assertFalse(any(answer["started"] for answer in answers))

	def test_flows_that_are_started_by_hand_are_not_events(self):
		flow = make_flow("manual")
		self.assertEqual(flow_engine.dispatch_event("manual"), [])
		self.assertEqual(runs_of(flow), [])

	def test_another_apps_event_starts_flows(self):
		told = Event("on_fibre_cut", "A fibre is cut")
		with patch.dict("flow_engine.frappe_host.extensions.BUSINESS_EVENTS", {told.name: told}):
			with patch.dict("flow_engine.frappe_host.extensions._built", clear=True):
				flow = make_flow("on_fibre_cut")
		self.assertTrue(flow_engine.dispatch_event("on_fibre_cut", variables={"cable": "K7"})[0]["started"])
		self.assertEqual(runs_of(flow)[0].variables, {"cable": "K7"})


class TestCost(EventsTestCase):
	"""What a save costs that no flow watches."""

	def test_a_save_that_no_flow_watches_makes_no_query(self):
		make_flow(doctype="Note", doc_event="on_update")
		frappe.db.after_commit.run()
		self.assertEqual(_queries(_save_a_todo), _queries(_save_a_todo, without_hooks=True))

	def test_a_request_asks_the_cache_once(self):
		frappe.db.after_commit.run()
		trigger_cache._refill()
		_new_request()
		with patch.object(frappe.cache, "mget", wraps=frappe.cache.mget) as asked:
			_save_a_todo()
			self.assertEqual(asked.call_count, 1)
			_save_a_todo()
			self.assertEqual(asked.call_count, 1)

	def test_without_redis_the_database_is_asked_once_per_request_and_saves_go_on(self):
		flow = make_flow(doctype="ToDo", doc_event="after_insert")
		_new_request()
		down = redis.exceptions.ConnectionError("Connection refused")
		read = trigger_cache.read_database
		with (
			patch.object(frappe.cache, "mget", side_effect=down),
			patch.object(trigger_cache, "read_database", side_effect=read) as asked,
		):
			make_todo()
			make_todo()
		self.assertEqual(asked.call_count, 1)
		self.assertEqual(len(runs_of(flow)), 2)

	def test_a_map_that_cannot_be_read_costs_flows_and_not_saves(self):
		_new_request()
		broken = patch.object(trigger_cache, "read_database", side_effect=RuntimeError("a bug"))
		with patch.object(trigger_cache, "_fetch", return_value=None), broken:
			self.assertTrue(frappe.db.exists("ToDo", make_todo().name))


class TestTriggerCache(EventsTestCase):
	def setUp(self):
		super().setUp()
		trigger_cache._refill()

	def test_a_change_is_seen_at_once_by_its_own_transaction_and_by_nobody_else(self):
		shared = trigger_cache._fetch()
		flow = make_flow(doctype="ToDo", doc_event="after_insert")
		make_todo()
		self.assertEqual(len(runs_of(flow)), 1)
		self.assertIsNotNone(shared)
		self.assertIsNone(trigger_cache._fetch())

	def test_a_map_read_before_a_change_and_written_after_it_is_not_used(self):
		cache = frappe.cache
		generation = cache.get(cache.make_key(trigger_cache.GENERATION))
		old = cache.get(cache.make_key(trigger_cache.KEY))
		self.assertTrue(old.startswith(trigger_cache._head(generation)))
		trigger_cache._new_generation()
		cache.set(cache.make_key(trigger_cache.KEY), old)
		self.assertIsNone(trigger_cache._fetch())

	def test_a_transaction_that_may_be_old_reads_for_itself_and_fills_the_cache_only_once_it_is_over(self):
		trigger_cache._new_generation()
		_new_request()
		trigger_cache.current_map()
		self.assertIsNone(trigger_cache._fetch())
		frappe.db.after_commit.run()
		self.assertIsNotNone(trigger_cache._fetch())

	def test_it_is_dropped_again_after_the_commit(self):
		make_flow(doctype="ToDo", doc_event="after_insert")
		# Somebody reads the old state while the change is not committed yet.
		trigger_cache._refill()
		filled_too_early = trigger_cache._fetch()
		self.assertIsNotNone(filled_too_early)
		frappe.db.after_commit.run()
		generation = frappe.cache.get(frappe.cache.make_key(trigger_cache.GENERATION))
		self.assertFalse(filled_too_early.startswith(trigger_cache._head(generation)))

	def test_what_was_rolled_back_is_not_remembered(self):
		make_flow(doctype="ToDo", doc_event="after_insert")
		make_todo()
		frappe.db.rollback()
		watch = trigger_cache.triggers_for("ToDo")
		self.assertFalse(watch and watch.doc_events.get("after_insert"))

	def test_a_map_survives_its_way_through_the_cache(self):
		condition = {"all": [{"field": "doc.status", "op": "==", "value": "Open"}]}
		flow = make_flow(
			doctype="ToDo", doc_event="field_change", field="status", from_="", to="Open", condition=condition
		)
		trigger_cache._refill()
		direct = trigger_cache.index(*trigger_cache.read_database())
		cached = trigger_cache._indexed(frappe.local.site, trigger_cache._fetch())
		self.assertEqual(cached, direct)
		self.assertEqual(
			[t.template for t in cached.by_doctype["ToDo"].changes if t.template == flow], [flow]
		)

	def test_a_switch_in_the_settings_is_seen(self):
		self.assertFalse(trigger_cache.current_map().disabled)
		with _switched_off("settings"):
			self.assertTrue(trigger_cache.current_map().disabled)


# --- what these tests need --------------------------------------------------------------------------------


class _also_at:
	"""Another app's handler of a document event, for as long as the block."""

	def __init__(self, doctype, event, handler):
		self.doctype, self.event, self.handler = doctype, event, handler

	def __enter__(self):
		self.hooks = frappe.get_doc_hooks
		added = json.loads(json.dumps(self.hooks()))
		added.setdefault(self.doctype, {}).setdefault(self.event, []).append("a.test.handler")
		resolve = frappe.get_attr
		self.patches = (
			patch.object(frappe, "get_doc_hooks", lambda: added),
			patch.object(
				frappe, "get_attr", lambda path: self.handler if path == "a.test.handler" else resolve(path)
			),
		)
		for each in self.patches:
			each.start()

	def __exit__(self, *error):
		for each in self.patches:
			each.stop()


class _switched_off:
	def __init__(self, switch):
		self.switch = switch

	def __enter__(self):
		if self.switch == "site_config":
			frappe.conf.flow_engine_disabled = 1
		else:
			self._set(1)

	def __exit__(self, *error):
		if self.switch == "site_config":
			frappe.conf.pop("flow_engine_disabled")
		else:
			self._set(0)

	def _set(self, disabled):
		settings = frappe.get_doc("Flow Engine Settings")
		settings.disabled = disabled
		settings.save()


def _second_connection():
	conf = frappe.conf
	return pymysql.connect(
		host=conf.db_host or "127.0.0.1",
		port=int(conf.db_port or 3306),
		unix_socket=conf.get("db_socket") or None,
		user=conf.db_name,
		password=conf.db_password,
		database=conf.db_name,
	)


def _remove(flow, run, todo):
	frappe.db.rollback()
	frappe.db.sql("set session innodb_lock_wait_timeout = default")
	for doctype, name in (
		("Flow Run", run),
		("Flow Template Version", f"{flow}-v1"),
		("Flow Template", flow),
	):
		frappe.db.delete(doctype, {"name": name})
	frappe.delete_doc("ToDo", todo, ignore_missing=True)
	frappe.db.commit()  # what this test has committed is taken back


def _transaction_ends():
	"""What a commit does to what was remembered, without committing a test's documents."""
	frappe.db.after_commit.run()


def _new_request():
	if hasattr(frappe.local, trigger_cache._LOCAL):
		delattr(frappe.local, trigger_cache._LOCAL)


def _save_a_todo():
	todo = make_todo()
	todo.priority = "High"
	todo.save()
	todo.db_set("status", "Closed")


def _queries(work, without_hooks=False):
	"""The statements that `work` makes, values left out."""
	made = []
	run = type(frappe.local.db).sql

	def counted(database, query, *args, **kwargs):
		made.append(str(query).split("where")[0].split("VALUES")[0])
		return run(database, query, *args, **kwargs)

	work()  # whatever is loaded once has been loaded
	hooks = frappe.get_doc_hooks()
	if without_hooks:
		hooks = {
			doctype: {
				event: [path for path in paths if not path.startswith("flow_engine.")]
				for event, paths in handlers.items()
			}
			for doctype, handlers in hooks.items()
		}
	with (
		patch.object(frappe, "get_doc_hooks", lambda: hooks),
		patch.object(type(frappe.local.db), "sql", counted),
	):
		work()
	return made


def _stranger() -> str:
	"""Somebody who may read no ToDo of somebody else."""
	user = frappe.get_doc(
		{
			"doctype": "User",
			"email": f"{frappe.generate_hash(length=8)}@flows.example",
			"first_name": "Stranger",
			"send_welcome_email": 0,
			"roles": [{"role": "Flow Manager"}],
		}
	).insert(ignore_permissions=True)
	return user.name


def _make_workflow():
	for state in ("Open", "Closed", "Cancelled"):
		if not frappe.db.exists("Workflow State", state):
			frappe.get_doc({"doctype": "Workflow State", "workflow_state_name": state}).insert()
	if not frappe.db.exists("Workflow Action Master", "Finish"):
		frappe.get_doc({"doctype": "Workflow Action Master", "workflow_action_name": "Finish"}).insert()
	frappe.get_doc(
		{
			"doctype": "Workflow",
			"workflow_name": f"Test {frappe.generate_hash(length=8)}",
			"document_type": "Event",
			"is_active": 1,
			"workflow_state_field": "status",
			"states": [
				{"state": state, "doc_status": "0", "allow_edit": "System Manager"}
				for state in ("Open", "Closed")
			],
			"transitions": [
				{
					"state": "Open",
					"action": "Finish",
					"next_state": "Closed",
					"allowed": "System Manager",
					"allow_self_approval": 1,
				}
			],
		}
	).insert()
