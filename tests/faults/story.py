"""One story of flows on a SQLite file, told act by act in processes that may die: whoever comes next repeats
the act that was under way, as a client does that got no answer, and goes on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import ProxyHandler, build_opener

from flow_engine.clock import VirtualClock
from flow_engine.engine.attempts import idempotency_key
from flow_engine.engine.compensating import compensate_run
from flow_engine.engine.crash_points import arm
from flow_engine.engine.definition import dump_definition
from flow_engine.engine.draining import drain, start_run
from flow_engine.engine.errors import DuplicateTrigger, FlowError, RunFinal, StepNotWaiting
from flow_engine.engine.inbound import Call, DuplicateCall, sign
from flow_engine.engine.interventions import cancel_run, complete_step, mark_done, retry_step, skip_step
from flow_engine.engine.ports import NewRun
from flow_engine.engine.session import Session
from flow_engine.engine.sla.watching import watch_clocks
from flow_engine.engine.state import StepStatus
from flow_engine.service.date_triggers import start_dated
from flow_engine.service.inbound_hooks import create_hook
from flow_engine.service.receiving import receive
from flow_engine.service.schedule_firing import fire_due
from flow_engine.service.schedules import create
from flow_engine.service.ticking import repair_stray_rows
from flow_engine.sqlite_host.host import StandaloneHost, open_host
from flow_engine.sqlite_host.templates import store_definition
from flow_engine.testing.builders import flow, issue, step
from flow_engine.testing.crashing import die_at
from flow_engine.testing.generated_flows import ACCEPTS, generate, steps_that_wait_for_a_call

START = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
# Longer than any lease of the story: a call's is its timeout and half a minute more.
AFTER_A_CRASH = timedelta(seconds=120)
HORIZON = timedelta(days=5)
ACTING = "operator@example.com"
# After everything else of the story, whoever died in it.
SCHEDULED_UNTIL = datetime(2026, 6, 5, tzinfo=timezone.utc)
HOOK_SECRET = "what-the-shop-and-the-hook-know"
# What a repeated act is told about what the first one did.
DONE_ALREADY = (DuplicateCall, DuplicateTrigger, RunFinal, StepNotWaiting)


def prepare(path: str, receiver: str, seed: int) -> None:
	"""A database with the story's flows, published."""
	host = open_host(path, clock=VirtualClock(START))
	mark = "{{variables.mark}}/"
	flows = {
		"main": generate(seed, receiver, size=13, delay={"delay_hours": 5}),
		"stray": flow(
			step("month", when=("after_delay", {"delay_days": 30})),
			issue("later", mark + "later", after=["month"]),
		),
		"rivals": flow(
			issue("first", mark + "first"),
			step("person", when="manual", after=["first"]),
			issue("last", mark + "last", after=["person"]),
		),
		"brief": flow(issue("only", mark + "only")),
		"undone": {
			**flow(
				step("job", "dispatch_job", payload={"subject": mark + "job"}),
				issue("issue", mark + "issue", after=["job"]),
				issue("sorry", mark + "sorry", parent="issue", branch="compensate"),
				step(
					"tell",
					"webhook",
					parent="sorry",
					payload={
						"url": f"{receiver}/{ACCEPTS}/tell",
						"method": "PUT",
						"body_template": {"about": "{{compensates.result.name}}"},
					},
					retry={"max_attempts": 10, "backoff_seconds": 1},
				),
				step(
					"fails",
					"erp_update",
					payload={"doctype": "Customer", "docname_ref": "Nobody", "fields_json": {"website": "x"}},
					after=["issue"],
				),
			),
			"compensate": "on_failure",
		},
		"late": flow(
			step(
				"person",
				when="manual",
				sla={"warn": "1d", "breach": "2d", "escalate": {"user": "boss@example.com"}},
			),
			issue("boss", mark + "boss", parent="person", branch="sla_breach"),
			issue("last", mark + "last", after=["person"]),
		),
	}
	dated = flow(issue("dated", "dated {{doc.name}}"))
	dated["trigger"] = {"event": "date", "doctype": "Subscription", "field": "ends", "offset_days": -1}
	flows["dated"] = dated
	for title, definition in flows.items():
		store_definition(host.templates, definition, title)
	brief = host.templates.find({"template_name": "brief"})[0]["name"]
	create_hook(host, {"hook_name": "Shop", "flow_template": brief, "secret": HOOK_SECRET})
	host.database.close()


class Story:
	def __init__(self, folder: Path, receiver: str):
		self.folder, self.receiver = folder, receiver
		self.notes = folder / "notes.json"
		notes = json.loads(self.notes.read_text()) if self.notes.exists() else {}
		self.act: int = notes.get("act", 0)
		now = datetime.fromisoformat(notes["now"]) + AFTER_A_CRASH if notes else START
		self.clock = VirtualClock(now)
		self.host: StandaloneHost = open_host(
			str(folder / "flows.sqlite"), clock=self.clock, allowed_private_hosts=("127.0.0.1",)
		)

	def go_on(self) -> None:
		acts: list[Callable[[], None]] = [
			self.start_main,
			self.work,
			self.call_links,
			self.pass_days,
			self.operate,
			self.edit_a_row,
			self.replace_a_rival,
			self.cancel,
			self.hurry,
			self.be_late,
			self.be_called,
			self.be_scheduled,
			self.fail_and_be_undone,
			self.undo,
		]
		for place, act in enumerate(acts):
			if place >= self.act:
				self._note()
				act()
				self.act = place + 1
		self._note()

	def _note(self) -> None:
		new = self.notes.with_suffix(".new")
		new.write_text(json.dumps({"act": self.act, "now": self.clock.now().isoformat()}))
		new.rename(self.notes)

	# --- acts -----------------------------------------------------------------------------------------------

	def start_main(self) -> None:
		self.start("main")

	def work(self) -> None:
		"""Until nothing is due; a lease whose worker is gone runs out meanwhile."""
		while True:
			while drain(self.host, 60):
				pass
			if not self.host.database.rows("SELECT 1 FROM `tabFlow Run` WHERE lease_token IS NOT NULL"):
				return
			self.clock.move_to(self.clock.now() + AFTER_A_CRASH)
			self._note()

	def call_links(self) -> None:
		run = self.run("main")
		definition = self.session("main").definition
		for step_id in steps_that_wait_for_a_call(dump_definition(definition)):
			self.repeatable(lambda step_id=step_id: complete_step(self.host, run, step_id, {"a": 1}, True))

	def pass_days(self) -> None:
		"""Everything that falls due within days."""
		until = self.clock.now() + HORIZON
		while True:
			self.work()
			next_at = self.host.runs.next_wake()
			if next_at is None or next_at > until:
				return
			self.clock.move_to(next_at)
			self._note()

	def operate(self) -> None:
		"""A person settles every failure: looks at the receiver where the outcome is unknown, tries once more
		what was broken, gives up what is refused."""
		run = self.run("main")
		for _ in range(20):
			self.pass_days()
			session = self.session("main")
			failed = [
				(one, session.state(one.id))
				for one in session.definition.steps
				if session.state(one.id).status is StepStatus.FAILED and session.state(one.id).handled is None
			]
			if not failed:
				return
			for one, state in failed:
				key = idempotency_key("standalone", run, one.id)
				if (state.error or {})["code"] != "outcome_unknown":
					act = retry_step if "broken_once" in one.payload["url"] else skip_step
					self.repeatable(lambda act=act, one=one: act(self.host, run, one.id))
				elif self.has_happened(key):
					self.repeatable(lambda one=one: mark_done(self.host, run, one.id, {"seen": True}))
				else:
					self.repeatable(lambda one=one: retry_step(self.host, run, one.id))
		raise AssertionError("failures without end")

	def edit_a_row(self) -> None:
		run = self.start("stray")
		self.work()
		database = self.host.database
		database.transact(
			lambda: database.execute(
				"UPDATE `tabFlow Step Pending` SET trigger_at = %s WHERE flow_run = %s AND status = "
				"'pending'",
				["2026-01-01 00:00:00", run],
			)
		)
		repair_stray_rows(self.host)
		self.work()

	def replace_a_rival(self) -> None:
		self.start("rivals", "old", context_doctype="Customer", context_docname="C1", concurrency="replace")
		self.work()
		run = self.start(
			"rivals", "new", context_doctype="Customer", context_docname="C1", concurrency="replace"
		)
		self.work()
		self.repeatable(lambda: complete_step(self.host, run, "person", "yes"))
		self.work()

	def cancel(self) -> None:
		run = self.start("rivals", "doomed")
		self.work()
		self.repeatable(lambda: cancel_run(self.host, run, "No more."))

	def hurry(self) -> None:
		for mark in ("one", "two", "three"):
			self.start("brief", mark)
		drain(self.host, 0)
		self.work()

	def be_late(self) -> None:
		"""Nobody does what was asked, until it is late."""
		run = self.start("late")
		self.work()
		for hours in (25, 49):
			self.clock.move_to(self.host.runs.read(run).started_at + timedelta(hours=hours))
			self._note()
			watch_clocks(self.host)
			self.work()
		self.repeatable(lambda: complete_step(self.host, run, "person"))
		self.work()

	def be_called(self) -> None:
		"""Somebody outside calls a hook, and again whenever they have got no answer."""
		brief = self.template("brief")
		self.host.templates.update(brief, {"is_active": 1})
		(hook,) = self.host.inbound.store.find()
		for number in range(2):
			body, timestamp = b"{}", str(int(self.host.clock.now().timestamp()) + number)
			headers = {
				"content-type": "application/json",
				"x-flow-timestamp": timestamp,
				"x-flow-signature": sign(HOOK_SECRET, timestamp, body),
				"x-flow-id": f"order-{number}",
			}
			self.repeatable(lambda headers=headers: receive(self.host, hook["name"], Call(b"{}", headers)))
		self.work()

	def be_scheduled(self) -> None:
		"""A flow starts by the clock for one thing and for many documents, another when a date comes."""
		self.host.runs.transact(self._set_schedules)
		for _ in range(8):
			self._fire()
			next_at = self.host.schedules.store.next_wake()
			if next_at is None or next_at > SCHEDULED_UNTIL:
				break
			self.clock.move_to(next_at)
			self._note()
		self.clock.move_to(SCHEDULED_UNTIL)
		self._note()
		self._fire()

	def _fire(self) -> None:
		fire_due(self.host, 60)
		start_dated(self.host, 60)
		self.work()

	def _set_schedules(self) -> None:
		if self.host.database.rows("SELECT 1 FROM `tabFlow Schedule`"):
			return
		for number in range(1, 6):
			values = {"ends": (SCHEDULED_UNTIL.date() + timedelta(days=number - 3)).isoformat()}
			self.host.documents.insert("Subscription", {"name": f"SUB-{number}", **values})
		self.host.templates.update(self.template("dated"), {"is_active": 1})
		brief = self.template("brief")
		self.host.templates.update(brief, {"is_active": 1})
		# From a time that whoever comes after a crash does not move.
		once = {"flow_template": brief, "schedule_type": "once", "run_at": "2026-06-02T09:00"}
		many = {"fan_out_doctype": "Subscription", "batch_size": 2, "overlap_policy": "queue"}
		create(self.host, {**once, "schedule_name": "One"})
		create(self.host, {**once, **many, "schedule_name": "Many"})

	def fail_and_be_undone(self) -> None:
		self.start("undone")
		# A call that the crash has cut off is sent again after a while.
		self.pass_days()

	def undo(self) -> None:
		"""An operator takes back what a run that went well has done."""
		self.repeatable(lambda: compensate_run(self.host, self.run("one"), "ordered twice"))
		# What lost its worker on the way is tried again later.
		self.pass_days()

	# --- words ----------------------------------------------------------------------------------------------

	def start(self, title: str, mark: str = "", **columns: Any) -> str:
		mark = mark or title
		trigger = self.host.templates.trigger_of(self.template(title))
		variables = {"mark": mark, "n": self.session_variables(title).get("n")}
		new = NewRun(
			trigger.template,
			trigger.version,
			"manual",
			variables=variables,
			trigger_key=mark,
			run_as=ACTING,
			**columns,
		)
		self.repeatable(lambda: self.host.runs.transact(lambda: start_run(self.host, new)))
		return self.run(mark)

	def session_variables(self, title: str) -> dict[str, Any]:
		trigger = self.host.templates.trigger_of(self.template(title))
		return dict(self.host.definitions.load(trigger.template, trigger.version).variables)

	def template(self, title: str) -> str:
		rows = self.host.database.rows(
			"SELECT name FROM `tabFlow Template` WHERE template_name = %s", [title]
		)
		return rows[0]["name"]

	def run(self, mark: str) -> str:
		rows = self.host.database.rows("SELECT name FROM `tabFlow Run` WHERE trigger_key = %s", [mark])
		return rows[0]["name"]

	def session(self, mark: str) -> Session:
		return Session(self.host, self.host.runs.read(self.run(mark)))

	def has_happened(self, key: str) -> bool:
		with build_opener(ProxyHandler({})).open(
			f"{self.receiver}/{quote(key, safe='')}", timeout=10
		) as reply:
			return int(reply.read()) > 0

	@staticmethod
	def repeatable(act: Callable[[], Any]) -> None:
		try:
			act()
		except DONE_ALREADY:
			pass

	# --- the end --------------------------------------------------------------------------------------------

	def picture(self) -> dict[str, Any]:
		"""What must be the same however often somebody died; as JSON."""
		rows = self.host.database.rows
		runs = {}
		for row in rows("SELECT name, trigger_key FROM `tabFlow Run` ORDER BY trigger_key"):
			record = self.host.runs.read(row["name"])
			session = Session(self.host, record)
			states = {one.id: session.state(one.id) for one in session.definition.steps}
			runs[row["trigger_key"]] = {
				"status": record.status,
				"idle": [record.wake_at is None, record.lease_token is None, record.failed_steps],
				"steps": {
					step_id: [state.status, state.handled, state.reason, state.branch]
					for step_id, state in sorted(states.items())
				},
			}
		return {
			"runs": runs,
			"documents": sorted(
				Counter(
					f"{row['subject'] or row['name']} is {row['status']}"
					for row in rows(
						"SELECT name, json_extract(`values`, '$.subject') AS subject, "
						"json_extract(`values`, '$.status') AS status FROM document"
					)
				).items()
			),
			"open rows": [
				[row["flow_run"], row["step_id"]]
				for row in rows(
					"SELECT flow_run, step_id FROM `tabFlow Step Pending` WHERE status = 'pending' "
					"ORDER BY flow_run, step_id"
				)
			],
			"told": [
				list(row.values())
				for row in rows(
					"SELECT 'audit' AS what, event_type AS said, step_id, COUNT(*) AS times "
					"FROM `tabFlow Audit Event` WHERE event_type LIKE 'run.sla%%' "
					"OR event_type LIKE 'run.compensation%%' "
					"OR event_type = 'run.escalated' GROUP BY 1, 2, 3 "
					"UNION ALL SELECT 'notice', subject, step, COUNT(*) FROM message "
					"WHERE channel = 'notice' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
				)
			],
			# How often a run fails and is taken up again depends on where a call was lost; how often it
			# starts and what comes last does not.
			"starts and ends": [
				list(row.values())
				for row in rows(
					"SELECT r.trigger_key, SUM(a.event_type = 'run.started') AS starts, "
					"(SELECT event_type FROM `tabFlow Audit Event` WHERE flow_run = r.name AND event_type IN "
					"('run.started', 'run.completed', 'run.failed', 'run.cancelled', 'run.reopened') "
					"ORDER BY rowid DESC LIMIT 1) AS last FROM `tabFlow Audit Event` a "
					"JOIN `tabFlow Run` r ON r.name = a.flow_run GROUP BY r.trigger_key ORDER BY 1"
				)
			],
			"calls": rows(
				"SELECT c.call_id, r.trigger_key FROM `tabFlow Inbound Call` c JOIN `tabFlow Run` r "
				"ON r.name = c.flow_run WHERE c.outcome = 'accepted' ORDER BY 1"
			),
			"fires": rows(
				"SELECT name, status, place, started, refused FROM `tabFlow Schedule Fire` ORDER BY name"
			),
			"schedules": rows("SELECT name, status, fire_at FROM `tabFlow Schedule` ORDER BY name"),
			"open calls": len(rows("SELECT name FROM `tabFlow Step Log` WHERE state = 'running'")),
			"done twice": rows(
				"SELECT flow_run, step_id FROM `tabFlow Step Log` WHERE state = 'done' "
				"GROUP BY flow_run, step_id HAVING COUNT(*) > 1"
			),
		}

	def attempts(self) -> dict[str, int]:
		"""Idempotency key → attempts that the log knows of."""
		found = self.host.database.rows(
			"SELECT idempotency_key AS `key`, COUNT(*) AS n FROM `tabFlow Step Log` "
			"WHERE idempotency_key IS NOT NULL GROUP BY idempotency_key"
		)
		return {row["key"]: row["n"] for row in found}


def live(folder: str, receiver: str, crash: tuple[str, int] | None, count: bool = False) -> None:
	"""A process of the story, from wherever it stands to its end or to the crash."""
	story = Story(Path(folder), receiver)
	seen: Counter[str] = Counter()
	if crash:
		die_at(*crash)
	elif count:
		arm(lambda name: seen.update([name]))
	try:
		story.go_on()
	except FlowError as error:
		raise SystemExit(f"{error.code}: {error.message}") from error
	arm(None)
	answer = {"picture": story.picture(), "attempts": story.attempts(), "reached": seen}
	(Path(folder) / "answer.json").write_text(json.dumps(answer))
