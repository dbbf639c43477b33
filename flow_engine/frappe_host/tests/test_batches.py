"""A batch on a site's database: rows that others hold, handlers that meddle with the shared transaction, an
error at every statement of it, and how often it asks."""

from __future__ import annotations

from collections import Counter

import frappe
import pymysql
from frappe.tests.utils import FrappeTestCase

from flow_engine.engine.batch import Batch
from flow_engine.engine.outcomes import Done
from flow_engine.engine.running import LEASE_SECONDS
from flow_engine.frappe_host.tests import test_contract as on_site
from flow_engine.frappe_host.tests.other_connections import another_connection
from flow_engine.testing.builders import step
from flow_engine.testing.contract.base import ContractBase

CODES = (1213, 1205, 1020, 2013)


class TestBatches(ContractBase, FrappeTestCase):
	user = "Administrator"
	# Not as a base: its own tests would be collected once more.
	make_host, publish = on_site.TestFrappeHost.make_host, on_site.TestFrappeHost.publish
	rows, pass_time = on_site.TestFrappeHost.rows, on_site.TestFrappeHost.pass_time
	remove_what_was_made = on_site.TestFrappeHost.remove_what_was_made

	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.switched = frappe.db.get_single_value("Flow Engine Settings", "disabled")
		on_site.switch(True)

	@classmethod
	def tearDownClass(cls):
		on_site.switch(bool(cls.switched))
		super().tearDownClass()

	def setUp(self):
		self.templates: list[str] = []
		self.before = {}
		super().setUp()
		self.addCleanup(self.remove_what_was_made)

	def claimed(self, count: int) -> tuple[list[str], list]:
		published = self.published(step("a", "t_none"))
		runs = [self.start_again(published) for _ in range(count)]
		return runs, [self.claim(run) for run in runs]

	def advance(self, claims) -> None:
		batch = Batch(self.host, claims)
		while batch.waiting:
			batch.advance_some()

	def test_a_row_that_somebody_holds_is_not_waited_for(self):
		runs, claims = self.claimed(3)
		with another_connection(self) as other:
			other.sql("select name from `tabFlow Run` where name = %s for update", runs[0])
		batch = Batch(self.host, claims)
		ended = [turn.run for turn in batch.advance_some()]
		self.assertEqual(sorted(ended), sorted(runs[1:]))
		self.assertEqual([claim.run for claim in batch.waiting], [runs[0]])
		other.rollback()
		batch.advance_some()
		self.assert_done(runs[0])

	def test_what_others_have_locked_does_not_end_a_claim_while_more_is_due(self):
		published = self.published(step("a", "t_none"))
		mine = [self.start_again(published) for _ in range(4)]
		runs, due = self.host.runs, self.host.runs.due
		# Only these: the site may have others that are due.
		runs.due = lambda limit, only=None: [name for name in due(1_000, only) if name in mine][:limit]
		self.addCleanup(delattr, runs, "due")
		first, last = mine[:2], mine[2:]
		with another_connection(self) as other:
			# One by one: of a small table, a list of names would be searched, and locked, as a whole.
			for run in first:
				other.sql("select name from `tabFlow Run` where name = %s for update", run)
		self.assertEqual(sorted(claim.run for claim in runs.claim(2, LEASE_SECONDS)), sorted(last))
		self.assertEqual(runs.claim(2, LEASE_SECONDS), [])
		other.rollback()
		self.assertEqual(sorted(claim.run for claim in runs.claim(2, LEASE_SECONDS)), sorted(first))

	def test_a_handler_that_ends_the_shared_transaction_fails_its_own_run(self):
		def unseen_commit(ctx):
			if ctx.run["name"] == self.guilty:
				frappe.db._cursor.execute("commit")
			return Done()

		def seen_commit(ctx):
			if ctx.run["name"] == self.guilty:
				frappe.db.commit()
			return Done()

		for handler in (unseen_commit, seen_commit):
			with self.subTest(handler.__name__):
				runs, claims = self.claimed(3)
				self.guilty = runs[1]
				self.on("a", handler)
				self.advance(claims)
				self.assertEqual([self.status(run) for run in runs], ["completed", "failed", "completed"])
				self.assertEqual(self.state(runs[1], "a").error["code"], "handler_committed")
				self.assertEqual([len(self.log(run)) for run in runs], [1, 1, 1])

	def test_an_error_at_any_statement_costs_no_run_anything(self):
		place = 0
		while self.survives(place := place + 1, CODES[place % len(CODES)]):
			pass
		self.assertGreater(place, 7)

	def survives(self, place: int, code: int) -> bool:
		runs, claims = self.claimed(2)
		failed = []
		statements = Counter()
		execute = frappe.db.sql

		def sql(query, *args, **kwargs):
			if not str(query).strip().lower().startswith(("rollback", "start transaction")):
				statements["all"] += 1
				if statements["all"] == place:
					failed.append(str(query)[:60])
					raise pymysql.err.OperationalError(code, "injected")
			return execute(query, *args, **kwargs)

		frappe.db.sql = sql
		try:
			self.advance(claims)
		finally:
			frappe.db.__dict__.pop("sql", None)
		with self.subTest(place=place, code=code, statement=failed):
			for run in runs:
				if self.status(run) == "running":
					self.pass_time(LEASE_SECONDS + 5)
					self.drain(run)
				self.assert_done(run)
				self.assertEqual(len(self.log(run)), 1)
		return bool(failed)

	def test_the_database_is_asked_once_for_what_all_share(self):
		asked = Counter()
		runs, claims = self.claimed(5)
		execute = frappe.db.sql

		def sql(query, *args, **kwargs):
			words = str(query).split()
			asked[f"{words[0]} {'tabUser' if 'tabUser' in str(query) else ''}".strip().upper()] += 1
			asked["all"] += 1
			return execute(query, *args, **kwargs)

		frappe.db.sql = sql
		try:
			self.advance(claims)
		finally:
			frappe.db.__dict__.pop("sql", None)
		for run in runs:
			self.assert_done(run)
		# Of each run its own update; the lock, the time, the user, the log, the trail and the commit are
		# everybody's.
		# The published version is read by a process once.
		self.assertEqual((asked["UPDATE"], asked["SELECT TABUSER"], asked["INSERT"]), (5, 1, 2), asked)
		self.assertLessEqual(asked["all"] - asked["UPDATE"], 11, asked)
