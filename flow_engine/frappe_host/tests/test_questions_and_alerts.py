"""Who is asked for a manual step, and who is told that a step failed."""

import frappe
from frappe.tests.utils import FrappeTestCase
from frappe.utils import now_datetime

from flow_engine.engine.errors import TransientDatabaseError
from flow_engine.frappe_host import alerts
from flow_engine.frappe_host.messages import FrappeMessages
from flow_engine.frappe_host.tests.email_account import forget_email_account, make_email_account
from flow_engine.frappe_host.tests.other_connections import another_connection
from flow_engine.frappe_host.tests.people_for_tests import make_user
from flow_engine.outbound.http import GuardedHttpClient


class RunCase(FrappeTestCase):
	messages = FrappeMessages(GuardedHttpClient())

	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.role = frappe.get_doc({"doctype": "Role", "role_name": "Flow Test Fitter"}).insert().name
		cls.fitters = [make_user(f"messages-fitter-{n}", cls.role) for n in range(2)]
		cls.retired = make_user("messages-retired", cls.role, enabled=0)
		cls.manager = make_user("messages-flow-manager", "Flow Manager", "Support Team")
		cls.blind = make_user("messages-blind-manager", "Flow Manager")

	def setUp(self):
		self.run_name = f"FR-T{frappe.generate_hash(length=8)}"
		self.issue = frappe.get_doc({"doctype": "Issue", "subject": "No signal"}).insert().name
		template = frappe.new_doc("Flow Template")
		template.update(
			{
				"name": f"FT-T{frappe.generate_hash(length=8)}",
				"template_name": f"Repair <line> {frappe.generate_hash(length=6)}",
			}
		)
		template.update({"published_by": self.manager, "owner": self.manager})
		template.creation = template.modified = now_datetime()
		template.db_insert()
		run = frappe.new_doc("Flow Run")
		run.update(
			{
				"name": self.run_name,
				"flow_template": template.name,
				"status": "running",
				"context_doctype": "Issue",
				"context_docname": self.issue,
			}
		)
		run.db_insert()
		self.flow_run = {
			"name": self.run_name,
			"flow_template": template.name,
			"context_doctype": "Issue",
			"context_docname": self.issue,
		}

	def todos(self, **filters):
		return frappe.get_all(
			"ToDo",
			filters={"reference_type": "Flow Run", "reference_name": self.run_name, **filters},
			fields=["name", "allocated_to", "status", "description"],
			order_by="allocated_to",
		)

	def notifications(self, **filters):
		return frappe.get_all(
			"Notification Log",
			filters={"document_type": "Flow Run", "document_name": self.run_name, **filters},
			fields=["name", "for_user", "subject", "email_content", "read", "link", "type"],
			order_by="for_user",
		)


class TestQuestions(RunCase):
	def ask(self, step="s1", role=None, assignee=None):
		self.messages.ask(self.flow_run, step, "Sign <here>", role, assignee)

	def test_who_is_asked(self):
		rows = (
			(None, self.fitters[0], [self.fitters[0]]),
			(self.role, None, self.fitters),
			(self.role, self.fitters[1], [self.fitters[1]]),
			(self.role, self.retired, self.fitters),
		)
		for number, (role, assignee, expected) in enumerate(rows):
			with self.subTest(role=role, assignee=assignee):
				self.ask(f"step-{number}", role, assignee)
				asked = [t.allocated_to for t in self.todos() if f":step-{number}:" in t.name]
				self.assertEqual(asked, expected)
				self.messages.close(self.flow_run, f"step-{number}")

	def test_without_role_and_assignee_the_managers_who_may_read_the_document_are_asked(self):
		self.ask()
		asked = [todo.allocated_to for todo in self.todos()]
		self.assertIn(self.manager, asked)
		self.assertNotIn(self.blind, asked)

	def test_somebody_is_always_asked(self):
		self.ask(role="No Such Role", assignee="nobody@flow-tests.example.com")
		self.assertTrue(self.todos())

	def test_the_todo_names_step_and_run_and_nothing_in_it_is_markup(self):
		self.ask(assignee=self.fitters[0])
		todo = self.todos()[0]
		self.assertIn("Sign &lt;here&gt;", todo.description)
		self.assertIn("Repair &lt;line&gt;", todo.description)
		self.assertIn(f"{self.run_name}?step=s1", todo.description)
		notification = self.notifications()[0]
		self.assertEqual((notification.for_user, notification.read), (self.fitters[0], 0))

	def test_closing_closes_exactly_what_was_asked_for_that_step(self):
		self.ask("s1", role=self.role)
		self.ask("S1", role=self.role)
		self.ask("s11", role=self.role)
		for todo in self.todos():
			# People may write into their ToDos what they like.
			frappe.db.set_value("ToDo", todo.name, "description", "done soon")
		self.messages.close(self.flow_run, "s1")
		self.messages.close(self.flow_run, "s1")
		closed = {todo.name.split(":")[1] for todo in self.todos(status="Closed")}
		still_open = {todo.name.split(":")[1] for todo in self.todos(status="Open")}
		self.assertEqual((closed, still_open), ({"s1"}, {"S1", "s11"}))
		self.assertEqual({n.name.split(":")[1] for n in self.notifications(read=1)}, {"s1"})
		assigned = frappe.parse_json(frappe.db.get_value("Flow Run", self.run_name, "_assign"))
		self.assertEqual(set(assigned), set(self.fitters))
		for step in ("S1", "s11"):
			self.messages.close(self.flow_run, step)
		self.assertFalse(frappe.parse_json(frappe.db.get_value("Flow Run", self.run_name, "_assign") or "[]"))

	def test_two_workers_can_ask_at_the_same_time(self):
		self.ask(role=self.role)
		with another_connection(self):
			frappe.db.sql("set session innodb_lock_wait_timeout = 1")
			todo = frappe.new_doc("ToDo")
			todo.update({"description": "x", "reference_type": "Flow Run"})
			todo.reference_name = todo.name = f"{self.run_name}-next"
			todo.db_insert()
		self.ask("s2", role=self.role)
		self.assertEqual(len(self.todos()), 4)

	def test_a_step_that_comes_back_is_asked_again(self):
		self.ask(assignee=self.fitters[0])
		self.messages.close(self.flow_run, "s1")
		self.ask(assignee=self.fitters[0])
		self.assertEqual(sorted(todo.status for todo in self.todos()), ["Closed", "Open"])

	def test_closing_what_was_never_asked_does_nothing(self):
		self.messages.close(self.flow_run, "s1")
		self.assertEqual(self.todos(), [])


class TestAlerts(RunCase):
	def setUp(self):
		super().setUp()
		self.addCleanup(frappe.clear_document_cache, "Flow Engine Settings", "Flow Engine Settings")
		self.addCleanup(frappe.cache.delete_value, self.email_key())
		# The Error Log's table knows no transactions.
		self.addCleanup(frappe.db.delete, "Error Log", {"reference_name": ("like", f"{self.run_name}%")})
		self.settings()

	def email_key(self):
		return f"flow_engine_alert_email:{self.flow_run['flow_template']}:s1:conflict"

	def settings(self, **values):
		settings = frappe.get_doc("Flow Engine Settings")
		settings.update({"alert_role": None, "alert_email": 0, "alert_users": [], **values})
		settings.save()

	def alert(self, code="conflict", message="<b>Changed</b> by someone else", step="s1"):
		self.messages.alert(self.flow_run, step, code, message)

	def test_the_publisher_and_those_in_the_settings_are_told(self):
		self.settings(alert_users=[{"user": self.fitters[0]}, {"user": self.retired}], alert_role=self.role)
		self.alert()
		told = self.notifications()
		self.assertEqual([n.for_user for n in told], sorted([*self.fitters, self.manager]))
		for notification in told:
			self.assertEqual(notification.type, "Alert")
			self.assertNotIn("<line>", notification.subject)

	def test_only_managers_of_flows_see_the_message(self):
		self.settings(alert_users=[{"user": self.fitters[0]}])
		self.alert(message="customer owes <b>12</b>")
		seen = {n.for_user: n.email_content for n in self.notifications()}
		self.assertIn("owes &lt;b&gt;12", seen[self.manager])
		self.assertNotIn("owes", seen[self.fitters[0]])

	def test_the_failure_is_in_the_error_log(self):
		self.alert()
		entry = frappe.get_last_doc("Error Log", {"reference_name": self.run_name})
		self.assertEqual(entry.method, f"Flow run {self.run_name} failed")
		self.assertIn("conflict", entry.error)
		self.assertNotIn("Traceback", entry.error)

	def test_the_same_failure_is_told_once(self):
		for _ in range(3):
			self.alert()
		self.assertEqual(len(self.notifications()), 1)
		self.alert(code="validation_failed")
		self.alert(step="s2")
		self.assertEqual(len(self.notifications()), 3)

	def test_an_alert_that_was_rolled_back_is_told_when_its_transaction_is_repeated(self):
		frappe.db.savepoint("before_alert")
		self.alert()
		frappe.db.rollback(save_point="before_alert")
		self.assertEqual(self.notifications(), [])
		self.alert()
		self.assertEqual(len(self.notifications()), 1)

	def test_one_email_for_a_flow_that_fails_for_many_documents(self):
		self.addCleanup(forget_email_account)
		make_email_account()
		self.settings(alert_email=1)
		before = frappe.db.count("Email Queue")
		self.alert()
		self.flow_run["name"] = f"{self.run_name}-2"
		self.alert()
		self.assertEqual(frappe.db.count("Email Queue") - before, 1)

	def test_an_alert_that_cannot_be_sent_spoils_nothing(self):
		frappe.db.savepoint("before_alert")
		self.settings(alert_email=1)
		frappe.local.outgoing_email_account = {}
		self.alert()
		self.assertEqual(len(self.notifications()), 1)
		broken = self.patch(alerts, "people_alerted", lambda *_: 1 / 0)
		self.alert(code="other")
		broken()
		self.assertEqual(len(self.notifications()), 1)
		self.assertTrue(frappe.db.exists("Flow Run", self.run_name))
		frappe.db.rollback(save_point="before_alert")

	def test_a_lost_transaction_is_never_passed_over(self):
		def deadlock(*_):
			raise frappe.QueryDeadlockError("deadlock")

		restore = self.patch(alerts, "people_alerted", deadlock)
		self.assertRaises(TransientDatabaseError, self.alert)
		restore()

	def test_a_run_that_cannot_be_read_is_alerted_by_its_name_alone(self):
		self.messages.alert({"name": self.run_name}, None, "state_unreadable", "cut off")
		self.assertEqual([n.for_user for n in self.notifications()], [self.manager])

	def patch(self, module, name, value):
		before = getattr(module, name)
		setattr(module, name, value)
		self.addCleanup(setattr, module, name, before)
		return lambda: setattr(module, name, before)
