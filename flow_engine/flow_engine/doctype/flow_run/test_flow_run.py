from contextlib import contextmanager
from unittest.mock import patch

import frappe
from frappe.tests.utils import FrappeTestCase
from frappe.utils import add_days, now_datetime

from flow_engine.api.connections import touching
from flow_engine.flow_engine.doctype.flow_run import flow_run as runs
from flow_engine.flow_engine.doctype.flow_run.flow_run import FlowRun, FlowRunIsReadOnly
from flow_engine.frappe_host import old_results
from flow_engine.frappe_host.names import SEQUENCES, next_name
from flow_engine.install import create_sequences

test_ignore = ["Customer", "Flow Template", "User", "DocType", "Flow Run"]

USER = "flow.user@example.com"
MANAGER = "flow.manager@example.com"
STRANGER = "flow.stranger@example.com"


def make_user(email: str, *roles: str) -> None:
	if not frappe.db.exists("User", email):
		user = {"doctype": "User", "email": email, "first_name": email.split("@")[0], "send_welcome_email": 0}
		frappe.get_doc(user).insert()
	frappe.get_doc("User", email).add_roles(*roles)


def make_run(context: tuple[str, str] | None = None, wrote: tuple[str, str] | None = None, **values) -> str:
	doctype, docname = context or (None, None)
	run = frappe.get_doc(
		{
			"doctype": "Flow Run",
			"status": "running",
			"trigger_event": "manual",
			"context_doctype": doctype,
			"context_docname": docname,
			"variables": '{"pin": "1234"}',
			"error_message": "no card",
			**values,
		}
	)
	run.name = next_name("Flow Run")
	run.db_insert()
	if wrote:
		row = {"doctype": "Flow Run Document", "parent": run.name, "parenttype": "Flow Run"}
		written = {"parentfield": "documents", "reference_doctype": wrote[0], "reference_name": wrote[1]}
		frappe.get_doc({**row, **written, "step_id": "s1", "change": "updated"}).db_insert()
	for doctype, name in (
		("Flow Step Log", f"{run.name}.1"),
		("Flow Step Pending", next_name("Flow Step Pending")),
	):
		record = frappe.get_doc({"doctype": doctype, "flow_run": run.name, "step_id": "s1", "result": "{}"})
		record.name = name
		record.db_insert()
	return run.name


def remove_runs(runs: list[str]) -> None:
	for doctype in ("Flow Step Log", "Flow Step Pending"):
		frappe.db.delete(doctype, {"flow_run": ("in", runs)})
	frappe.db.delete("Flow Run", {"name": ("in", runs)})
	frappe.db.commit()  # what was committed has to go by a commit as well


def make_note(title: str, **values) -> str:
	return frappe.get_doc({"doctype": "Note", "title": title, **values}).insert().name


class TestNames(FrappeTestCase):
	"""Creating a sequence commits, so nothing else happens in these tests."""

	def test_names_are_unique_and_look_like_a_series(self):
		for doctype, (_sequence, prefix) in SEQUENCES.items():
			with self.subTest(doctype=doctype):
				names = [next_name(doctype) for _number in range(5)]
				self.assertEqual(len(set(names)), 5)
				self.assertRegex(names[0], rf"^{prefix}-\d{{5,}}$")

	def test_a_name_taken_in_an_open_transaction_holds_up_nobody(self):
		"""A counter row would be locked here until commit, and the second connection would wait for it."""
		with self.primary_connection():
			first = next_name("Flow Run")
		with self.secondary_connection():
			frappe.db.sql("set innodb_lock_wait_timeout = 1, lock_wait_timeout = 1")
			second = next_name("Flow Run")
			frappe.db.rollback()
		with self.primary_connection():
			self.assertNotEqual(first, second)

	def test_creating_sequences_again_never_gives_a_name_twice(self):
		given = next_name("Flow Run")
		create_sequences()
		self.assertNotEqual(next_name("Flow Run"), given)

	def test_a_lost_sequence_starts_after_the_names_in_use(self):
		frappe.db.commit()  # what follows commits; nothing of other tests must go with it
		run = make_run()
		self.addCleanup(remove_runs, [run])
		frappe.db.commit()  # the next statement would commit it in any case
		frappe.db.sql_ddl("DROP SEQUENCE flow_run_seq")
		create_sequences()
		self.assertGreater(int(next_name("Flow Run").split("-")[1]), int(run.split("-")[1]))


class TestFlowRun(FrappeTestCase):
	def setUp(self):
		frappe.set_user("Administrator")
		make_user(USER, "Flow User")
		make_user(MANAGER, "Flow Manager")

	def tearDown(self):
		frappe.set_user("Administrator")

	def seen_by(self, user: str, doctype: str = "Flow Run", field: str = "name") -> set[str]:
		frappe.set_user(user)
		seen = set(frappe.get_list(doctype, pluck=field, limit_page_length=0))
		frappe.set_user("Administrator")
		return seen

	def test_trigger_keys_that_differ_in_case_are_different(self):
		make_run(trigger_key="api:FT-00001:AbC")
		make_run(trigger_key="api:FT-00001:abc")
		with self.assertRaises((frappe.UniqueValidationError, frappe.DuplicateEntryError)):
			make_run(trigger_key="api:FT-00001:abc")

	def test_runs_without_a_trigger_key_do_not_meet(self):
		make_run(trigger_key="")
		make_run(trigger_key=None)

	def test_nobody_edits_a_run_in_the_desk(self):
		run = frappe.get_doc("Flow Run", make_run())
		run.status = "completed"
		self.assertRaises(FlowRunIsReadOnly, run.save)
		self.assertRaises(FlowRunIsReadOnly, frappe.get_doc({"doctype": "Flow Run"}).insert)

	def test_a_running_run_is_not_deleted(self):
		self.assertRaises(FlowRunIsReadOnly, frappe.delete_doc, "Flow Run", make_run())

	def test_an_ended_run_goes_with_its_records(self):
		run = make_run(status="completed")
		job = frappe.get_doc({"doctype": "Dispatch Job", "subject": "x", "flow_run": run}).insert()
		frappe.delete_doc("Flow Run", run)
		for doctype in ("Flow Step Log", "Flow Step Pending"):
			self.assertFalse(frappe.db.exists(doctype, {"flow_run": run}))
		job.reload()
		self.assertIsNone(job.flow_run)
		job.save()

	def test_a_flow_user_sees_the_runs_of_documents_they_may_read(self):
		public, private = make_note("Flow public", public=1), make_note("Flow private")
		mine, others = make_run(("Note", public)), make_run(("Note", private))
		without = make_run()
		seen = self.seen_by(USER)
		self.assertIn(mine, seen)
		self.assertTrue(seen.isdisjoint({others, without}))
		self.assertLessEqual({mine, others, without}, self.seen_by(MANAGER))

	def test_lists_of_steps_follow_their_runs(self):
		mine = make_run(("Note", make_note("Flow public steps", public=1)))
		others = make_run(("Note", make_note("Flow private steps")))
		for doctype in ("Flow Step Log", "Flow Step Pending"):
			with self.subTest(doctype=doctype):
				seen = self.seen_by(USER, doctype, "flow_run")
				self.assertIn(mine, seen)
				self.assertNotIn(others, seen)
				self.assertLessEqual({mine, others}, self.seen_by(MANAGER, doctype, "flow_run"))

	def test_a_form_opens_exactly_when_the_list_shows_it(self):
		runs = [
			make_run(("Note", make_note("Flow public form", public=1))),
			make_run(("Note", make_note("Flow private form"))),
			make_run(("User", USER)),
			make_run(("Flow Engine Settings", "Flow Engine Settings")),
			make_run(("No Such DocType", "x")),
			make_run(("Note", "Flow note that is gone")),
			make_run(("Flow Run", make_run())),
			make_run(),
		]
		seen = self.seen_by(USER)
		for run in runs:
			with self.subTest(run=run):
				opens = frappe.has_permission("Flow Run", "read", doc=run, user=USER)
				self.assertEqual(bool(opens), run in seen)

	def test_user_permissions_narrow_the_runs(self):
		make_user(USER, "Blogger")
		allowed, hidden = (self.make_category(title) for title in ("flow-allowed", "flow-hidden"))
		mine, others = make_run(("Blog Category", allowed)), make_run(("Blog Category", hidden))
		permission = {
			"doctype": "User Permission",
			"user": USER,
			"allow": "Blog Category",
			"for_value": allowed,
		}
		before = self.seen_by(USER)
		frappe.get_doc(permission).insert()
		after = self.seen_by(USER)
		self.assertLessEqual({mine, others}, before)
		self.assertIn(mine, after)
		self.assertNotIn(others, after)

	def make_category(self, title: str) -> str:
		return (
			frappe.get_doc({"doctype": "Blog Category", "title": title}).insert(ignore_if_duplicate=True).name
		)

	def test_a_hostile_name_stays_a_value(self):
		title = "x') or 1=1 -- "
		run = make_run(("Note", make_note(title)))
		doctype = make_run(("Note' or '1'='1", "x"))
		self.assertTrue(self.seen_by(USER).isdisjoint({run, doctype}))

	def test_who_has_no_flow_role_sees_nothing(self):
		make_user(STRANGER, "Blogger")
		make_run(("Note", make_note("Flow public stranger", public=1)))
		frappe.set_user(STRANGER)
		self.assertRaises(frappe.PermissionError, frappe.get_list, "Flow Run")

	def test_values_stay_out_of_lists(self):
		run = make_run(("Note", make_note("Flow public values", public=1)))
		for user, hidden in ((USER, ("variables", "error_message")), (MANAGER, ("variables",))):
			with self.subTest(user=user):
				frappe.set_user(user)
				row = frappe.get_list("Flow Run", filters={"name": run}, fields=["*"])[0]
				for field in hidden:
					self.assertIsNone(row.get(field))
				frappe.set_user("Administrator")

	def test_a_document_is_deleted_in_spite_of_its_runs(self):
		note = make_note("Flow deleted")
		run = make_run(("Note", note), wrote=("Note", note))
		frappe.delete_doc("Note", note)
		self.assertTrue(frappe.db.exists("Flow Run", run))

	def test_connections_count_runs_about_a_document_and_runs_that_wrote_it(self):
		note, other = make_note("Flow connected", public=1), make_note("Flow other", public=1)
		about, wrote = (
			make_run(("Note", note)),
			make_run(("Note", other), wrote=("Note", note), status="completed"),
		)
		hidden = make_run(("Note", make_note("Flow unseen")), wrote=("Note", note))
		make_run(("Note", other))
		found = touching("Note", note)
		self.assertEqual(set(found["runs"]), {about, wrote, hidden})
		self.assertEqual(found["running"], 2)
		frappe.set_user(USER)
		self.assertEqual(set(touching("Note", note)["runs"]), {about, wrote})

	def test_connections_of_a_document_one_may_not_read_are_refused(self):
		note = make_note("Flow refused")
		frappe.set_user(USER)
		self.assertRaises(frappe.PermissionError, touching, "Note", note)


class TestRetention(FrappeTestCase):
	"""Clearing commits, so these tests tidy up after themselves."""

	def setUp(self):
		frappe.set_user("Administrator")
		self.old, self.recent = add_days(now_datetime(), -4000), add_days(now_datetime(), -3000)
		self.made = []
		self.addCleanup(self.tidy)
		bookmark = patch.object(old_results, "BOOKMARK", f"flow_engine_test_{frappe.generate_hash(length=8)}")
		bookmark.start()
		self.addCleanup(bookmark.stop)
		self.addCleanup(lambda: frappe.defaults.clear_default(old_results.BOOKMARK))

	def make(self, **values) -> str:
		self.made.append(make_run(**values))
		return self.made[-1]

	def tidy(self):
		remove_runs(self.made)

	def test_only_old_ended_runs_are_cleared(self):
		gone = [
			self.make(status=status, completed_at=self.old) for status in ("completed", "failed", "cancelled")
		]
		kept = [
			self.make(status="running", started_at=self.old),
			self.make(status="completed", completed_at=self.recent),
		]
		FlowRun.clear_old_logs(3500)
		for run in gone:
			self.assertFalse(frappe.db.exists("Flow Run", run))
			self.assertFalse(frappe.db.exists("Flow Step Log", {"flow_run": run}))
		for run in kept:
			self.assertTrue(frappe.db.exists("Flow Run", run))
			self.assertTrue(frappe.db.exists("Flow Step Log", {"flow_run": run}))

	def test_a_run_waits_for_its_children(self):
		parent = self.make(status="completed", completed_at=self.old)
		child = self.make(status="running", parent_run=parent)
		FlowRun.clear_old_logs(3500)
		self.assertTrue(frappe.db.exists("Flow Run", parent))
		frappe.db.set_value("Flow Run", child, {"status": "completed", "completed_at": self.old})
		FlowRun.clear_old_logs(3500)
		self.assertFalse(frappe.db.exists("Flow Run", {"name": ("in", [parent, child])}))

	def test_results_can_go_before_their_run(self):
		frappe.db.set_single_value("Flow Engine Settings", "result_retention_days", 2500)
		self.addCleanup(frappe.db.set_single_value, "Flow Engine Settings", "result_retention_days", 0)
		ended = self.make(status="completed", completed_at=self.recent)
		running = self.make(status="running", started_at=self.old)
		FlowRun.clear_old_logs(3500)
		self.assertIsNone(frappe.db.get_value("Flow Step Log", {"flow_run": ended}, "result"))
		self.assertEqual(frappe.db.get_value("Flow Step Log", {"flow_run": running}, "result"), "{}")

	def test_a_long_history_goes_in_small_transactions_and_one_that_was_killed_goes_on(self):
		gone = [self.make(status="completed", completed_at=self.old) for _ in range(35)]
		kept = [self.make(status="running", started_at=self.old) for _ in range(3)]
		frappe.db.commit()  # what is cleared was committed by somebody else
		with patch.object(runs, "BATCH", 10), transactions(killed_after=2) as sizes:
			with self.assertRaises(Killed):
				FlowRun.clear_old_logs(3500)
		frappe.db.rollback()
		self.assertEqual(frappe.db.count("Flow Run", {"name": ("in", gone)}), 15)
		with patch.object(runs, "BATCH", 10), transactions() as sizes:
			FlowRun.clear_old_logs(3500)
		self.assertEqual(sizes[:2], [10, 5])
		self.assertEqual(frappe.db.count("Flow Run", {"name": ("in", gone)}), 0)
		self.assertEqual(frappe.db.count("Flow Step Log", {"flow_run": ("in", gone)}), 0)
		self.assertEqual(frappe.db.count("Flow Step Log", {"flow_run": ("in", kept)}), 3)

	def test_results_are_cleared_once_and_not_looked_for_again(self):
		frappe.db.set_single_value("Flow Engine Settings", "result_retention_days", 2500)
		self.addCleanup(frappe.db.set_single_value, "Flow Engine Settings", "result_retention_days", 0)
		ended = [self.make(status=status, completed_at=self.recent) for status in ("completed", "failed") * 4]
		frappe.db.commit()  # what is cleared was committed by somebody else
		with patch.object(old_results, "BATCH", 3), transactions(word="update `tabflow step log`") as sizes:
			FlowRun.clear_old_logs(3500)
		self.assertLessEqual(max(sizes), 3)
		self.assertEqual(sum(sizes), len(ended))
		later = self.make(status="failed", completed_at=add_days(self.recent, 1))
		frappe.db.commit()  # as above
		with transactions(word="update `tabflow step log`") as sizes:
			FlowRun.clear_old_logs(3500)
		self.assertEqual(sum(sizes), 1)
		for run in [*ended, later]:
			self.assertIsNone(frappe.db.get_value("Flow Step Log", {"flow_run": run}, "result"))


class Killed(BaseException):
	pass


@contextmanager
def transactions(killed_after: int = 0, word: str = "delete from `tabflow run` "):
	"""How many rows statements that begin with `word` changed, transaction by transaction."""
	sizes, changed = [], [0]
	execute, commit = frappe.db.sql, frappe.db.commit

	def sql(query, *args, **kwargs):
		result = execute(query, *args, **kwargs)
		if str(query).strip().lower().startswith(word):
			changed[0] += frappe.db._cursor.rowcount
		return result

	def counted():
		commit()
		sizes.append(changed[0])
		changed[0] = 0
		if len(sizes) == killed_after:
			raise Killed

	with patch.object(frappe.db, "sql", sql), patch.object(frappe.db, "commit", counted):
		yield sizes
