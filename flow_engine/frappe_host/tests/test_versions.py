"""Versions on a site: the contract, and what only a site has."""

import frappe
from frappe.tests.utils import FrappeTestCase

from flow_engine.frappe_host.tests.people_for_tests import make_user
from flow_engine.frappe_host.tests.test_contract import OnSite
from flow_engine.testing.builders import step
from flow_engine.testing.migration_contract import MigrationContract
from flow_engine.testing.versions_contract import VersionsContract


class TestVersionsOnASite(OnSite, VersionsContract, MigrationContract, FrappeTestCase):
	def test_the_desk_cannot_retire_by_writing_the_field(self):
		name = self._new_flow("First", is_active=1)
		doc = frappe.get_doc("Flow Template", name)
		doc.is_retired = 1
		doc.save()
		self.assertFalse(frappe.db.get_value("Flow Template", name, "is_retired"))

	def test_whoever_flips_the_switch_does_not_become_whom_the_flow_runs_as(self):
		name = self._new_flow("First", is_active=1)
		other = make_user("flips-switches", "Flow Manager")
		self.addCleanup(self._forget, other)
		frappe.db.commit()  # permissions are asked in transactions of their own
		for active in (0, 1):
			frappe.set_user(other)
			self._do("update", name, {"is_active": active})
		frappe.set_user(self.user)
		self.assertEqual(self.host.templates.trigger_of(name).run_as, self.user)
		self.assertEqual(self._template(name)["published_by"], self.user)

	def test_counting_the_runs_of_a_version_goes_along_its_index(self):
		plan = frappe.db.sql(
			"explain select 1 from `tabFlow Run` where flow_template = 'x' and template_version = 3 "
			"and status = 'running' limit 10000",
			as_dict=True,
		)
		self.assertEqual(plan[0].key, "template_version")

	def test_who_is_asked_anew_is_somebody_else_once(self):
		first, second = (make_user(name, "Flow Manager") for name in ("asked-first", "asked-second"))
		self.addCleanup(self._forget, first, second)
		frappe.db.commit()  # runs are advanced in transactions of their own
		name = self._published(step("m", label="Ask", when=("manual", {"assignee": first})))
		run = self._running(name)
		self.assertEqual(self._asked(run, first, second), [(first, "Open")])
		self._next_version(name, step("m", label="Ask", when=("manual", {"assignee": second})))
		self._move(run)
		self.drain(run)
		self.assertEqual(self._asked(run, first, second), [(first, "Closed"), (second, "Open")])

	def _forget(self, *users):
		frappe.db.rollback()
		frappe.set_user(self.user)
		for user in users:
			frappe.delete_doc("User", user, force=True, ignore_permissions=True)
		frappe.db.commit()  # the site is left as it was found

	def _asked(self, run, *users):
		filters = {"reference_name": run, "allocated_to": ("in", users)}
		rows = frappe.get_all("ToDo", filters, ["allocated_to", "status"], order_by="creation")
		return [(row.allocated_to, row.status) for row in rows]
