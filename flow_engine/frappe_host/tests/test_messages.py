"""What leaves a site: emails through its queue, text messages through its gateway."""

import json
from urllib.parse import parse_qs, urlsplit

import frappe
from frappe.email.doctype.email_queue.email_queue import EmailQueue
from frappe.tests.utils import FrappeTestCase

from flow_engine.engine.errors import (
	HandlerCommitted,
	HttpNotSent,
	HttpRefused,
	MessageRefused,
	PermissionDenied,
	StepError,
)
from flow_engine.frappe_host.documents import FrappeDocuments
from flow_engine.frappe_host.messages import FrappeMessages
from flow_engine.frappe_host.tests.email_account import ACCOUNT, forget_email_account, make_email_account
from flow_engine.frappe_host.tests.people_for_tests import make_user
from flow_engine.frappe_host.tests.receivers import Gateway, MailServer
from flow_engine.outbound.http import GuardedHttpClient


def make_template(
	name: str, owner: str = "Administrator", modified_by: str = "Administrator", **fields
) -> str:
	template = frappe.get_doc(
		{"doctype": "Email Template", "name": name, "subject": "Hello", "response": "<p>Hi</p>", **fields}
	).insert(set_name=name)
	template.db_set({"owner": owner, "modified_by": modified_by}, update_modified=False)
	return template.name


class MessageCase(FrappeTestCase):
	messages = FrappeMessages(GuardedHttpClient())

	def send(self, **changes):
		letter = {"to": ["ada@example.com"], "subject": "Your date", "html": "<p>Tuesday</p>", **changes}
		return self.messages.send_email(**letter)

	def queued(self, entry) -> str:
		return frappe.db.get_value("Email Queue", entry["name"], "message")


class TestEmails(MessageCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.addClassCleanup(forget_email_account)
		make_email_account()
		cls.support = make_user("messages-support", "Support Team")
		cls.manager = make_user("messages-manager", "System Manager")

	def test_an_email_is_queued_in_the_current_transaction_and_rolled_back_with_it(self):
		frappe.db.savepoint("before_email")
		entry = self.send(to=["ada@example.com", "bo@example.com", "ada@example.com"])
		self.assertEqual(entry["doctype"], "Email Queue")
		queue = frappe.get_doc("Email Queue", entry["name"])
		self.assertEqual(
			(queue.status, sorted(recipient.recipient for recipient in queue.recipients)),
			("Not Sent", ["ada@example.com", "bo@example.com"]),
		)
		frappe.db.rollback(save_point="before_email")
		self.assertFalse(frappe.db.exists("Email Queue", entry["name"]))

	def test_an_email_says_that_a_machine_wrote_it_and_what_it_is_about(self):
		entry = self.send(reference=("User", self.support))
		self.assertTrue(self.queued(entry).startswith("Auto-Submitted: auto-generated"))
		reference = frappe.db.get_value("Email Queue", entry["name"], ["reference_doctype", "reference_name"])
		self.assertEqual(reference, ("User", self.support))

	def test_a_flow_may_send_an_email_without_any_permission_of_its_user(self):
		with FrappeDocuments().acting_as(self.support):
			self.assertTrue(self.send()["name"])

	def test_what_cannot_be_sent_is_refused(self):
		frappe.get_doc(
			{"doctype": "Email Unsubscribe", "email": "gone@example.com", "global_unsubscribe": 1}
		).insert()
		for to in ([], [""], ["gone@example.com"], [f"u{n}@example.com" for n in range(101)]):
			with self.subTest(to=to[:2]), self.assertRaises(MessageRefused):
				self.send(to=to)

	def test_a_template_gives_subject_and_body_and_values_are_escaped(self):
		template = make_template(
			"Flow Values",
			subject="Order {{ name }}\nfor {{ customer.customer_name }}",
			response="<p>{{ doc.note }} {{ variables.group }} {{ nothing.at.all }} {{ doc.html|safe }}</p>",
		)
		values = {
			"doc": {"name": "SO-1", "note": "<script>x</script>", "html": "<b>bold</b>"},
			"customer": {"customer_name": "Ada & Bo"},
			"variables": {"group": "North"},
		}
		message = self.render(template, values)
		self.assertEqual(message[0], "Order SO-1 for Ada & Bo")
		self.assertEqual(message[1], "<p>&lt;script&gt;x&lt;/script&gt; North  <b>bold</b></p>")
		self.assertTrue(self.send(template=template, values=values)["name"])

	def render(self, template, values):
		from flow_engine.frappe_host.emails import render_email_template

		return render_email_template(template, values)

	def test_what_the_acting_user_may_not_read_is_empty_in_a_template(self):
		class Values(dict):
			def get(self, key, default=None):
				if key == "customer":
					raise PermissionDenied()
				return super().get(key, default)

		template = make_template("Flow Unreadable", response="<p>[{{ customer.customer_name }}]</p>")
		self.assertEqual(self.render(template, Values(doc={}))[1], "<p>[]</p>")

	def test_only_templates_that_a_system_manager_wrote_are_run(self):
		authors = (
			("Administrator", "Administrator", True),
			("Administrator", self.manager, True),
			(self.support, "Administrator", False),
			("Administrator", self.support, False),
			(self.support, self.support, False),
		)
		for number, (owner, modified_by, accepted) in enumerate(authors):
			template = make_template(f"Flow Authors {number}", owner, modified_by)
			with self.subTest(owner=owner, modified_by=modified_by):
				if accepted:
					self.assertTrue(self.send(template=template)["name"])
				else:
					self.assertRaises(MessageRefused, self.send, template=template)

	def test_a_template_that_cannot_be_rendered_is_refused(self):
		self.assertRaises(MessageRefused, self.send, template="No Such Template")
		for number, response in enumerate(
			("{{ doc.a + 1 }}", "{{ 1 / 0 }}", "{{ doc.__class__ }}", "{{ throw('no') }}")
		):
			with self.subTest(response=response), self.assertRaises(StepError):
				self.send(
					template=make_template(f"Flow Broken {number}", response=response), values={"doc": {}}
				)

	def test_a_template_cannot_end_the_transaction(self):
		template = make_template("Flow Committing", response="{{ frappe.db.commit() }}")
		self.assertRaises(HandlerCommitted, self.send, template=template)


class TestWithoutEmailAccount(MessageCase):
	def test_an_email_is_refused_in_plain_words(self):
		frappe.local.outgoing_email_account = {}
		self.addCleanup(forget_email_account)
		self.assertFalse(frappe.db.exists("Email Account", {"enable_outgoing": 1, "default_outgoing": 1}))
		with self.assertRaises(MessageRefused) as caught:
			self.send()
		self.assertIn("Email Account", caught.exception.message)


class TestTheQueueIsFlushed(MessageCase):
	"""Sending commits; account and queue entry are removed again."""

	def setUp(self):
		self.server = MailServer()
		self.addCleanup(self.server.stop)
		frappe.db.rollback()
		make_email_account(self.server.port)
		frappe.db.commit()
		self.addCleanup(self.remove)

	def remove(self):
		frappe.db.rollback()
		frappe.db.delete("Email Queue Recipient", {"recipient": "ada@flow-tests.example.com"})
		frappe.db.delete("Email Queue", {"sender": ("like", "%flows@flow-tests.example.com%")})
		frappe.delete_doc("Email Account", ACCOUNT, force=True, delete_permanently=True)
		frappe.db.commit()
		forget_email_account()

	def test_a_queued_email_arrives_once_and_nothing_arrives_of_one_rolled_back(self):
		self.send(to=["ada@flow-tests.example.com"], subject="Never")
		frappe.db.rollback()
		entry = self.send(to=["ada@flow-tests.example.com"], subject="Installation on Tuesday")
		frappe.db.commit()
		# In tests the framework keeps emails to itself unless told otherwise.
		frappe.flags.testing_email = True
		EmailQueue.find(entry["name"]).send()
		self.assertEqual(len(self.server.messages), 1)
		_sender, recipients, text = self.server.messages[0]
		self.assertEqual(recipients, ["ada@flow-tests.example.com"])
		self.assertIn("Subject: Installation on Tuesday", text)
		self.assertIn("Auto-Submitted: auto-generated", text)
		self.assertIn("Tuesday</p>", text)


class TestTextMessages(FrappeTestCase):
	def setUp(self):
		self.gateway = Gateway()
		self.addCleanup(self.gateway.stop)
		self.addCleanup(frappe.clear_document_cache, "SMS Settings", "SMS Settings")
		self.messages = FrappeMessages(GuardedHttpClient(allowed_private_hosts=["127.0.0.1"]))

	def settings(self, url: str | None = None, use_post: int = 0, *parameters):
		settings = frappe.get_doc("SMS Settings")
		settings.update(
			{
				"sms_gateway_url": self.gateway.url if url is None else url,
				"message_parameter": "text",
				"receiver_parameter": "number",
				"use_post": use_post,
			}
		)
		settings.set("parameters", [])
		for name, value, header in parameters:
			settings.append("parameters", {"parameter": name, "value": value, "header": header})
		settings.flags.ignore_mandatory = True
		settings.save()

	def send(self, body: str = "Été & more"):
		return self.messages.send_sms(to="+15145550100", body=body, key="site:FR-1:s1", timeout_seconds=5)

	def test_the_gateway_gets_the_message_as_its_settings_say(self):
		key = ("apikey", "sesame & more", 0)
		header = ("Authorization", "Bearer sesame", 1)
		forms = (
			(0, (key, header), "GET"),
			(1, (key, header), "POST"),
			(1, (key, header, ("Content-Type", "application/json", 1)), "POST"),
		)
		for use_post, parameters, method in forms:
			with self.subTest(method=method, parameters=parameters):
				self.settings(None, use_post, *parameters)
				self.assertEqual(self.send()["status"], 200)
				sent, path, headers, body = self.gateway.requests[-1]
				self.assertEqual(sent, method)
				self.assertEqual(headers["idempotency-key"], "site:FR-1:s1")
				self.assertEqual(headers["authorization"], "Bearer sesame")
				expected = {"text": "Été & more", "number": "+15145550100", "apikey": "sesame & more"}
				if headers.get("content-type") == "application/json":
					self.assertEqual(json.loads(body), expected)
				else:
					got = parse_qs(body or urlsplit(path).query)
					self.assertEqual({name: values[0] for name, values in got.items()}, expected)

	def test_a_message_cannot_ask_for_the_gateways_keys(self):
		self.settings(None, 0, ("apikey", "sesame-open", 0))
		self.send("{{secret.sms0}}")
		query = parse_qs(urlsplit(self.gateway.requests[-1][1]).query)
		self.assertEqual(query["text"], ["{{secret.sms0}}"])

	def test_what_an_answer_means(self):
		self.settings(None, 1, ("apikey", "sesame-open", 0))
		for status, error in (
			(400, MessageRefused),
			(401, MessageRefused),
			(302, MessageRefused),
			(429, HttpNotSent),
			(503, HttpNotSent),
		):
			self.gateway.status, self.gateway.answer = status, "bad key sesame-open"
			with self.subTest(status=status):
				with self.assertRaises(error) as caught:
					self.send()
				self.assertNotIn("sesame-open", caught.exception.message)
		self.gateway.status = 200
		self.assertEqual(self.send()["answer"], "bad key ***")

	def test_without_a_gateway_the_message_is_refused(self):
		self.settings("")
		self.assertRaises(MessageRefused, self.send)

	def test_a_gateway_on_a_private_address_is_refused_unless_it_is_allowed(self):
		self.settings()
		self.messages = FrappeMessages(GuardedHttpClient())
		self.assertRaises(HttpRefused, self.send)
		self.assertEqual(self.gateway.requests, [])
