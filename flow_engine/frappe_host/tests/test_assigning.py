"""Who may start a flow and fire its steps on a site, and what the framework's assignments do about it."""

import json
from unittest.mock import patch

import frappe
from frappe.desk.form import assign_to

from flow_engine.api import runs as runs_api
from flow_engine.engine.draining import drain
from flow_engine.engine.errors import BadInput, NotAllowed, NotOnAllowList
from flow_engine.frappe_host.host import get_host
from flow_engine.frappe_host.refusals import Refused
from flow_engine.frappe_host.tests.people_for_tests import make_user
from flow_engine.frappe_host.tests.test_operations import OperationsTestCase


class TestAssigning(OperationsTestCase):
	def setUp(self):
		super().setUp()
		# No request, no headers.
		headers = patch.object(frappe, "get_request_header", return_value=None)
		headers.start()
		self.addCleanup(headers.stop)
		self.ann = make_user("assigning-ann", "Flow User")
		self.ben = make_user("assigning-ben", "Flow User")
		self.stranger = make_user("assigning-stranger", "Sales User")
		self.boss = make_user("assigning-boss", "Flow Manager")
		frappe.db.commit()  # workers' transactions have to see them

	def asked(self, *more, starters=None, **people):
		"""A run that waits for a person at `ask`."""
		ask = {"id": "ask", "kind": "wait", "label": "Ask", "trigger": {"type": "manual", **people}}
		flow = self.flow(ask, *more, event="manual", title=f"Asks {len(self.templates)}")
		run = runs_api.start(template=flow)["run"]
		frappe.db.commit()  # others' transactions have to see it
		drain(get_host(), 30, only=run)
		frappe.db.rollback()
		return run

	def todos(self, run, **filters):
		filters = {"reference_type": "Flow Run", "reference_name": run, **filters}
		return frappe.get_all("ToDo", filters, ["name", "allocated_to", "status"], order_by="creation, name")

	def asked_people(self, run):
		return sorted(todo.allocated_to for todo in self.todos(run, status="Open"))

	def fires(self, user, run, step="ask"):
		"""Fire as this user, and take it back; the error's class, or None."""
		frappe.db.commit()  # what is tried is in a transaction of its own
		frappe.set_user(user)
		try:
			session = runs_api.get(run)["run"]["steps"][0]
			allowed = "complete" in session["allowed"]
			refused = None
		except NotAllowed as error:
			allowed, refused = False, type(error)
		finally:
			frappe.set_user("Administrator")
			frappe.db.rollback()
		if allowed:
			return None
		frappe.set_user(user)
		try:
			with self.assertRaises(NotAllowed) as caught:
				runs_api.complete(run, step)
			return refused or type(caught.exception)
		finally:
			frappe.set_user("Administrator")
			frappe.db.rollback()

	def move(self, run, user, to):
		"""As the ToDo's form does."""
		(todo,) = self.todos(run, status="Open")
		frappe.set_user(user)
		try:
			doc = frappe.get_doc("ToDo", todo.name)
			doc.allocated_to = to
			doc.save()
		finally:
			frappe.set_user("Administrator")

	def assign(self, run, user, to):
		"""As “Assign to” on the run's form does."""
		frappe.set_user(user)
		try:
			assign_to.add({"assign_to": [to], "doctype": "Flow Run", "name": run})
		finally:
			frappe.set_user("Administrator")

	def delegations(self, run):
		rows = frappe.get_all(
			"Flow Audit Event",
			{"flow_run": run, "event_type": "run.step_delegated"},
			["step_id", "user", "details"],
			order_by="creation, name",
		)
		return [(row.step_id, row.user, json.loads(row.details)) for row in rows]

	# --- allow-lists ----------------------------------------------------------------------------------------

	def test_who_is_on_the_list_is_asked_and_may_and_nobody_else(self):
		run = self.asked(users=[self.ann, self.ben], role="Flow Manager")
		self.assertEqual(self.asked_people(run), [self.ann, self.ben])
		self.assertIs(self.fires(self.boss, run), NotOnAllowList)
		self.assertIs(self.fires("Administrator", run), NotOnAllowList)
		run = self.asked(users=[self.ann, self.ben])
		self.assertIsNone(self.fires(self.ann, run))
		self.assertIs(self.fires(self.boss, run), NotOnAllowList)

	def test_a_calculated_person_is_asked_and_may(self):
		run = self.asked(assignee="{{run.run_as}}")
		self.assertEqual(self.asked_people(run), [frappe.session.user])
		run = self.asked(users=f"{{{{variables.nobody|default:'{self.ann}'}}}}")
		self.assertEqual(self.asked_people(run), [self.ann])
		self.assertIsNone(self.fires(self.ann, run))

	def test_a_flow_names_who_may_start_it(self):
		def started(user, flow):
			frappe.set_user(user)
			try:
				return runs_api.start(template=flow)["run"]
			finally:
				frappe.set_user("Administrator")

		flow = self.flow(event="manual", title="Started by")
		for user in (self.ann, self.boss):
			self.assertTrue(started(user, flow))
		for user in (self.stranger,):
			with self.assertRaises(NotAllowed):
				started(user, flow)
		doc = frappe.get_doc("Flow Template", flow)
		doc.reload()
		definition = {**json.loads(doc.flow_definition), "starters": {"users": [self.stranger]}}
		doc.flow_definition = json.dumps(definition)
		doc.save()
		frappe.db.commit()  # starting looks at what is committed
		# The published version is what counts.
		self.assertTrue(started(self.ann, flow))
		doc.reload()
		doc.flags.flow_publish = True
		doc.save()
		frappe.db.commit()  # starting looks at what is committed
		self.assertTrue(started(self.stranger, flow))
		for user in (self.ann, self.boss, "Administrator"):
			with self.assertRaises(NotOnAllowList):
				started(user, flow)
		with self.assertRaises(NotAllowed):
			started(self.stranger, "FT-does-not-exist")

	# --- assignments ----------------------------------------------------------------------------------------

	def test_whoever_gets_the_todo_may_fire_and_who_gave_it_away_may_not(self):
		run = self.asked(assignee=self.ann)
		self.assertIsNotNone(self.fires(self.ben, run))
		# A ToDo's form is only for who made it and for System Managers.
		self.move(run, "Administrator", self.ben)
		self.assertEqual(self.asked_people(run), [self.ben])
		self.assertIsNotNone(self.fires(self.ann, run))
		self.assertIsNone(self.fires(self.ben, run))
		given = {"to": [self.ben], "from": [self.ann]}
		self.assertEqual(self.delegations(run), [("ask", "Administrator", given)])

	def test_who_is_asked_assigns_somebody_else_and_removes_their_own_assignment(self):
		run = self.asked(users=[self.ann])
		self.assign(run, self.ann, self.ben)
		frappe.set_user(self.ann)
		assign_to.remove("Flow Run", run, self.ann)
		frappe.set_user("Administrator")
		self.assertEqual(self.asked_people(run), [self.ben])
		self.assertIsNotNone(self.fires(self.ann, run))
		self.assertIsNone(self.fires(self.ben, run))
		# The last one who is asked does not get rid of the step like that.
		frappe.set_user(self.ben)
		assign_to.remove("Flow Run", run, self.ben)
		frappe.set_user("Administrator")
		gone = [details for _step, _user, details in self.delegations(run)]
		self.assertEqual(gone, [{"to": [self.ben], "from": []}, {"to": [], "from": [self.ann]}])

	def test_a_todo_that_somebody_notes_for_themselves_shows_them_nothing(self):
		run = self.asked(users=[self.ann])
		frappe.set_user(self.ben)
		noted = frappe.get_doc(
			{
				"doctype": "ToDo",
				"name": f"{run}:ask:mine",
				"description": self.mark,
				"allocated_to": self.ben,
				"reference_type": "Flow Run",
				"reference_name": run,
			}
		).insert()
		frappe.set_user("Administrator")
		self.assertNotIn(":", noted.name)
		self.assertIsNotNone(self.fires(self.ben, run))

	def test_assign_to_on_the_run_shares_its_step_and_closes_with_it(self):
		run = self.asked(users=[self.ann])
		self.assign(run, self.boss, self.ben)
		self.assertEqual(self.asked_people(run), [self.ann, self.ben])
		self.assertEqual(
			{todo.name.rsplit(":", 1)[0] for todo in self.todos(run)},
			{f"{run}:ask"},
		)
		self.assertIsNone(self.fires(self.ann, run))
		self.assertIsNone(self.fires(self.ben, run))
		self.assertIs(self.fires(self.boss, run), NotOnAllowList)
		frappe.set_user(self.ben)
		runs_api.complete(run, "ask", reason="By phone")
		frappe.set_user("Administrator")
		self.assertEqual({todo.status for todo in self.todos(run)}, {"Closed"})

	def test_an_assignment_that_is_removed_takes_back_what_it_gave(self):
		run = self.asked(users=[self.ann])
		self.assign(run, self.ann, self.ben)
		self.assertIsNone(self.fires(self.ben, run))
		assign_to.remove("Flow Run", run, self.ben)
		self.assertEqual(self.asked_people(run), [self.ann])
		self.assertIsNotNone(self.fires(self.ben, run))
		self.assertIsNone(self.fires(self.ann, run))

	def test_who_may_not_give_a_step_on_notes_an_assignment_and_moves_nothing(self):
		run = self.asked(users=[self.ann])
		frappe.share.add_docshare(
			"Flow Run", run, self.stranger, read=1, write=1, flags={"ignore_share_permission": True}
		)
		self.assign(run, self.stranger, self.boss)
		self.assertIs(self.fires(self.boss, run), NotOnAllowList)
		self.assertEqual(self.delegations(run), [])
		(step_todo,) = (todo for todo in self.todos(run) if todo.allocated_to == self.ann)
		frappe.db.set_value("ToDo", step_todo.name, "assigned_by", self.stranger)
		doc = frappe.get_doc("ToDo", step_todo.name)
		frappe.set_user(self.stranger)
		doc.allocated_to = self.stranger
		with self.assertRaises(Refused) as caught:
			doc.save(ignore_permissions=True)
		self.assertIsInstance(caught.exception.flow_error, NotOnAllowList)

	def test_a_step_is_given_to_people_who_can_log_in(self):
		run = self.asked(assignee=self.ann)
		retired = make_user("assigning-retired", "Flow User", enabled=0)
		frappe.set_user(self.ann)
		for nobody in (retired, "nobody@flow-tests.example.com", "Guest"):
			with self.assertRaises(BadInput):
				runs_api.delegate(run, "ask", nobody)
		frappe.set_user("Administrator")

	def test_delegating_over_the_api_tells_whom_it_reaches(self):
		run = self.asked(assignee=self.ann)
		frappe.set_user(self.ann)
		runs_api.delegate(run, "ask", [self.stranger], reason="On holiday")
		frappe.set_user("Administrator")
		self.assertEqual(self.asked_people(run), [self.stranger])
		self.assertIsNone(self.fires(self.stranger, run))
		self.assertTrue(
			frappe.db.exists("Notification Log", {"for_user": self.stranger, "document_name": run})
		)

	def test_other_todos_are_left_alone(self):
		todo = frappe.get_doc(
			{"doctype": "ToDo", "description": f"Mine {self.mark}", "allocated_to": self.ann}
		)
		todo.insert()
		todo.allocated_to = self.ben
		todo.save()
		self.assertNotIn(":", todo.name)
