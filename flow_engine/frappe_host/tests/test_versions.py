"""Versions on a site: the contract, and what only a site has."""

import frappe
from frappe.tests.utils import FrappeTestCase

from flow_engine.frappe_host.tests.test_contract import OnSite
from flow_engine.testing.migration_contract import MigrationContract
from flow_engine.testing.versions_contract import VersionsContract


class TestVersionsOnASite(OnSite, VersionsContract, MigrationContract, FrappeTestCase):
	def test_the_desk_cannot_retire_by_writing_the_field(self):
		name = self._new_flow("First", is_active=1)
		doc = frappe.get_doc("Flow Template", name)
		doc.is_retired = 1
		doc.save()
		self.assertFalse(frappe.db.get_value("Flow Template", name, "is_retired"))

	def test_counting_the_runs_of_a_version_goes_along_its_index(self):
		plan = frappe.db.sql(
			"explain select 1 from `tabFlow Run` where flow_template = 'x' and template_version = 3 "
			"and status = 'running' limit 10000",
			as_dict=True,
		)
		self.assertEqual(plan[0].key, "template_version")
