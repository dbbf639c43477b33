"""What goes wrong on a site's database while runs are advanced: errors at every statement, handlers that
meddle with their transaction, and many at the same runs."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import frappe
import pymysql
from frappe.tests.utils import FrappeTestCase

from flow_engine.engine.errors import RunFinal
from flow_engine.engine.interventions import cancel_run
from flow_engine.engine.outcomes import Done
from flow_engine.engine.ports import NewRun
from flow_engine.engine.running import LEASE_SECONDS, advance_run
from flow_engine.frappe_host.tests import test_contract as on_site
from flow_engine.frappe_host.tests.people_for_tests import make_user
from flow_engine.testing.builders import step
from flow_engine.testing.contract.base import ContractBase

CODES = (1213, 1205, 1020, 2006, 2013)


class Statements:
	"""Counts statements that begin with `word` and lets one of them fail: before it runs, or too late."""

	def __init__(self, fails: int, code: int, word: str, after: bool) -> None:
		self.fails, self.code, self.word, self.after = fails, code, word, after
		self.count = 0
		self.failed = ""

	@contextmanager
	def watched(self) -> Iterator[None]:
		execute = frappe.db.sql

		def sql(query, *args, **kwargs):
			text = str(query).strip().lower()
			if text.startswith(("rollback", "start transaction")) or not text.startswith(self.word):
				return execute(query, *args, **kwargs)
			self.count += 1
			mine = self.count == self.fails
			if mine:
				self.failed = text[:60]
			if mine and not self.after:
				raise pymysql.err.OperationalError(self.code, "injected")
			result = execute(query, *args, **kwargs)
			if mine:
				raise pymysql.err.OperationalError(self.code, "injected, too late")
			return result

		frappe.db.sql = sql
		try:
			yield
		finally:
			del frappe.db.sql


class TestFaults(ContractBase, FrappeTestCase):
	user = "Administrator"
	# Not as a base or a name of this module: its own tests would be collected once more.
	make_host, publish = on_site.TestFrappeHost.make_host, on_site.TestFrappeHost.publish
	rows, set_row = on_site.TestFrappeHost.rows, on_site.TestFrappeHost.set_row
	pass_time = on_site.TestFrappeHost.pass_time
	remove_what_was_made = on_site.TestFrappeHost.remove_what_was_made

	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.switched = frappe.db.get_single_value("Flow Engine Settings", "disabled")
		cls.desk = make_user("faults-desk", "Support Team")
		on_site.switch(True)  # and commits the user, whom other connections act as

	@classmethod
	def tearDownClass(cls):
		frappe.delete_doc("User", cls.desk, force=True, ignore_permissions=True)
		on_site.switch(bool(cls.switched))
		super().tearDownClass()

	def setUp(self):
		self.templates: list[str] = []
		self.before = {"Issue": set(frappe.get_all("Issue", pluck="name"))}
		super().setUp()
		self.addCleanup(self.remove_what_was_made)

	# --- errors of the database -----------------------------------------------------------------------------

	def test_an_error_at_any_statement_is_survived_as_the_original_user(self):
		"""Every statement of a run once, each with one of the errors."""
		shift = random.randrange(len(CODES))
		print(f"shift {shift}")
		place = 0
		while self.survives(place := place + 1, CODES[(place + shift) % len(CODES)]):
			pass
		self.assertGreater(place, 50)

	def test_a_commit_whose_answer_is_lost_is_looked_at_and_not_assumed(self):
		place = 0
		while self.survives(place := place + 1, 2013, word="commit", after=True):
			pass
		self.assertGreater(place, 6)

	def survives(self, place: int, code: int, word: str = "", after: bool = False) -> bool:
		"""Is a run through whose `place`-th statement fails? False when it has no such statement."""
		faults = Statements(place, code, word, after)
		mark = f"{place} {code} {after}"
		run = self.a_run(mark)
		with faults.watched():
			self.drain(run)
		with self.subTest(place=place, code=code, statement=faults.failed):
			self.assertEqual(frappe.session.user, "Administrator")
			for _ in range(4):
				# A claim whose answer was lost waits for its lease, a call that was not made to be tried.
				if self.status(run) != "running":
					break
				self.pass_time(LEASE_SECONDS + 60)
				self.drain(run)
			self.assert_done(run)
			for name in ("one", "two"):
				found = frappe.get_all("Issue", {"subject": self.named(f"{name} {mark}")}, ["owner"])
				self.assertEqual([row.owner for row in found], [self.desk])
			self.assertEqual(self.ran.count("call"), 1)
			self.assertEqual({row.acting_user for row in self.log(run)}, {self.desk})
		return bool(faults.failed)

	def a_run(self, mark: str) -> str:
		self.ran.clear()
		self.on("one", self.issue_handler(f"one {mark}"))
		self.on("two", self.issue_handler(f"two {mark}"))
		return self.start(
			step("one", "t_db"),
			step("call", "t_call", after=["one"]),
			step("none", "t_none", after=["call"]),
			step("two", "t_db", after=["none"]),
			run_as=self.desk,
		)

	def test_a_connection_that_is_killed_in_a_step_is_made_again_and_the_step_repeated(self):
		def killed(ctx):
			ctx.documents.insert("Issue", {"subject": self.named("cut")})
			number = frappe.db.sql("select connection_id()")[0][0]
			frappe.db.sql(f"KILL CONNECTION {int(number)}")

		self.once("a", killed, self.issue_handler("cut"))
		run = self.start(step("a", "t_db"), step("b", "t_db", after=["a"]), run_as=self.desk)
		self.drain(run)
		self.assert_done(run)
		self.assertEqual((self.issues("cut"), self.ran), (1, ["a", "a", "b"]))

	# --- handlers -------------------------------------------------------------------------------------------

	def test_a_handler_that_meddles_with_its_transaction_leaves_nothing_behind(self):
		def swallowed(ctx):
			try:
				frappe.db.commit()
			except Exception:
				pass
			raise ValueError("after a commit it thinks it made")

		rows: list[tuple[str, Callable, str]] = [
			("commits", lambda ctx: frappe.db.commit(), "handler_committed"),
			("commits in SQL", lambda ctx: frappe.db.sql("commit"), "handler_committed"),
			("rolls back", lambda ctx: frappe.db.rollback(), "handler_committed"),
			(
				"changes the schema",
				lambda ctx: frappe.db.sql_ddl("create table `tabFlow Fault` (a int)"),
				"handler_committed",
			),
			("raises", lambda ctx: 1 / 0, "handler_error"),
			("hides its commit", swallowed, "handler_committed"),
			("breaks a rule of the database", lambda ctx: frappe.db.sql("select nonsense"), "handler_error"),
		]
		for name, meddle, code in rows:
			with self.subTest(name):
				self.on("a", self.issue_handler(name, meddle))
				run = self.start(step("a", "t_db"), step("b", "t_db", after=["a"]), run_as=self.desk)
				self.drain(run)
				self.assert_failed(run, "a", code)
				self.assertEqual(self.issues(name), 0)
				self.assertEqual(self.states(run)["b"], "pending")
				self.assertEqual(frappe.session.user, "Administrator")
		self.assertNotIn("tabFlow Fault", frappe.db.get_tables(cached=False))

	# --- many at once ---------------------------------------------------------------------------------------

	def test_claimers_producers_and_cancellers_do_not_get_in_each_others_way(self):
		published = self.published(step("a", "t_db"), step("b", "t_db", after=["a"]))
		seed = random.randrange(10**6)
		print(f"seed {seed}")
		runs: list[str] = []
		executed: Counter[str] = Counter()
		cancelled: set[str] = set()
		failures: list[str] = []
		produced = threading.Event()
		kinds = self.host.kinds
		site = frappe.local.site

		def handler(ctx):
			ctx.documents.insert("Issue", {"subject": self.named(f"{ctx.run['name']} {ctx.step_id}")})
			return Done()

		self.on("t_db", handler)

		def thread(work: Callable, number: int) -> threading.Thread:
			def body() -> None:
				frappe.init(site=site)
				frappe.connect()
				try:
					work(self.make_host(kinds), random.Random(f"{seed} {number}"))
				except BaseException as error:
					failures.append(f"{work.__name__}: {error!r}")
				finally:
					frappe.destroy()

			return threading.Thread(target=body)

		def produce(host, chance) -> None:
			for _ in range(15):
				new = NewRun(*published, "manual", run_as=self.user)
				runs.append(host.runs.transact(lambda new=new: host.runs.insert(new)))

		def claim(host, chance) -> None:
			idle = 0
			while not produced.is_set() or idle < 5:
				claims = host.runs.claim(chance.randint(1, 8), LEASE_SECONDS)
				idle = 0 if claims else idle + 1
				for one in claims:
					executed[one.run] += len(advance_run(host, one).executed)

		def cancel(host, chance) -> None:
			for _ in range(20):
				if runs:
					try:
						run = chance.choice(runs)
						cancel_run(host, run, "By chance.")
						cancelled.add(run)
					except RunFinal:
						pass

		producers = [thread(produce, n) for n in range(3)]
		others = [thread(claim, n + 3) for n in range(3)] + [thread(cancel, 6)]
		for one in producers + others:
			one.start()
		for one in producers:
			one.join()
		produced.set()
		for one in others:
			one.join()
		self.assertEqual(failures, [])
		self.assertEqual(len(runs), 45)
		for run in runs:
			many = [self.issues(f"{run} {step_id}") for step_id in ("a", "b")]
			if run in cancelled:
				self.assertEqual(self.status(run), "cancelled")
				self.assertTrue(all(n <= 1 for n in many), (run, many))
				self.assertEqual(sum(many), len([r for r in self.log(run) if r.state == "done"]))
			else:
				self.assert_done(run)
				self.assertEqual((many, executed[run]), ([1, 1], 2))
