"""What is wrong with the engine on this site, and what to do: for administrators, in words."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import frappe
from frappe.model import no_value_fields
from frappe.utils import cint, now_datetime
from frappe.utils.background_jobs import generate_qname, get_redis_conn
from frappe.utils.scheduler import is_scheduler_disabled

from flow_engine.frappe_host.host import get_host
from flow_engine.frappe_host.jobs import QUEUE, is_disabled
from flow_engine.frappe_host.names import SEQUENCES

OVERDUE_MINUTES = 5
QUEUE_LIMIT = 100
MANY = 1_000
QUEUE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Finding:
	"""One thing looked at. `level`: ok, warning or error."""

	level: str
	subject: str
	text: str
	remedy: str = ""


def examine() -> list[Finding]:
	"""Look at everything; a check that cannot be made is itself a finding."""
	findings: list[Finding] = []
	checks: tuple[Callable[[], Iterator[Finding]], ...] = (
		_switch,
		_scheduler,
		_queue,
		_database,
		_tables,
		_backlog,
		_incidents,
		_flows,
		_endpoints,
		_schedules,
	)
	for check in checks:
		try:
			findings.extend(check())
		except Exception as error:
			findings.append(Finding("error", check.__name__.strip("_"), f"could not be checked: {error}"))
	return findings


def _switch() -> Iterator[Finding]:
	if is_disabled():
		yield Finding(
			"error",
			"Kill switch",
			"the engine is switched off: nothing starts, due runs wait",
			"Flow Engine Settings → Disabled, or flow_engine_disabled in site_config.json",
		)
	else:
		yield Finding("ok", "Kill switch", "the engine is on")


def _scheduler() -> Iterator[Finding]:
	if is_scheduler_disabled(verbose=False):
		yield Finding(
			"error",
			"Scheduler",
			"it is disabled on this site: waits do not fire",
			"bench --site SITE enable-scheduler",
		)
		return
	if cint(frappe.conf.get("pause_scheduler")):
		yield Finding("error", "Scheduler", "it is paused", "bench --site SITE scheduler resume")
		return
	last = frappe.db.get_value(
		"Scheduled Job Type", {"method": "flow_engine.frappe_host.tick.tick"}, "last_execution"
	)
	if not last:
		yield Finding(
			"warning", "Scheduler", "the minute tick has not run yet", "start the bench's scheduler process"
		)
	elif last < now_datetime() - timedelta(minutes=OVERDUE_MINUTES):
		yield Finding(
			"error",
			"Scheduler",
			f"the minute tick last ran at {last:%Y-%m-%d %H:%M}",
			"see that the scheduler process and a worker run (bench doctor)",
		)
	else:
		yield Finding("ok", "Scheduler", f"the minute tick last ran at {last:%H:%M}")


def _queue() -> Iterator[Finding]:
	from rq import Queue, Worker

	try:
		connection = get_redis_conn()
		connection.ping()
	except Exception as error:
		yield Finding(
			"error",
			"Redis Queue",
			f"out of reach ({type(error).__name__}): nothing is lost, but nothing runs",
			"start the bench's queue Redis",
		)
		return
	queue = Queue(generate_qname(QUEUE), connection=connection)
	workers = [w for w in Worker.all(connection=connection) if queue.name in w.queue_names()]
	if not workers:
		yield Finding(
			"error", "Workers", f"no worker listens to the queue “{QUEUE}”", f"bench worker --queue {QUEUE}"
		)
	else:
		yield Finding("ok", "Workers", f"{len(workers)} on the queue “{QUEUE}”")
	oldest = next(iter(queue.get_jobs(0, 1)), None)
	waited = (datetime.now(timezone.utc) - _aware(oldest.enqueued_at)).total_seconds() if oldest else 0
	if waited > QUEUE_SECONDS:
		yield Finding(
			"warning",
			"Queue",
			f"the oldest job in “{QUEUE}” has waited for {int(waited)} seconds",
			"see that a worker takes jobs from it; add one if they are all busy",
		)
	if queue.count > QUEUE_LIMIT:
		yield Finding(
			"warning", "Queue", f"{queue.count} jobs wait in “{QUEUE}”", "add a worker to this queue"
		)


def _aware(when: datetime | None) -> datetime:
	"""RQ's times are UTC and, depending on its version, say so or not."""
	when = when or datetime.now(timezone.utc)
	return when if when.tzinfo else when.replace(tzinfo=timezone.utc)


def _database() -> Iterator[Finding]:
	binlog, mode = (
		(frappe.db.sql("SHOW VARIABLES LIKE %s", name) or [("", "")])[0][1]
		for name in ("log_bin", "binlog_format")
	)
	if binlog == "ON" and mode == "STATEMENT":
		yield Finding(
			"error",
			"Binary log",
			"binlog_format is STATEMENT: sequences and skipped locks do not replicate safely",
			"set binlog_format to ROW or MIXED",
		)
	for doctype, (sequence, _prefix) in SEQUENCES.items():
		if not frappe.db.sql("SHOW TABLES LIKE %s", sequence):
			yield Finding(
				"error", "Names", f"the sequence of {doctype} is missing", "bench --site SITE migrate"
			)
	yield Finding("ok", "Database", f"binary log {binlog.lower() or 'off'}, format {mode}")


def _tables() -> Iterator[Finding]:
	"""What the DocTypes of this version want and the database lacks."""
	found: dict[str, set[str]] = {}
	for table, column in frappe.db.sql(
		"SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = DATABASE()"
	):
		found.setdefault(table, set()).add(column)
	lacking = []
	for doctype, wanted in _columns_wanted():
		columns = found.get(f"tab{doctype}")
		if columns is None:
			lacking.append(doctype)
		else:
			lacking += [f"{doctype}.{column}" for column in wanted if column not in columns]
	if lacking:
		yield Finding(
			"error",
			"Tables",
			f"the site is older than the app, it lacks {', '.join(sorted(lacking))}",
			f"bench --site {frappe.local.site} migrate",
		)
	else:
		yield Finding("ok", "Tables", "as this version of the app wants them")


def _columns_wanted() -> Iterator[tuple[str, list[str]]]:
	"""From the files of the app: what the site knows of its DocTypes is what may be old."""
	for file in sorted(Path(frappe.get_app_path("flow_engine", "flow_engine", "doctype")).glob("*/*.json")):
		made = json.loads(file.read_text())
		if made.get("doctype") == "DocType" and not made.get("issingle"):
			yield (
				made["name"],
				[
					field["fieldname"]
					for field in made["fields"]
					if field["fieldtype"] not in no_value_fields and not field.get("is_virtual")
				],
			)


def _backlog() -> Iterator[Finding]:
	host = get_host()
	limit = host.runs.utc_text(host.runs.now() - timedelta(minutes=OVERDUE_MINUTES))
	overdue = frappe.db.sql("SELECT COUNT(*) FROM `tabFlow Run` WHERE wake_at < %s", limit)[0][0]
	if overdue:
		yield Finding(
			"error",
			"Waits",
			f"{overdue} runs are due for more than {OVERDUE_MINUTES} minutes",
			"see scheduler and workers above; then: bench --site SITE flow-engine tick",
		)
	else:
		yield Finding("ok", "Waits", "nothing is overdue")


def _up_to_many(condition: str) -> str:
	"""How many runs; counting all of a long history would take seconds and tell nobody more."""
	((found,),) = frappe.db.sql(
		f"SELECT COUNT(*) FROM (SELECT 1 FROM `tabFlow Run` WHERE {condition} LIMIT {MANY + 1}) counted"
	)
	return f"more than {MANY:,}" if found > MANY else str(found)


def _incidents() -> Iterator[Finding]:
	failed = _up_to_many("status = 'failed'")
	partly = _up_to_many("status = 'running' AND failed_steps > 0")
	if (failed, partly) != ("0", "0"):
		yield Finding(
			"warning",
			"Incidents",
			f"{failed} failed runs, {partly} running with a failed step",
			"open them in the desk: Flow Run, status failed",
		)
	else:
		yield Finding("ok", "Incidents", "none")


def _flows() -> Iterator[Finding]:
	active = frappe.get_all(
		"Flow Template", {"is_active": 1}, ["name", "template_name", "run_as", "published_by"]
	)
	if not active:
		yield Finding("warning", "Flows", "no flow is switched on", "open Flow Template and activate one")
	for row in active:
		user = row.run_as or row.published_by
		if user == "Administrator":
			yield Finding(
				"warning",
				row.template_name,
				"it runs as Administrator, who may do everything",
				"set “Run as” to a user with just the rights it needs",
			)
		elif user and not frappe.db.get_value("User", user, "enabled"):
			yield Finding(
				"error", row.template_name, f"it runs as {user}, who is disabled", "set “Run as” and publish"
			)


def _endpoints() -> Iterator[Finding]:
	paused = frappe.get_all(
		"Flow Webhook Endpoint", {"enabled": 1, "paused_at": ("is", "set")}, ["name", "paused_reason"]
	)
	for one in paused:
		yield Finding(
			"warning",
			"Webhook endpoints",
			f"{one.name} is paused: {one.paused_reason or 'nobody said why'}",
			"see to the receiver, send it a test, then Resume on its form",
		)
	if not paused:
		yield Finding("ok", "Webhook endpoints", "none is paused")


def _schedules() -> Iterator[Finding]:
	late = datetime.now(timezone.utc).replace(tzinfo=None) - timedelta(minutes=OVERDUE_MINUTES)
	overdue = frappe.db.count("Flow Schedule", {"wake_at": ("<", late)})
	if overdue:
		yield Finding(
			"error",
			"Schedules",
			f"{overdue} should have fired more than {OVERDUE_MINUTES} minutes ago",
			"see that the scheduler runs the minute tick; its Scheduled Job Log says what went wrong",
		)
	held = frappe.get_all("Flow Schedule", {"status": "invalid"}, ["schedule_name", "last_error"], limit=20)
	for one in held:
		yield Finding(
			"warning",
			"Schedules",
			f"{one.schedule_name} does not fire: {one.last_error}",
			"put its payload right, publish a version that it fits, or switch its flow on",
		)
	for one in frappe.get_all("Flow Date Scan", {"last_error": ("is", "set")}, ["name", "last_error"]):
		yield Finding(
			"warning", "Dates", f"{one.name} looks for dates in vain: {one.last_error}", "see to its trigger"
		)
	if not (overdue or held):
		yield Finding("ok", "Schedules", "none is overdue or held back")
