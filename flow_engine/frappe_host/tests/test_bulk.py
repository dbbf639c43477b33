"""Bulk operations on a site: what was asked is done once for each run, whoever's worker is lost meanwhile."""

import json
from unittest.mock import patch

import frappe

from flow_engine.api import runs as runs_api
from flow_engine.engine.errors import BadInput
from flow_engine.flow_engine.doctype.flow_bulk_operation.flow_bulk_operation import BulkOperationIsReadOnly
from flow_engine.frappe_host import bulk
from flow_engine.frappe_host.tests import test_operations as operations
from flow_engine.frappe_host.tests.flows_for_tests import runs_of
from flow_engine.frappe_host.tests.people_for_tests import make_user
from flow_engine.service import bulk as service_bulk


class Gone(BaseException):
	"""The worker is no more: nothing may catch this."""


class TestBulkOperations(operations.OperationsTestCase):
	def asked(self, **given):
		"""Ask, and do what the job would do."""
		with patch.object(bulk, "_queue") as queue, patch.object(frappe, "publish_progress") as progress:
			answer = runs_api.bulk(**given)
			frappe.db.commit()  # a request's end
			done = bulk.work_off(queue.call_args.args[0]) if queue.called else None
		return answer, done, progress

	def operation(self, name):
		frappe.db.rollback()
		return frappe.get_doc("Flow Bulk Operation", name)

	def test_many_runs_are_cancelled_with_progress_and_a_reason_each(self):
		flow, runs = self.waiting_runs(3)
		answer, done, progress = self.asked(
			action="cancel", filters={"template": flow, "status": "running"}, reason="wrong price"
		)
		self.assertEqual((answer["count"], done["done"], done["failed"]), (3, 3, 0))
		self.assertEqual(progress.call_args.args[0], 100)
		self.assertEqual({frappe.db.get_value("Flow Run", run, "status") for run in runs}, {"cancelled"})
		events = self.audited(event_type="run.cancelled", flow_template=flow)
		self.assertEqual({(e.user, e.reason) for e in events}, {("Administrator", "wrong price")})
		self.assertEqual({json.loads(e.details)["bulk"] for e in events}, {answer["job"]})
		self.assertEqual(len(events), 3)
		record = self.operation(answer["job"])
		self.assertEqual(
			(record.status, record.asked_by, record.total, record.place, record.done, record.refused),
			("completed", "Administrator", 3, 3, 3, 0),
		)
		self.assertEqual((record.reason, record.lease_token), ("wrong price", None))
		self.assertTrue(record.started_at and record.ended_at)

	def test_what_is_refused_is_told_and_keeps_nothing_else_from_being_done(self):
		_flow, (first, second) = self.waiting_runs(2)
		runs_api.cancel(run=first)
		answer, done, _progress = self.asked(action="cancel", names=json.dumps([first, "FR-00000", second]))
		self.assertEqual((done["count"], done["done"], done["failed"]), (3, 1, 2))
		refused = {first: "run_final", "FR-00000": "run_not_found"}
		self.assertEqual({row["run"]: row["code"] for row in done["refusals"]}, refused)
		record = self.operation(answer["job"])
		self.assertEqual({row["run"]: row["code"] for row in json.loads(record.refusals)}, refused)

	def lost_after(self, many, **given):
		"""Ask; the job's worker is gone after so many acts, before it could say so."""
		acts = []

		def act_on(*args):
			if len(acts) == many:
				raise Gone
			acts.append(args)
			return service_bulk.act_on(*args)

		with patch.object(bulk, "_queue"):
			answer = runs_api.bulk(**given)
			frappe.db.commit()  # a request's end
		with patch.object(bulk, "act_on", act_on), self.assertRaises(Gone):
			bulk.work_off(answer["job"])
		return answer["job"]

	def test_an_operation_whose_worker_is_lost_is_taken_up_and_repeats_nothing(self):
		failing, runs = self.failed_runs(4)
		for action, event in (
			("retry", "run.step_retried"),
			("replay", "run.replayed"),
			("cancel", "run.cancelled"),
		):
			with self.subTest(action):
				job = self.lost_after(2, action=action, names=json.dumps(runs))
				self.assertIsNone(bulk.work_off(job), "its lease is live")
				self.assertEqual(self.operation(job).status, "running")
				self.assertNotIn(job, self.resumed())
				self.end_lease(job)
				self.assertIn(job, self.resumed())
				self.assertEqual(bulk.work_off(job)["done"], 4)
				record = self.operation(job)
				self.assertEqual(
					(record.status, record.place, record.done, record.refused), ("completed", 4, 4, 0)
				)
				self.assertEqual(len(self.audited(event_type=event, flow_template=failing)), 4)
				self.assertNotIn(job, self.resumed())
				self.assertIsNone(bulk.work_off(job), "it has ended")
				self.drained(failing)
		self.assertEqual(len(runs_of(failing)), 8)

	def failed_runs(self, count):
		flow = self.flow(
			{
				"id": "s1",
				"kind": "erp_update",
				"label": "Nothing there",
				"trigger": {"type": "on_flow_start"},
				"payload": {
					"doctype": "Issue",
					"docname_ref": "nowhere",
					"fields_json": '{"priority": "High"}',
				},
			},
			event="manual",
			title="Fails",
		)
		frappe.db.set_value("Flow Template", flow, "failure_limit", "0")
		runs = [runs_api.start(template=flow)["run"] for _ in range(count)]
		frappe.db.commit()  # others' transactions have to see them
		self.drained(flow)
		self.assertEqual(
			{run.status for run in frappe.get_all("Flow Run", {"flow_template": flow}, ["status"])},
			{"failed"},
		)
		return flow, runs

	def end_lease(self, job):
		frappe.db.set_value("Flow Bulk Operation", job, "lease_until", "2020-01-01", update_modified=False)
		frappe.db.commit()  # the time passes for everybody

	def resumed(self):
		with patch.object(bulk, "_queue") as queue:
			bulk.resume_bulk()
		return [call.args[0] for call in queue.call_args_list]

	def test_an_operation_that_takes_its_worker_down_again_and_again_is_stopped(self):
		_flow, runs = self.waiting_runs(1)
		job = self.lost_after(0, action="cancel", names=json.dumps(runs))
		for _ in range(bulk.LOST_LEASES - 1):
			self.end_lease(job)
			with patch.object(bulk, "act_on", side_effect=Gone), self.assertRaises(Gone):
				bulk.work_off(job)
		self.end_lease(job)
		self.assertIsNone(bulk.work_off(job))
		record = self.operation(job)
		self.assertEqual(record.status, "stopped")
		self.assertIn("5 times", record.stop_reason)

	def test_what_its_asker_may_no_longer_do_is_not_done(self):
		_flow, (run,) = self.waiting_runs(1)
		manager = make_user("bulk-asker", "Flow Manager")
		self.enable(manager, 1)
		self.addCleanup(self.enable, manager, 1)
		frappe.set_user(manager)
		with patch.object(bulk, "_queue"):
			job = runs_api.bulk(action="cancel", names=json.dumps([run]))["job"]
			frappe.db.commit()  # a request's end
		frappe.set_user("Administrator")
		self.enable(manager, 0)
		self.assertIsNone(bulk.work_off(job))
		record = self.operation(job)
		self.assertEqual((record.status, record.asked_by), ("stopped", manager))
		self.assertEqual(frappe.db.get_value("Flow Run", run, "status"), "running")

	def enable(self, user, enabled):
		frappe.db.set_value("User", user, "enabled", enabled)
		frappe.db.commit()  # the job is another process

	def test_a_queue_that_is_away_keeps_no_operation_from_being_written_down(self):
		_flow, (run,) = self.waiting_runs(1)
		with patch.object(frappe, "enqueue", side_effect=ConnectionError):
			job = runs_api.bulk(action="cancel", names=json.dumps([run]))["job"]
			frappe.db.commit()  # a request's end
		self.assertIn(job, self.resumed())

	def test_nobody_writes_or_removes_an_operation_by_hand(self):
		_flow, runs = self.waiting_runs(1)
		with patch.object(bulk, "_queue"):
			job = runs_api.bulk(action="cancel", names=json.dumps(runs))["job"]
		doc = frappe.get_doc("Flow Bulk Operation", job)
		for act in (
			lambda: doc.save(),
			lambda: doc.delete(),
			lambda: frappe.get_doc({"doctype": "Flow Bulk Operation", "action": "cancel"}).insert(),
		):
			with self.assertRaises(BulkOperationIsReadOnly):
				act()

	def test_what_makes_no_sense_is_refused_before_anything_is_done(self):
		for given in (
			{"action": "delete", "names": ["FR-00001"]},
			{"action": "cancel"},
			{"action": "cancel", "filters": {}},
			{"action": "cancel", "filters": {"owner": "me"}},
			{"action": "cancel", "filters": {"status": "odd"}},
			{"action": "cancel", "names": "FR-00001"},
			{"action": "cancel", "names": [1]},
			{"action": "replay", "names": ["FR-00001"], "version": "first"},
		):
			with self.assertRaises(BadInput, msg=given):
				runs_api.bulk(**given)
