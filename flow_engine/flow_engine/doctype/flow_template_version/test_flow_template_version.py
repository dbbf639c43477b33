import frappe
from frappe.tests.utils import FrappeTestCase

from flow_engine.flow_engine.doctype.flow_template_version.flow_template_version import VersionIsImmutable
from flow_engine.frappe_host.names import next_name

test_ignore = ["Flow Template", "User"]


def publish(template: str, version: int, definition: str = "{}"):
	values = {
		"doctype": "Flow Template Version",
		"flow_template": template,
		"version": version,
		"definition": definition,
	}
	return frappe.get_doc(values).insert(ignore_permissions=True, ignore_links=True)


class TestFlowTemplateVersion(FrappeTestCase):
	def setUp(self):
		frappe.set_user("Administrator")
		self.template = next_name("Flow Template")

	def test_a_version_is_named_after_its_template(self):
		self.assertEqual(publish(self.template, 3).name, f"{self.template}-v3")

	def test_a_version_carries_the_hash_of_its_definition(self):
		one, two, other = (
			publish(self.template, 1),
			publish(self.template, 2),
			publish(self.template, 3, "[]"),
		)
		self.assertEqual(one.definition_hash, two.definition_hash)
		self.assertNotEqual(one.definition_hash, other.definition_hash)

	def test_a_version_never_changes(self):
		version = publish(self.template, 1)
		for field, value in (("definition", "[]"), ("run_as", "Guest"), ("change_note", "x"), ("version", 9)):
			with self.subTest(field=field):
				version.reload()
				version.set(field, value)
				self.assertRaises(VersionIsImmutable, version.save)

	def test_a_version_is_not_deleted_or_renamed(self):
		version = publish(self.template, 1)
		self.assertRaises(VersionIsImmutable, version.delete)
		self.assertRaises(
			VersionIsImmutable, frappe.rename_doc, "Flow Template Version", version.name, "x", force=True
		)
		self.assertTrue(frappe.db.exists("Flow Template Version", version.name))

	def test_the_same_version_is_not_published_twice(self):
		publish(self.template, 1)
		with self.assertRaises((frappe.DuplicateEntryError, frappe.UniqueValidationError)):
			publish(self.template, 1)
