"""Conditions written as text on a site: saved as data whatever the door, and as strict as the site says."""

import json

import frappe
from frappe.tests.utils import FrappeTestCase

from flow_engine.api import editor
from flow_engine.frappe_host.tests.flows_for_tests import make_flow, make_todo, subjects_of
from flow_engine.frappe_host.tests.people_for_tests import make_user

WATCHED = {"doctype": "ToDo", "doc_event": "field_change", "field": "priority"}


def draft(condition, **trigger):
	"""A template as the desk's form saves one: by the Document API."""
	definition = {
		"version": 1,
		"trigger": {"event": "manual", **trigger, "condition": condition},
		"steps": [],
	}
	values = {"template_name": frappe.generate_hash(length=12), "flow_definition": json.dumps(definition)}
	return frappe.get_doc({"doctype": "Flow Template", "category": "other", **values}).insert()


def stored(doc):
	return json.loads(frappe.db.get_value("Flow Template", doc.name, "flow_definition"))["trigger"][
		"condition"
	]


class TestConditionsAsText(FrappeTestCase):
	def setUp(self):
		frappe.set_user("Administrator")
		self.choose("Strict")

	def tearDown(self):
		frappe.set_user("Administrator")
		self.choose("Strict")

	def choose(self, strategy):
		settings = frappe.get_doc("Flow Engine Settings")
		settings.condition_strategy = strategy
		settings.save()

	def test_a_site_is_strict_until_it_is_told_otherwise(self):
		frappe.db.delete("Singles", {"doctype": "Flow Engine Settings", "field": "condition_strategy"})
		frappe.clear_document_cache("Flow Engine Settings", "Flow Engine Settings")
		doc = draft("is open")
		self.assertEqual((stored(doc), doc.draft_state), ("is open", "invalid"))

	def test_what_is_stored_and_shown_afterwards_is_data(self):
		self.assertEqual(stored(draft("Open")), {"field": "doc.status", "op": "==", "value": "Open"})
		watched = draft("in:High,Medium", event="doc_event", **WATCHED)
		self.assertEqual(stored(watched), {"field": "doc.priority", "op": "in", "value": ["High", "Medium"]})

	def test_a_text_decides_which_documents_start_the_flow(self):
		flow = make_flow(doctype="ToDo", doc_event="after_insert", condition="priority in:High,Medium")
		low, high = make_todo(priority="Low"), make_todo(priority="High")
		self.assertNotEqual(low.name, high.name)
		self.assertEqual(subjects_of(flow), [("ToDo", high.name)])

	def test_time_that_has_passed_decides_too(self):
		flow = make_flow(doctype="ToDo", doc_event="after_insert", condition="doc.date timeout:3d")
		make_todo(date=frappe.utils.nowdate())
		old = make_todo(date=frappe.utils.add_days(frappe.utils.nowdate(), -4))
		self.assertEqual(subjects_of(flow), [("ToDo", old.name)])

	def test_text_that_is_no_condition_is_a_problem_or_an_equality_as_the_site_says(self):
		doc = draft("is open")
		doc.is_active = 1
		with self.assertRaises(frappe.ValidationError):
			doc.save()
		self.choose("Compatible")
		doc.reload()
		doc.is_active = 1
		doc.save()
		self.assertEqual(stored(doc), {"field": "doc.status", "op": "==", "value": "is open"})

	def test_the_editor_asks_what_a_text_means_and_strangers_do_not(self):
		frappe.set_user(make_user("text-manager", "Flow Manager"))
		self.assertEqual(editor.condition("Open")["condition"]["field"], "doc.status")
		self.assertEqual(editor.condition("is open")["problems"][0]["code"], "bad_condition")
		frappe.set_user(make_user("text-stranger", "Sales User"))
		with self.assertRaises(frappe.PermissionError):
			editor.condition("Open")
