"""What a long history costs: the same questions to a site with next to no runs behind it, and with a million.

Run by the bench's own Python, takes `{"site", "rounds", "runs"}` as JSON, prints the samples as JSON. The
history is written straight into the tables, five log rows to a run, and removed again: minutes, both.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from time import perf_counter
from typing import Any

import frappe

PREFIX = "HIST-"
PAGE = 50_000
LOGS = 5
TITLE = "Benchmark of history"
USER = "history-benchmark@flow-tests.example.com"
DUE = 60


class Site:
	"""A flow, a run of it to look at, a document, and somebody who sees only some runs."""

	def __init__(self) -> None:
		if not frappe.db.exists("User", USER):
			user = frappe.new_doc("User")
			user.update({"email": USER, "first_name": "History", "send_welcome_email": 0})
			user.flags.no_welcome_mail = True
			user.insert()
			user.add_roles("Flow User", "Support Team")
		self.issue = frappe.get_doc({"doctype": "Issue", "subject": TITLE}).insert().name
		step = {
			"id": "s1",
			"kind": "wait",
			"label": "Wait",
			"trigger": {"type": "on_flow_start"},
			"payload": {},
			"parent_id": None,
			"branch": None,
			"depends_on": [],
		}
		definition = {
			"version": 1,
			"trigger": {"event": "manual", "condition": ""},
			"variables": {},
			"steps": [step],
		}
		template = frappe.get_doc(
			{
				"doctype": "Flow Template",
				"template_name": f"{TITLE} {frappe.generate_hash(length=8)}",
				"category": "other",
				"flow_definition": json.dumps(definition),
				"is_active": 1,
			}
		).insert()
		self.template = template.name
		frappe.db.commit()  # runs are advanced in transactions of their own
		self.run = self.start()
		self.work_off()

	def start(self) -> str:
		from flow_engine.engine.ports import NewRun
		from flow_engine.frappe_host.host import get_host

		new = NewRun(self.template, 1, "manual", "Issue", self.issue, run_as="Administrator")
		runs = get_host().runs
		return runs.transact(lambda: runs.insert(new))

	def work_off(self) -> None:
		from flow_engine.engine.draining import drain
		from flow_engine.frappe_host.host import get_host

		drain(get_host(), 60)

	def questions(self) -> dict[str, Callable[[], Any]]:
		"""What is asked every minute, at every look of an operator, and at every step."""
		from flow_engine.api import connections, runs
		from flow_engine.frappe_host import doctor
		from flow_engine.frappe_host.host import get_host
		from flow_engine.frappe_host.parts import Parts
		from flow_engine.frappe_host.tick import make_tick, reconcile_runs

		def claim_and_give_back() -> None:
			claims = get_host().runs.claim(50, 60)
			assert claims
			get_host().runs.give_back(claims)

		def listed(doctype: str = "Flow Run", **filters: Any) -> Callable[[], Any]:
			def ask() -> None:
				frappe.local.form_dict = frappe._dict(
					doctype=doctype,
					fields=json.dumps([f"`tab{doctype}`.`name`", f"`tab{doctype}`.`creation`"]),
					filters=json.dumps([[doctype, name, "=", value] for name, value in filters.items()]),
					order_by=_order(doctype),
					start=0,
					page_length=20,
					view="List",
				)
				frappe.get_attr("frappe.desk.reportview.get")()

			return ask

		def as_user(ask: Callable[[], Any]) -> Callable[[], Any]:
			def asked() -> None:
				frappe.set_user(USER)
				try:
					ask()
				finally:
					frappe.set_user("Administrator")

			return asked

		return {
			"tick": lambda: make_tick(Parts()),
			"reconciler": reconcile_runs,
			"claim of 50": claim_and_give_back,
			"list of runs": listed(),
			"list of runs, failed": listed(status="failed"),
			"list of runs, running": listed(status="running"),
			"list of runs of a flow": listed(flow_template=self.template),
			"list of runs of a customer": listed(customer="HIST-C7"),
			"list of runs, Flow User": as_user(listed()),
			"list of runs, failed, Flow User": as_user(listed(status="failed")),
			"list of step logs": listed("Flow Step Log"),
			"list of pending steps": listed("Flow Step Pending"),
			"run page": lambda: runs.get(run=self.run),
			"runs.list": lambda: runs.list(),
			"connections of a document": lambda: connections.touching("Issue", self.issue),
			"doctor": doctor.examine,
		}


def _order(doctype: str) -> str:
	meta = frappe.get_meta(doctype)
	return f"`tab{doctype}`.`{meta.sort_field}` {meta.sort_order}"


def ask(site: Site, rounds: int) -> dict[str, list[float]]:
	"""Seconds of each answer; each in a transaction of its own, the caches warm."""
	due = [site.start() for _ in range(DUE)]
	samples: dict[str, list[float]] = {}
	for name, question in site.questions().items():
		samples[name] = []
		for number in range(rounds + 1):
			frappe.db.rollback()
			began = perf_counter()
			question()
			if number:
				samples[name].append(perf_counter() - began)
	frappe.db.rollback()
	site.work_off()
	frappe.db.delete("Flow Step Log", {"flow_run": ("in", due)})
	frappe.db.delete("Flow Run", {"name": ("in", due)})
	frappe.db.commit()  # the same state for both times
	return samples


def fill(runs: int) -> None:
	for first in range(1, runs + 1, PAGE):
		last = min(first + PAGE - 1, runs)
		frappe.db.sql(RUNS.format(first=first, last=last))
		for number in range(1, LOGS + 1):
			frappe.db.sql(LOG_ROWS.format(first=first, last=last, number=number))
		frappe.db.commit()  # no transaction of a million rows
	for doctype in ("Flow Run", "Flow Step Log"):
		frappe.db.sql(f"analyze table `tab{doctype}`")
	frappe.db.commit()


def empty() -> None:
	for doctype in ("Flow Step Log", "Flow Run"):
		while True:
			frappe.db.sql(f"delete from `tab{doctype}` where name like '{PREFIX}%' limit {PAGE}")
			gone = frappe.db._cursor.rowcount
			frappe.db.commit()
			if not gone:
				break


# Twenty flows, five thousand customers; one in twenty has failed, one in a thousand waits since then.
RUNS = """
insert into `tabFlow Run` (name, creation, modified, owner, modified_by, docstatus, idx, flow_template,
	template_version, status, trigger_event, context_doctype, context_docname, customer, variables,
	trigger_data, step_state, state_seq, log_seq, revision, attempts, failed_steps, admitted, concurrency,
	run_as, root_run, depth, started_at, completed_at, wake_at)
select concat('HIST-', seq), at, at, 'Administrator', 'Administrator', 0, 0, concat('HIST-T', seq % 20),
	1, case when seq % 1000 = 0 then 'running' when seq % 20 = 0 then 'failed' else 'completed' end,
	'doc_event', elt(1 + seq % 3, 'Issue', 'ToDo', 'Contract'), concat('HIST-D', seq % 200000),
	concat('HIST-C', seq % 5000), '{{}}', '{{}}', repeat('x', 400), 5, 5, 0, 0, seq % 20 = 0, 1, 'allow',
	'Administrator', concat('HIST-', seq), 0, at, if(seq % 1000 = 0, null, at),
	if(seq % 1000 = 0, utc_timestamp() + interval 30 day, null)
from (
	select seq, cast('2024-01-01' as datetime) + interval seq * 30 second as at from seq_{first}_to_{last}
) made
"""

LOG_ROWS = """
insert into `tabFlow Step Log` (name, creation, modified, owner, modified_by, docstatus, idx, flow_run,
	step_id, label, kind, iteration, attempt, state, seq, started, finished, acting_user, result)
select concat('HIST-', seq, '.{number}'), at, at, 'Administrator', 'Administrator', 0, 0,
	concat('HIST-', seq), 's{number}', 'Step', 'issue', 0, 1, 'done', {number}, at, at, 'Administrator',
	'{{"name": "ISS-1"}}'
from (
	select seq, cast('2024-01-01' as datetime) + interval seq * 30 second as at from seq_{first}_to_{last}
) made
"""


def remove() -> None:
	frappe.db.rollback()
	frappe.set_user("Administrator")
	empty()
	for name in frappe.get_all("Flow Template", {"template_name": ("like", f"{TITLE} %")}, pluck="name"):
		runs = frappe.get_all("Flow Run", {"flow_template": name}, pluck="name")
		frappe.db.delete("Flow Step Log", {"flow_run": ("in", runs or [""])})
		for table in ("Flow Run", "Flow Template Version", "Flow Audit Event"):
			frappe.db.delete(table, {"flow_template": name})
		frappe.db.delete("Flow Template", {"name": name})
	frappe.db.delete("Issue", {"subject": TITLE})
	if frappe.db.exists("User", USER):
		frappe.delete_doc("User", USER, force=True, ignore_permissions=True)
	frappe.db.commit()  # the site is left as it was found


def main(site: str, rounds: int, runs: int) -> None:
	frappe.init(site=site)
	frappe.connect()
	frappe.set_user("Administrator")
	frappe.local.request = None
	try:
		remove()
		asked = Site()
		few = ask(asked, rounds)
		fill(runs)
		many = ask(asked, rounds)
		print(json.dumps({"few": few, "many": many}))
	finally:
		remove()
		frappe.destroy()


if __name__ == "__main__":
	main(**json.loads(sys.argv[1]))
