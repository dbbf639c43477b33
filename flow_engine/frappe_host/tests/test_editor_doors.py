"""What the editor asks a site: words in the reader's language, fields and documents as far as the caller may
see them, conflicts, and a document's flows."""

import json

import frappe
from frappe.tests.utils import FrappeTestCase

from flow_engine.api import catalog, connections, editor, runs, templates
from flow_engine.engine.errors import (
	BadInput,
	NotAllowed,
	PermissionDenied,
	SaveConflict,
	TemplateNotFound,
	UnknownDocType,
)
from flow_engine.frappe_host.document_types import SiteDocumentTypes
from flow_engine.frappe_host.host import compose_host
from flow_engine.frappe_host.tests.flows_for_tests import make_customer, make_flow, subjects_of
from flow_engine.frappe_host.tests.people_for_tests import make_user
from flow_engine.service.events import Occurrence, new_run


def named(entries):
	return {entry["name"]: entry for entry in entries}


class TestEditorDoors(FrappeTestCase):
	def setUp(self):
		frappe.set_user("Administrator")
		self.manager = make_user("doors-manager", "Flow Manager", "Sales User", "Sales Manager")
		self.worker = make_user("doors-worker", "Flow User", "Sales User")
		self.customer = make_customer()

	def tearDown(self):
		frappe.set_user("Administrator")

	# --- words --------------------------------------------------------------------------------------------

	def test_the_catalog_names_secrets_to_those_who_may_know_them_and_never_values(self):
		secret = frappe.get_doc(
			{
				"doctype": "Flow Secret",
				"secret_name": "doors_crm",
				"value": "hush-hush",
				"hosts": "crm.example.com",
			}
		).insert()
		frappe.set_user(self.manager)
		told = catalog()
		self.assertIn(secret.name, told["secrets"])
		self.assertNotIn("hush-hush", json.dumps(told, default=str))
		# Who may only look at runs gets the kinds that their trees are drawn from, and no secret's name.
		frappe.set_user(self.worker)
		self.assertEqual(catalog()["secrets"], [])
		frappe.set_user(make_user("doors-stranger", "Sales User"))
		with self.assertRaises(frappe.PermissionError):
			catalog()

	def test_the_catalog_speaks_the_readers_language(self):
		before = frappe.local.lang
		self.addCleanup(setattr, frappe.local, "lang", before)
		frappe.local.lang = "fr"
		self.assertEqual(named(catalog()["doc_events"])["after_insert"]["label"], "est créé")
		self.assertEqual(named(catalog()["trigger_types"])["after_delay"]["fields"][0]["label"], "Jours")
		problems = templates.validate(definition={"version": 1, "trigger": {"event": "manual"}})["problems"]
		self.assertEqual([problem["message"] for problem in problems], ["Le flux n'a pas de liste d'étapes."])

	# --- documents ----------------------------------------------------------------------------------------

	def test_fields_are_the_frameworks_own_with_choices_links_and_rows(self):
		frappe.set_user(self.manager)
		answer = editor.fields(doctype="Quotation")
		fields = named(answer["fields"])
		self.assertEqual((fields["grand_total"]["type"], fields["company"]["link"]), ("Currency", "Company"))
		self.assertIn("Draft", fields["status"]["options"])
		self.assertEqual(named(fields["items"]["children"])["item_code"]["link"], "Item")
		self.assertIsNone(fields["party_name"]["link"])
		self.assertIn("name", fields)

	def test_fields_above_the_callers_level_and_passwords_are_not_offered(self):
		fields = named(editor.fields(doctype="Flow Run")["fields"])
		self.assertIn("lease_token", fields)
		frappe.set_user(self.worker)
		levels = named(SiteDocumentTypes().fields("Flow Run")["fields"])
		self.assertNotIn("lease_token", levels)
		frappe.set_user("Administrator")
		self.assertNotIn(
			"password", {f["type"].lower() for f in editor.fields(doctype="Email Account")["fields"]}
		)

	def test_who_may_not_read_a_doctype_learns_nothing_about_it(self):
		frappe.set_user(self.manager)
		for call in (
			lambda: editor.fields(doctype="Salary Component"),
			lambda: editor.search(doctype="Bank Account", text=""),
			lambda: editor.sample(doctype="User", docname="Administrator"),
		):
			with self.assertRaises((NotAllowed, UnknownDocType, PermissionDenied)) as caught:
				call()
			self.assertIn(
				getattr(caught.exception, "code", ""), ("not_allowed", "unknown_doctype", "permission_denied")
			)
		offered = {entry["name"] for entry in editor.doctypes(text="")["doctypes"]}
		self.assertIn("Quotation", {e["name"] for e in editor.doctypes(text="quotation")["doctypes"]})
		self.assertNotIn("Flow Run", offered)
		self.assertNotIn("Flow Engine Settings", offered)

	def test_documents_are_found_and_shown_as_the_caller_may_see_them(self):
		frappe.set_user(self.manager)
		found = editor.search(doctype="Customer", text=self.customer.customer_name[:12])["documents"]
		self.assertIn(self.customer.name, {entry["name"] for entry in found})
		shown = editor.sample(doctype="Customer", docname=self.customer.name)
		self.assertEqual(shown["customer"]["customer_name"], self.customer.customer_name)
		with self.assertRaises(BadInput):
			editor.sample(doctype="Customer")

	def test_a_flow_user_has_no_business_in_the_editor(self):
		frappe.set_user(self.worker)
		for call in (
			lambda: editor.fields(doctype="Customer"),
			lambda: editor.search(doctype="Customer"),
			lambda: editor.doctypes(),
			lambda: editor.sample(doctype="Customer", docname=self.customer.name),
			lambda: editor.test_run(definition={}),
		):
			with self.assertRaises(frappe.PermissionError):
				call()

	# --- links ----------------------------------------------------------------------------------------------

	def test_a_triggers_condition_reads_through_a_link_as_the_user_the_flow_runs_as(self):
		condition = {"field": "doc.customer.customer_type", "op": "==", "value": "Individual"}
		trigger = {"doctype": "Issue", "doc_event": "after_insert", "condition": condition}
		allowed = make_flow(**trigger)
		other = make_flow(**{**trigger, "condition": {**condition, "op": "!="}})
		blind = make_flow(
			**trigger, template={"run_as": make_user("doors-blind", "Flow Manager", "Support Team")}
		)
		issue = frappe.get_doc({"doctype": "Issue", "subject": "x", "customer": self.customer.name}).insert()
		self.assertEqual(subjects_of(allowed), [("Issue", issue.name)])
		self.assertEqual(subjects_of(other), [])
		self.assertEqual(subjects_of(blind), [])

	# --- versions and conflicts -----------------------------------------------------------------------------

	def test_of_two_saves_on_one_state_the_second_is_a_conflict_even_within_one_second(self):
		name = make_flow("manual", template={"is_active": 0})
		seen = str(templates.get(name=name)["template"]["modified"])
		templates.update(name=name, modified=seen, notes="mine")
		now = str(templates.get(name=name)["template"]["modified"])
		self.assertEqual(now[:17], seen[:17])
		with self.assertRaises(SaveConflict):
			templates.update(name=name, modified=seen, notes="theirs")
		self.assertEqual(templates.get(name=name)["template"]["notes"], "mine")
		templates.update(name=name, modified=now.replace(" ", "T"), notes="again")

	def test_a_published_version_is_read_by_its_number(self):
		name = make_flow("manual")
		published = templates.get(name=name)["template"]["published_version"]
		read = templates.version(name=name, version=published)
		self.assertEqual([step["id"] for step in read["definition"]["steps"]], ["s1"])
		self.assertEqual(read["published_by"], "Administrator")
		with self.assertRaises(TemplateNotFound):
			templates.version(name=name, version=999)
		frappe.set_user(self.worker)
		with self.assertRaises(frappe.PermissionError):
			templates.version(name=name, version=published)

	# --- runs -----------------------------------------------------------------------------------------------

	def start(self, flow):
		host = compose_host()
		trigger = host.templates.trigger_of(flow)

		happened = Occurrence("manual", "Customer", self.customer.name)
		return host.runs.insert(new_run(trigger, happened, self.customer.name))

	def test_a_document_shows_its_flows_to_those_who_may_see_them(self):
		watching = make_flow(doctype="Customer", doc_event="on_update", template={"is_active": 0})
		startable = make_flow("manual")
		elsewhere = make_flow("manual", doctype="Contract")
		run = self.start(startable)
		for user in (self.manager, self.worker):
			with self.subTest(user):
				frappe.set_user(user)
				shown = connections.flows(doctype="Customer", docname=self.customer.name)
				self.assertIn(watching, named(shown["watching"]))
				self.assertIn(startable, named(shown["startable"]))
				self.assertNotIn(elsewhere, named(shown["startable"]))
				self.assertIn(run, named(shown["runs"]))
				self.assertNotIn("flow_definition", json.dumps(shown, default=str))
		frappe.set_user(make_user("doors-outsider", "Sales User"))
		shown = connections.flows(doctype="Customer", docname=self.customer.name)
		self.assertEqual(shown, {"watching": [], "runs": [], "startable": []})

	def test_a_run_is_drawn_without_payloads_for_those_who_may_not_see_values(self):
		flow = make_flow("manual", condition={"field": "doc.customer_type", "op": "not_empty"})
		run = self.start(flow)
		drawn = runs.get(run=run)["run"]["definition"]
		self.assertEqual(drawn["trigger"]["condition"], {"field": "doc.customer_type", "op": "not_empty"})
		frappe.set_user(self.worker)
		drawn = runs.get(run=run)["run"]["definition"]
		self.assertEqual([(step["id"], step["label"]) for step in drawn["steps"]], [("s1", "Wait")])
		self.assertNotIn("condition", drawn["trigger"])
		self.assertNotIn("payload", drawn["steps"][0])
		self.assertEqual(runs.log(run=run, step_id="s1")["attempts"], [])

	def test_the_picture_of_a_flow_is_for_those_who_see_every_run(self):
		flow = make_flow("manual")
		self.start(flow)
		frappe.set_user(self.manager)
		picture = templates.standing(name=flow)
		self.assertEqual(picture["runs"]["running"], 1)
		frappe.set_user(self.worker)
		with self.assertRaises(NotAllowed):
			templates.standing(name=flow)
