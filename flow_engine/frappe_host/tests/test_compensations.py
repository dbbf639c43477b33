"""Undoing on real documents: jobs, Issues and customers, with the permissions of the flow's user."""

import json
from unittest.mock import patch

import frappe
from frappe.tests.utils import FrappeTestCase

from flow_engine.api import runs as runs_api
from flow_engine.engine.compensating import compensate_run
from flow_engine.engine.errors import EngineDisabled, NotAllowed
from flow_engine.engine.interventions import cancel_run
from flow_engine.frappe_host import bulk
from flow_engine.frappe_host.tests.people_for_tests import make_user
from flow_engine.frappe_host.tests.test_contract import OnSite, switch
from flow_engine.service.compensation import compensation_plan
from flow_engine.service.doors import get_run
from flow_engine.testing.builders import flow, issue, step
from flow_engine.testing.contract.base import ContractBase

WAIT = step("wait", when="manual")


class TestCompensationsOfDocuments(OnSite, ContractBase, FrappeTestCase):
	def begin(self, *steps, compensate="ask", **columns):
		definition = {**flow(*steps), "compensate": compensate}
		run = self.start_again(
			self.publish(definition, self.named(frappe.generate_hash(length=6))), **columns
		)
		self.drain(run)
		return run

	def undo(self, run):
		child = compensate_run(self.host, run).run
		self.drain(child)
		self.assert_done(child)
		return child

	def forget_user(self, user):
		frappe.db.rollback()
		frappe.delete_doc("User", user, force=True, ignore_permissions=True)
		frappe.db.commit()  # the site is left as it was found

	def result(self, run, step_id):
		return self.state(run, step_id).result

	def job(self, run, step_id="job"):
		return frappe.get_doc("Dispatch Job", self.result(run, step_id)["name"])

	def dispatch(self, step_id, **payload):
		return step(step_id, "dispatch_job", payload={"subject": self.named(step_id), **payload})

	def update(self, customer, **fields):
		payload = {"doctype": "Customer", "docname_ref": customer, "fields_json": json.dumps(fields)}
		return step("update", "erp_update", payload=payload)

	def test_job_issue_and_customer_are_as_if_the_run_had_not_been(self):
		customer = self.new_document("Customer", customer_name=self.named("Undone"), customer_details="own")
		run = self.begin(
			self.dispatch("job"),
			issue("issue", self.named("issue"), after=["job"]),
			{**self.update(customer["name"], customer_details="by the flow"), "depends_on": ["issue"]},
			step("wait", after=["update"], when="manual"),
		)
		cancel_run(self.host, run, "ordered twice", compensate=True)
		(child,) = [row["name"] for row in self.rows("Flow Run", parent_run=run)]
		self.drain(child)
		self.assert_done(child)
		self.assertEqual([row.step_id for row in self.log(child)], ["update", "issue", "job"])
		self.assertEqual(self.job(run).status, "Cancelled")
		self.assertEqual(frappe.db.get_value("Issue", self.result(run, "issue")["name"], "status"), "Closed")
		self.assertEqual(frappe.db.get_value("Customer", customer["name"], "customer_details"), "own")
		touched = {row["reference_doctype"] for row in self.rows("Flow Run Document", parent=child)}
		self.assertEqual(touched, {"Dispatch Job", "Issue", "Customer"})

	def test_what_a_person_has_changed_since_stays_theirs(self):
		customer = self.new_document("Customer", customer_name=self.named("Changed"), customer_details="own")
		run = self.begin(
			self.update(customer["name"], customer_details="by the flow", website="flow.example")
		)
		frappe.db.rollback()
		doc = frappe.get_doc("Customer", customer["name"])
		doc.customer_details = "by a person"
		doc.save()
		frappe.db.commit()  # somebody else's save
		child = self.undo(run)
		self.assertEqual(self.result(child, "update")["undone"], "some")
		self.assertEqual(self.result(child, "update")["left"], ["customer_details"])
		frappe.db.rollback()
		doc.reload()
		self.assertEqual((doc.customer_details, doc.website or None), ("by a person", None))
		view = get_run(self.host, run)["run"]
		self.assertEqual(view["compensation"]["outcome"], "incomplete")
		self.assertEqual({one["id"]: one["undone"] for one in view["steps"]}, {"update": "some"})

	def test_numbers_dates_and_checks_are_recognised_as_they_were_written(self):
		customer = self.new_document("Customer", customer_name=self.named("Typed"), is_frozen=0)
		run = self.begin(
			self.update(customer["name"], is_frozen=1, default_commission_rate="2.50", so_required="1")
		)
		child = self.undo(run)
		self.assertEqual(self.result(child, "update")["undone"], "all", self.result(child, "update"))
		frappe.db.rollback()
		doc = frappe.get_doc("Customer", customer["name"])
		self.assertEqual((doc.is_frozen, doc.default_commission_rate, doc.so_required), (0, 0, 0))

	def test_a_job_that_others_joined_goes_on_and_a_request_that_joined_goes(self):
		key = self.named("zone")
		first = self.begin(self.dispatch("job", merge_key=key), WAIT)
		second = self.begin(self.dispatch("job", merge_key=key), WAIT)
		self.assertEqual(self.job(second).name, self.job(first).name)
		cancel_run(self.host, first, "why")
		child = self.undo(first)
		self.assertEqual(self.result(child, "job")["undone"], "nothing")
		self.assertEqual(self.job(first).status, "Open")
		cancel_run(self.host, second, "why")
		self.undo(second)
		frappe.db.rollback()
		job = self.job(first)
		self.assertEqual((job.status, job.merged_requests), ("Open", []))

	def test_what_has_been_completed_meanwhile_is_left(self):
		run = self.begin(self.dispatch("job"))
		frappe.db.rollback()
		job = self.job(run)
		job.status = "Completed"
		job.save()
		frappe.db.commit()  # somebody else's save
		child = self.undo(run)
		self.assertEqual(self.result(child, "job")["undone"], "nothing")
		self.assertEqual(self.job(run).status, "Completed")

	def test_undoing_needs_the_rights_that_doing_does(self):
		user = make_user(f"undoer-{self.mark}", "Support Team")
		self.addCleanup(self.forget_user, user)
		run = self.begin(issue("issue", self.named("mine")), run_as=user)
		self.assert_done(run)
		frappe.get_doc("User", user).remove_roles("Support Team")
		frappe.db.commit()  # an administrator's decision
		child = compensate_run(self.host, run).run
		self.drain(child)
		self.assert_failed(child, "issue", "permission_denied")
		self.assertEqual(frappe.db.get_value("Issue", self.result(run, "issue")["name"], "status"), "Open")

	def test_what_fields_held_is_kept_where_nobody_is_shown_it(self):
		customer = self.new_document(
			"Customer", customer_name=self.named("Hidden"), customer_details="secret"
		)
		run = self.begin(self.update(customer["name"], customer_details="known"))
		(row,) = self.rows("Flow Step Log", flow_run=run)
		self.assertIn("secret", row["kept"])
		shown = json.dumps(get_run(self.host, run), default=str) + json.dumps(
			compensation_plan(self.host, run), default=str
		)
		self.assertNotIn("secret", shown)
		self.assertFalse(
			[one for one in frappe.get_meta("Flow Step Log").permissions if one.permlevel == 9],
			"no role reads the level of the field",
		)

	def test_only_managers_undo_and_nobody_while_the_engine_is_off(self):
		run = self.begin(issue("issue", self.named("asked")))
		user = make_user(f"reader-{self.mark}", "Flow User")
		self.addCleanup(self.forget_user, user)
		asks = (
			lambda: runs_api.compensate(run=run, reason="why"),
			lambda: runs_api.compensation_plan(run=run),
			lambda: runs_api.bulk(action="compensate", names=json.dumps([run])),
		)
		frappe.set_user(user)
		for ask in asks:
			self.assertRaises(NotAllowed, ask)
		frappe.set_user("Administrator")
		for ask in (asks[0], asks[2]):
			self.assertRaises(EngineDisabled, ask)
		self.assertEqual([one["id"] for one in asks[1]()["steps"]], ["issue"])
		switch(False)
		self.addCleanup(switch, True)
		with patch.object(bulk, "_queue"):
			job = asks[2]()["job"]
			frappe.db.commit()  # a request's end
		self.assertEqual(bulk.work_off(job)["done"], 1)
		(child,) = self.rows("Flow Run", parent_run=run)
		self.assertEqual(asks[0]()["run"], child["name"])
