"""Document events start flows: which, once each, with what they keep."""

from unittest.mock import patch

import frappe
from frappe.model.workflow import apply_workflow
from frappe.utils import now_datetime

from flow_engine.frappe_host import events
from flow_engine.frappe_host.field_changes import Change
from flow_engine.frappe_host.tests.events_for_tests import (
	EventsTestCase,
	also_at,
	make_workflow,
	stranger,
	transaction_ends,
)
from flow_engine.frappe_host.tests.flows_for_tests import (
	make_customer,
	make_flow,
	make_todo,
	runs_of,
	subjects_of,
)


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
		frappe.db.set_value("Flow Template Version", f"{flow}-v1", "run_as", stranger())
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
			transaction_ends()
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
			with self.subTest(event), also_at("ToDo", event, other_writes):
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
		make_workflow()
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
