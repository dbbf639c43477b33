"""“If it is not done by then, escalate”: a flow asks what became of the Dispatch Job that it opened."""

from __future__ import annotations

import frappe
from frappe.tests.utils import FrappeTestCase

from flow_engine.engine.interventions import complete_step
from flow_engine.frappe_host.tests import test_contract as on_site
from flow_engine.frappe_host.tests.people_for_tests import make_user
from flow_engine.testing.builders import issue, step
from flow_engine.testing.contract.base import ContractBase

STATUS = "steps.job.document.status"


class TestMadeDocuments(ContractBase, FrappeTestCase):
	# Not as a base: its own tests would be collected once more.
	make_host, publish = on_site.TestFrappeHost.make_host, on_site.TestFrappeHost.publish
	rows, pass_time = on_site.TestFrappeHost.rows, on_site.TestFrappeHost.pass_time
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
		self.templates = []
		self.before = {
			doctype: set(frappe.get_all(doctype, pluck="name")) for doctype in ("Issue", "Dispatch Job")
		}
		super().setUp()
		self.addCleanup(self.remove_what_was_made)

	def waiting(self, **columns):
		"""A run that has opened its job and waits before it asks about it; the run, and the job's name."""
		asks = {"field": STATUS, "op": "==", "value": "Completed"}
		run = self.start(
			step("job", "dispatch_job", label="Fibre installation", payload={"subject": self.named("Fibre")}),
			step("wait", after=["job"], when="manual"),
			step("ask", "condition", after=["wait"], payload=asks),
			step("survey", parent="ask", branch="yes"),
			issue("escalate", self.named("Late: {{" + STATUS + "}}"), parent="ask", branch="no"),
			**columns,
		)
		self.drain(run)
		self.assertEqual(self.states(run)["wait"], "waiting")
		return run, self.state(run, "job").result["name"]

	def goes_on(self, run):
		complete_step(self.host, run, "wait")
		self.drain(run)

	def test_a_job_completed_during_the_wait_takes_the_branch_of_a_completed_one(self):
		run, job = self.waiting()
		doc = frappe.get_doc("Dispatch Job", job)
		doc.status = "Completed"
		doc.save()
		frappe.db.commit()  # somebody in the field, in a request of their own
		self.goes_on(run)
		self.assert_done(run)
		self.assertEqual(self.state(run, "ask").result, {"branch": "yes", "read": {STATUS: "Completed"}})
		self.assertEqual((self.states(run)["survey"], self.states(run)["escalate"]), ("done", "skipped"))

	def test_a_job_that_nobody_touched_is_escalated_with_its_status(self):
		run, _job = self.waiting()
		self.goes_on(run)
		self.assert_done(run)
		self.assertEqual(self.state(run, "ask").result, {"branch": "no", "read": {STATUS: "Open"}})
		self.assertEqual(self.issues("Late: Open"), 1)

	def test_a_job_that_was_deleted_has_no_status(self):
		run, job = self.waiting()
		frappe.db.delete("Flow Run Document", {"parent": run})
		frappe.delete_doc("Dispatch Job", job, force=True)
		frappe.db.commit()  # as above
		self.goes_on(run)
		self.assert_done(run)
		self.assertEqual(self.state(run, "ask").result, {"branch": "no", "read": {STATUS: None}})

	def test_a_user_who_may_no_longer_read_jobs_fails_the_step_that_asks(self):
		user = make_user("made-documents", "Flow User")
		self.addCleanup(self.remove_user, user)
		frappe.db.commit()  # the run is advanced in transactions of its own
		run, _job = self.waiting(run_as=user)
		frappe.get_doc("User", user).remove_roles("Flow User")
		frappe.db.commit()  # as above
		self.goes_on(run)
		self.assert_failed(run, "ask", "permission_denied")
		self.assertEqual(self.states(run)["escalate"], "pending")

	def remove_user(self, user):
		frappe.db.rollback()
		frappe.delete_doc("User", user, force=True)
		frappe.db.commit()  # the site is left as it was found
