import frappe
from frappe.tests.utils import FrappeTestCase

from flow_engine.engine.errors import InvalidDefinition
from flow_engine.flow_engine.doctype.flow_template.flow_template import FlowTemplateNameTaken
from flow_engine.frappe_host.names import next_name
from flow_engine.frappe_host.refusals import Refused, shown_in_desk

test_ignore = ["User", "DocType"]


def raw(doctype: str, **values):
	"""A row as the engine's own stores write it: the controller is not asked."""
	doc = frappe.get_doc({"doctype": doctype, **values})
	doc.name = values.get("name") or next_name(doctype)
	doc.db_insert()
	return doc


class TestFlowTemplate(FrappeTestCase):
	def setUp(self):
		frappe.set_user("Administrator")

	def test_a_name_is_taken_within_its_category_only(self):
		raw("Flow Template", template_name="Welcome call", category="billing")
		for name, category, taken in (
			("Welcome call", "billing", True),
			("  welcome CALL ", "billing", True),
			("Welcome call", "incident", False),
			("Welcome mail", "billing", False),
		):
			with self.subTest(name=name, category=category):
				other = frappe.new_doc("Flow Template", template_name=name, category=category)
				if taken:
					self.assertRaises(FlowTemplateNameTaken, other.refuse_taken_name)
				else:
					other.refuse_taken_name()

	def test_the_index_refuses_what_the_check_did_not_see(self):
		raw("Flow Template", template_name="Raced", category="billing")
		with self.assertRaises((frappe.UniqueValidationError, frappe.DuplicateEntryError)):
			raw("Flow Template", template_name="Raced", category="billing")

	def test_a_template_keeps_its_number(self):
		template = raw("Flow Template", template_name="Numbered", category="billing")
		with self.assertRaises(frappe.ValidationError):
			frappe.rename_doc("Flow Template", template.name, "FT-X", force=True)

	def test_versions_that_runs_refer_to_outlive_their_template(self):
		template = raw("Flow Template", template_name="Short-lived", category="billing")
		for version in (1, 2):
			name = f"{template.name}-v{version}"
			raw(
				"Flow Template Version",
				name=name,
				flow_template=template.name,
				version=version,
				definition="{}",
			)
		raw("Flow Run", flow_template=template.name, template_version=2, status="completed")
		template.delete_unused_versions()
		left = frappe.get_all("Flow Template Version", {"flow_template": template.name}, pluck="version")
		self.assertEqual(left, [2])

	def test_a_refusal_of_the_engine_reaches_the_user_as_text(self):
		problem = {"path": "steps[0]", "code": "bad_value", "message": "<script>alert(1)</script>"}
		frappe.clear_messages()
		with self.assertRaises(Refused) as caught, shown_in_desk():
			raise InvalidDefinition(problems=[problem])
		self.assertEqual(caught.exception.flow_error.code, "invalid_definition")
		self.assertEqual(caught.exception.http_status_code, 422)
		shown = str(frappe.get_message_log())
		self.assertIn("steps[0]", shown)
		self.assertNotIn("<script>", shown)
