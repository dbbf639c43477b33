"""No question that is asked every minute, at every step or at every look reads a whole table of the engine.

The site is given a few thousand runs that have ended, so that the database has a choice; then every statement
of each question is explained.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import frappe
from frappe.tests.utils import FrappeTestCase

from flow_engine.api import connections
from flow_engine.api import runs as runs_api
from flow_engine.engine.draining import start_run
from flow_engine.engine.ports import NewRun
from flow_engine.frappe_host import doctor, jobs
from flow_engine.frappe_host import tick as ticking
from flow_engine.frappe_host.host import get_host
from flow_engine.frappe_host.parts import Parts
from flow_engine.frappe_host.tests import test_contract as on_site
from flow_engine.frappe_host.tests.people_for_tests import make_user
from flow_engine.testing.builders import flow, step

RUNS = 6_000
TABLES = ("Flow Run", "Flow Step Log", "Flow Step Pending", "Flow Delivery", "Flow Audit Event")
# A question may read this many of the rows that it sorts or counts: a page, a flow's share of what is due.
ROWS = RUNS // 10


class TestLongHistory(FrappeTestCase):
	user = "Administrator"
	# Not as a base: its own tests would be collected once more.
	publish = on_site.TestFrappeHost.publish
	remove_what_was_made = on_site.TestFrappeHost.remove_what_was_made

	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.switched = frappe.db.get_single_value("Flow Engine Settings", "disabled")
		cls.addClassCleanup(cls.remove_history)
		on_site.switch(True)
		for table, statement in HISTORY:
			frappe.db.sql(statement.format(runs=RUNS))
			frappe.db.sql(f"analyze table `tab{table}`")
		frappe.db.commit()  # the questions are asked in transactions of their own

	@classmethod
	def remove_history(cls):
		frappe.db.rollback()
		for table in TABLES:
			frappe.db.sql(f"delete from `tab{table}` where name like 'LONG-%'")
		on_site.switch(bool(cls.switched))

	def setUp(self):
		self.templates: list[str] = []
		self.before = {"Issue": set(frappe.get_all("Issue", pluck="name"))}
		self.addCleanup(self.remove_what_was_made)
		self.addCleanup(frappe.set_user, "Administrator")
		hints = patch.object(jobs, "send_hint")
		hints.start()
		self.addCleanup(hints.stop)
		for module in (ticking, jobs):
			on = patch.object(module, "is_disabled", return_value=False)
			on.start()
			self.addCleanup(on.stop)
		queue = patch.object(ticking, "send_drains", return_value=0)
		queue.start()
		self.addCleanup(queue.stop)
		self.issue = frappe.get_doc({"doctype": "Issue", "subject": "Long history"}).insert().name
		template, version = self.publish(flow(step("a")), f"Long {frappe.generate_hash(length=8)}")
		self.template = template
		new = NewRun(template, version, "manual", "Issue", self.issue, run_as="Administrator")
		self.runs = [get_host().runs.transact(lambda: start_run(get_host(), new)) for _ in range(3)]

	# --- what is asked ------------------------------------------------------------------------------------

	def test_what_workers_and_ticks_ask(self):
		self.ask("tick", lambda: ticking.make_tick(Parts()))
		self.ask("reconciler", ticking.reconcile_runs)
		self.ask("drain", jobs.drain)
		self.ask("doctor", doctor.examine)

	def test_what_operators_ask(self):
		flow_user = make_user("long-history", "Flow User", "Support Team")
		for user in ("Administrator", flow_user):
			frappe.set_user(user)
			for doctype in TABLES[:4]:
				self.ask(f"list of {doctype}, {user}", self.listed(doctype))
			for filters in (
				{"status": "completed"},
				{"status": "failed"},
				{"status": "running"},
				{"sla_status": "overdue"},
				{"flow_template": "LONG-T3"},
				{"customer": "LONG-C7"},
				{"context_doctype": "Issue", "context_docname": self.issue},
			):
				self.ask(f"list of runs, {filters}, {user}", self.listed("Flow Run", **filters))
			self.ask(f"list of logs of a run, {user}", self.listed("Flow Step Log", flow_run=self.runs[0]))
			self.ask(f"run page, {user}", lambda: runs_api.get(run=self.runs[0]))
			self.ask(f"form, {user}", lambda: frappe.get_doc("Flow Run", self.runs[0]))
			self.ask(f"connections, {user}", lambda: connections.touching("Issue", self.issue))
			self.ask(f"runs.list, {user}", lambda: runs_api.list())
		frappe.set_user("Administrator")
		self.ask("audit trail", self.listed("Flow Audit Event"))

	def listed(self, doctype: str, **filters: Any) -> Callable[[], Any]:
		meta = frappe.get_meta(doctype)
		return lambda: frappe.get_list(
			doctype,
			filters=filters,
			fields=["name", "creation"],
			order_by=f"`tab{doctype}`.`{meta.sort_field}` {meta.sort_order}",
			limit_page_length=20,
		)

	# --- how it is answered -------------------------------------------------------------------------------

	def ask(self, name: str, question: Callable[[], Any]) -> None:
		statements: set[str] = set()
		execute = frappe.db.sql

		def sql(query, *args, **kwargs):
			result = execute(query, *args, **kwargs)
			done = frappe.db._cursor._executed
			statements.add(done.decode() if isinstance(done, bytes) else done)
			return result

		with patch.object(frappe.db, "sql", sql):
			question()
		frappe.db.rollback()
		asked = [text for text in statements if any(f"`tab{table}`" in text for table in TABLES)]
		self.assertTrue(asked, name)
		for text in asked:
			if text.split(None, 1)[0].lower() not in ("select", "update", "delete"):
				continue
			plan = json.loads(execute(f"explain format=json {text}")[0][0])
			for table, found in whole_reads(plan, limited=" limit " in text.lower()):
				self.fail(f"{name} reads {found} of {table}:\n{text}\n{json.dumps(plan, indent=1)}")


def whole_reads(plan: Any, limited: bool, sorts: bool = False) -> Iterator[tuple[str, str]]:
	"""Tables that are read from end to end, or sorted in good part."""
	if isinstance(plan, list):
		for part in plan:
			yield from whole_reads(part, limited, sorts)
	if not isinstance(plan, dict):
		return
	for key, part in plan.items():
		own = key == "table" and isinstance(part, dict) and not part["table_name"].startswith("<")
		if own and part.get("rows", 0) > ROWS:
			kind = part.get("access_type")
			if kind == "ALL" or (kind == "index" and not limited):
				yield part["table_name"], f"all ({kind})"
			elif sorts:
				yield part["table_name"], f"and sorts {part['rows']} rows ({kind} {part.get('key')})"
		yield from whole_reads(part, limited, sorts or "sort" in key)


HISTORY = (
	(
		"Flow Run",
		"""
		insert into `tabFlow Run` (name, creation, modified, owner, modified_by, flow_template,
			template_version, status, trigger_event, context_doctype, context_docname, customer, variables,
			trigger_data, step_state, failed_steps, admitted, concurrency, run_as, root_run, started_at,
			completed_at)
		select concat('LONG-', seq), at, at, 'Administrator', 'Administrator', concat('LONG-T', seq % 20), 1,
			if(seq % 5 = 0, 'failed', 'completed'), 'manual', 'Issue', concat('LONG-', seq),
			concat('LONG-C', seq % 50), '{{}}', '{{}}', '{{}}', 0, 1, 'allow', 'Administrator',
			concat('LONG-', seq), at, at
		from (
			select seq, cast('2024-01-01' as datetime) + interval seq minute as at from seq_1_to_{runs}
		) made
		""",
	),
	(
		"Flow Step Log",
		"""
		insert into `tabFlow Step Log` (name, creation, modified, owner, modified_by, flow_run, step_id,
			label, kind, iteration, attempt, state, seq, started, finished)
		select concat('LONG-', seq), at, at, 'Administrator', 'Administrator', concat('LONG-', seq), 's1',
			'Step', 'wait', 0, 1, 'done', 1, at, at
		from (
			select seq, cast('2024-01-01' as datetime) + interval seq minute as at from seq_1_to_{runs}
		) made
		""",
	),
	(
		"Flow Step Pending",
		"""
		insert into `tabFlow Step Pending` (name, creation, modified, owner, modified_by, flow_run, step_id,
			purpose, status, trigger_at)
		select concat('LONG-', seq), at, at, 'Administrator', 'Administrator', concat('LONG-', seq), 's1',
			'delay', 'completed', at
		from (
			select seq, cast('2024-01-01' as datetime) + interval seq minute as at from seq_1_to_{runs}
		) made
		""",
	),
	(
		"Flow Delivery",
		"""
		insert into `tabFlow Delivery` (name, creation, modified, owner, modified_by, event, status, url,
			destination, reference_doctype, reference_name)
		select concat('LONG-', seq), at, at, 'Administrator', 'Administrator', 'job.opened', 'delivered',
			'https://a.example', 'a.example', 'Dispatch Job', concat('LONG-', seq)
		from (
			select seq, cast('2024-01-01' as datetime) + interval seq minute as at from seq_1_to_{runs}
		) made
		""",
	),
	(
		"Flow Audit Event",
		"""
		insert into `tabFlow Audit Event` (name, creation, modified, owner, modified_by, event_type, user,
			flow_template, happened_at)
		select concat('LONG-', seq), at, at, 'Administrator', 'Administrator', 'run.cancelled',
			'Administrator', concat('LONG-T', seq % 20), at
		from (
			select seq, cast('2024-01-01' as datetime) + interval seq minute as at from seq_1_to_{runs}
		) made
		""",
	),
)
