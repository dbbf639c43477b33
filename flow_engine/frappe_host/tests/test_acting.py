"""Acting as a user, and what a handler may not do to its transaction."""

import threading
import time
from contextlib import suppress

import frappe
from frappe.tests.utils import FrappeTestCase

from flow_engine.engine.errors import HandlerCommitted, RunAsInvalid, TransientDatabaseError
from flow_engine.frappe_host.acting import as_user, check_publisher, forbid_commit
from flow_engine.frappe_host.documents import FrappeDocuments
from flow_engine.frappe_host.tests.people_for_tests import make_user


class TestActingAsAUser(FrappeTestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.desk = make_user("acting-desk", "Support Team")
		cls.manager = make_user("acting-manager", "Flow Manager")
		cls.gone = make_user("acting-gone", "Flow Manager", enabled=0)

	def test_the_session_is_as_before_afterwards(self):
		frappe.local.form_dict = frappe._dict(cmd="something")
		frappe.local.session.data = frappe._dict(csrf_token="kept")
		before = (frappe.session.user, frappe.session.sid, frappe.session.data, frappe.local.form_dict)
		messages = frappe.local.message_log
		with FrappeDocuments().acting_as(self.desk):
			self.assertEqual(frappe.session.user, self.desk)
			frappe.msgprint("for nobody")
		self.assertEqual(
			(frappe.session.user, frappe.session.sid, frappe.session.data, frappe.local.form_dict), before
		)
		self.assertIs(frappe.local.message_log, messages)

	def test_the_session_is_as_before_after_an_error_and_after_a_switch_inside(self):
		with suppress(ZeroDivisionError), as_user(self.desk):
			frappe.set_user("Guest")
			1 / 0  # noqa: B018
		self.assertEqual(frappe.session.user, "Administrator")

	def test_one_can_act_inside_acting(self):
		documents = FrappeDocuments()
		with documents.acting_as(self.desk):
			with documents.acting_as(self.manager):
				self.assertEqual(frappe.session.user, self.manager)
			self.assertEqual(frappe.session.user, self.desk)

	def test_nobody_unknown_disabled_or_guest_can_be_acted_as(self):
		for user in ("", "Guest", "nobody@flow-tests.example.com", self.gone, self.desk.upper()):
			with self.subTest(user=user), self.assertRaises(RunAsInvalid):
				with FrappeDocuments().acting_as(user):
					self.fail("must not get here")
			self.assertEqual(frappe.session.user, "Administrator")

	def test_a_disabled_triggering_user_invalidates_the_run(self):
		with self.assertRaises(RunAsInvalid), FrappeDocuments().acting_as(self.manager, also=self.gone):
			self.fail("must not get here")

	def test_a_publisher_who_lost_the_role_is_refused(self):
		for user in ("Administrator", self.manager):
			check_publisher(user)
		for user in (self.desk, self.gone):
			self.assertRaises(RunAsInvalid, check_publisher, user)


class TestAHandlersTransaction(FrappeTestCase):
	"""Notes are committed here, because commits are what it is about; each test removes its own."""

	def setUp(self):
		self.notes = [self.make_note() for _ in range(2)]
		frappe.db.commit()
		self.addCleanup(self.remove_notes)

	def make_note(self):
		note = frappe.get_doc({"doctype": "Note", "title": frappe.generate_hash(length=10)}).insert()
		note.db_set("content", "before")
		return note.name

	def remove_notes(self):
		frappe.db.rollback()
		for name in self.notes:
			frappe.delete_doc("Note", name, force=True, delete_permanently=True)
		frappe.db.commit()

	def content(self, note: int = 0):
		return frappe.db.get_value("Note", self.notes[note], "content")

	def write(self, text: str, note: int = 0):
		frappe.db.set_value("Note", self.notes[note], "content", text)

	def test_every_way_to_end_the_transaction_is_refused_before_it_happens(self):
		ways = {
			"commit": lambda: frappe.db.commit(),
			"rollback": lambda: frappe.db.rollback(),
			"sql commit": lambda: frappe.db.sql("COMMIT"),
			"sql with a comment": lambda: frappe.db.sql("/* now */ commit"),
			"sql rollback": lambda: frappe.db.sql(" rollback work"),
			"auto_commit": lambda: frappe.db.sql("select 1", auto_commit=1),
			"begin": lambda: frappe.db.begin(),
			"autocommit": lambda: frappe.db.sql("SET autocommit = 1"),
			"ddl": lambda: frappe.db.sql_ddl("create table flow_engine_never (a int)"),
			"raw ddl": lambda: frappe.db.sql("alter table `tabNote` add column flow_engine_never int"),
			"truncate": lambda: frappe.db.truncate("Version"),
		}
		for way, end in ways.items():
			with self.subTest(way=way):
				with self.assertRaises(HandlerCommitted), forbid_commit():
					self.write("half")
					end()
				frappe.db.rollback()
				self.assertEqual(self.content(), "before")

	def test_a_commit_that_was_refused_and_swallowed_is_still_an_error(self):
		with self.assertRaises(HandlerCommitted), forbid_commit():
			self.write("half")
			with suppress(Exception):
				frappe.db.commit()
		frappe.db.rollback()
		self.assertEqual(self.content(), "before")

	def test_a_commit_past_the_connection_object_is_noticed(self):
		with self.assertRaises(HandlerCommitted), forbid_commit():
			self.write("committed behind our back")
			frappe.db._conn.commit()
			self.write("and on")

	def test_savepoints_are_free_and_the_transaction_goes_on(self):
		with forbid_commit():
			self.write("kept")
			frappe.db.savepoint("within")
			self.write("undone")
			frappe.db.rollback(save_point="within")
			with forbid_commit():
				self.write("kept too", note=1)
		frappe.db.commit()
		self.assertEqual((self.content(0), self.content(1)), ("kept", "kept too"))

	def test_the_connection_is_as_before_afterwards(self):
		before = dict(frappe.db.__dict__)
		for body in (lambda: None, lambda: 1 / 0, lambda: frappe.db.commit()):
			with suppress(ZeroDivisionError, HandlerCommitted), forbid_commit():
				body()
			for name in ("commit", "rollback", "sql"):
				self.assertIs(frappe.db.__dict__.get(name), before.get(name))
		frappe.db.commit()

	def test_a_deadlock_that_the_handler_swallows_repeats_the_whole_transaction(self):
		with self.assertRaises(TransientDatabaseError), forbid_commit():
			self.write("lost", note=0)
			self.meet_in_a_deadlock()
			self.write("kept alone: half a step", note=0)
		frappe.db.rollback()
		self.assertEqual(self.content(), "before")

	def meet_in_a_deadlock(self):
		"""Lose against a heavier transaction that wants what we hold and holds what we want."""
		first, second = self.notes
		ready = threading.Event()
		other = frappe.local.db.get_connection()

		def be_the_other():
			cursor = other.cursor()
			cursor.execute("update `tabNote` set content = 'theirs' where name = %s", (second,))
			for number in range(50):
				cursor.execute(
					"insert into `tabNote` (name, creation, modified) values (%s, now(), now())",
					(f"{second}-{number}",),
				)
			ready.set()
			cursor.execute("select name from `tabNote` where name = %s for update", (first,))
			other.rollback()

		thread = threading.Thread(target=be_the_other)
		thread.start()
		self.addCleanup(other.close)
		self.addCleanup(thread.join)
		ready.wait(10)
		time.sleep(0.3)
		with self.assertRaises(frappe.QueryDeadlockError):
			frappe.db.sql("select name from `tabNote` where name = %s for update", (second,))
