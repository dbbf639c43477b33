"""Firing what is due: each schedule under its own lock, its fires, their runs and its next time in one
transaction.

So two schedulers at once, or one that is killed, never fire a moment twice or lose it: either all of it is
there, or none and the schedule is still due. A fire for many documents is written down first and worked off
in batches, each a transaction that also says how far it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from flow_engine.engine.crash_points import reach
from flow_engine.engine.draining import start_run
from flow_engine.engine.errors import (
	DuplicateTrigger,
	FlowError,
	TemplateInactive,
	TransientDatabaseError,
)
from flow_engine.engine.party import customer_of
from flow_engine.engine.payload_schema import InvalidPayload
from flow_engine.engine.ports import NewRun
from flow_engine.engine.schedules.policies import Due, Missed, Overlap, decide_due
from flow_engine.service.events import Occurrence, Trigger, judge, new_run
from flow_engine.service.schedule_states import (
	ASK_AGAIN,
	audit,
	hold_back,
	invalidate,
	schema_of,
	waking,
)
from flow_engine.service.schedule_values import fitting_problems, timing_of

EVENT = "schedule"
LOOKED_AT = 100
# A fire that waits for a run to end looks again so often.
LOOK_AGAIN = timedelta(seconds=60)
MOST_QUEUED = 100
MOST_LISTED = 10_000
SHOWN_REFUSALS = 50


class ConditionFails(FlowError):
	"""The flow's own condition does not hold, so it was not started."""

	code = "condition_not_met"
	http_status = 409


def fire_due(host: Any, seconds: float, stopped: Callable[[], bool] = lambda: False) -> dict[str, int]:
	"""Fire every schedule whose time has come, and go on with fires that are under way, for at most this
	long: `{fired, runs}`. One schedule's trouble is reported and leaves the others their turn."""
	until = host.clock.monotonic() + seconds
	found = {"fired": 0, "runs": 0}
	for look, work in (
		(host.schedules.store.due, fire_schedule),
		(host.schedules.store.due_fires, go_on_with),
	):
		seen: set[str] = set()
		while host.clock.monotonic() < until and not stopped():
			names = host.runs.look(lambda look=look: look(LOOKED_AT))
			reach("schedule.found")
			fresh = [name for name in names if name not in seen] if work is fire_schedule else names
			progress = 0
			for name in fresh:
				seen.add(name)
				if host.clock.monotonic() >= until or stopped():
					break
				progress += _attempt(host, name, work, found)
			if not progress:
				break
	if found["runs"]:
		host.jobs.hint()
	return found


def _attempt(
	host: Any, name: str, work: Callable[[Any, str], dict[str, int] | None], found: dict[str, int]
) -> bool:
	try:
		made = work(host, name)
	except TransientDatabaseError:
		raise
	except Exception as error:
		host.report(error, f"firing {name}")
		_put_off(host, name, work, error)
		return True
	for key, count in (made or {}).items():
		found[key] += count
	return made is not None


def _put_off(host: Any, name: str, work: Any, error: Exception) -> None:
	"""What cannot be fired must not stand first in the queue for ever."""
	code = error.code if isinstance(error, FlowError) else "unexpected_error"
	message = error.message if isinstance(error, FlowError) else f"{type(error).__name__}: {error}"
	store = host.schedules.store

	def later() -> None:
		again = host.runs.now() + ASK_AGAIN
		if work is fire_schedule:
			store.write(name, problem_code=code, last_error=message[:500], wake_at=again)
		else:
			store.write_fire(name, reason_code=code, message=message[:500], wake_at=again)

	host.runs.transact(later)


# --- one schedule -------------------------------------------------------------------------------------------


def fire_schedule(host: Any, name: str) -> dict[str, int] | None:
	"""Fire one schedule for all that is due of it; None where nothing is, or another scheduler has it."""

	def work() -> dict[str, int] | None:
		row = host.schedules.store.lock(name)
		now = host.runs.now()
		if row is None or row["wake_at"] is None or row["wake_at"] > now or row["fire_at"] is None:
			return None
		reach("schedule.locked")
		return _Firing(host, row, now).go()

	return host.runs.transact(work)


class _Firing:
	"""One schedule's turn, inside its transaction."""

	def __init__(self, host: Any, row: Mapping[str, Any], now: datetime):
		self.host, self.row, self.now = host, row, now
		self.store = host.schedules.store
		self.made = {"fired": 0, "runs": 0}
		self.told: dict[str, Any] = {}

	def go(self) -> dict[str, int]:
		row, now = self.row, self.now
		try:
			trigger = startable(self.host, row["flow_template"])
			timing = timing_of(row, self.host.schedules.sources, self.host.clock.time_zone)
		except TransientDatabaseError:
			raise
		except FlowError as error:
			hold_back(self.host, row, error, now)
			return self.made
		problems = fitting_problems(schema_of(self.host, trigger.template, trigger.version), row["payload"])
		if problems:
			invalidate(self.host, row, problems, trigger.version, "")
			return self.made
		spread = timedelta(minutes=int(row["jitter_minutes"] or 0))
		due = decide_due(
			timing,
			row["fire_at"],
			now,
			Missed(row["missed_policy"] or "run_once"),
			int(row["missed_limit"] or 1),
			spread,
		)
		self._record_missed(due)
		reach("schedule.decided")
		fired = [at for at in due.fires if self._fire(trigger, at)]
		columns: dict[str, Any] = {
			"fire_at": due.next_at,
			"wake_at": waking(row["name"], row, due.next_at),
			"status": "enabled" if due.next_at is not None else "finished",
			"problem_code": None,
			"last_error": None,
			"problems": None,
		}
		if fired:
			columns["last_fire_at"] = now
			columns.update(self.told)
		self.store.write(row["name"], **columns)
		if columns["status"] != row["status"]:
			event = "schedule.finished" if columns["status"] == "finished" else "schedule.restored"
			audit(self.host, event, row, "", row["status"], columns["status"], "")
		reach("schedule.fired")
		return self.made

	def _record_missed(self, due: Due) -> None:
		if due.missed is None:
			return
		first, last, count = due.missed
		name = fire_name(self.row["name"], first)
		if not self.store.is_fired(name):
			span = {"missed_count": count, "missed_until": last, "ended_at": self.now}
			self._insert(name, first, None, status="skipped", reason_code="missed", **span)

	def _fire(self, trigger: Trigger, at: datetime) -> bool:
		name = fire_name(self.row["name"], at)
		if self.store.is_fired(name):
			return False
		rule = Overlap(self.row["overlap_policy"] or "allow")
		if rule is not Overlap.ALLOW and is_busy(self.host, self.row):
			full = len(self.store.open_fires(self.row["name"])) >= MOST_QUEUED
			if rule is Overlap.SKIP or full:
				code = "overlap" if rule is Overlap.SKIP else "queue_full"
				self._insert(name, at, trigger, status="skipped", reason_code=code, ended_at=self.now)
			else:
				self._insert(name, at, trigger, status="queued", wake_at=self.now + LOOK_AGAIN)
			return False
		self.made["fired"] += 1
		outcome = begin(self.host, self.row, trigger, name, at, self.now)
		self._insert(name, at, trigger, **outcome)
		self.made["runs"] += bool(outcome.get("flow_run"))
		if outcome["status"] == "failed":
			self.told = {"problem_code": outcome["reason_code"], "last_error": outcome["message"]}
		return True

	def _insert(self, name: str, at: datetime, trigger: Trigger | None, **columns: Any) -> None:
		self.store.insert_fire(
			name,
			flow_schedule=self.row["name"],
			flow_template=self.row["flow_template"],
			template_version=trigger.version if trigger else 0,
			fire_utc=at,
			**columns,
		)


def fire_name(schedule: str, at: datetime) -> str:
	"""What a fire is called: a moment of a schedule has one name, so it fires once."""
	return f"{schedule}.{at:%Y%m%dT%H%M%SZ}"


def startable(host: Any, template: str) -> Trigger:
	"""What a start of this flow runs now. Raises TemplateNotFound, TemplateNotPublished, TemplateInactive and
	whatever else keeps a flow from being started."""
	trigger: Trigger = host.templates.trigger_of(template)
	if not host.definitions.template(trigger.template).get("is_active"):
		raise TemplateInactive(f"{trigger.title or template} is paused.")
	return trigger


def is_busy(host: Any, row: Mapping[str, Any], besides: str | None = None) -> bool:
	"""Is something of this schedule still going: a run it started, or an earlier fire?"""
	store = host.schedules.store
	earlier = [fire for fire in store.open_fires(row["name"]) if besides is None or fire["name"] < besides]
	return bool(earlier) or store.is_running(row["name"], row["flow_template"])


def fire_by_hand(host: Any, row: Mapping[str, Any], user: str | None, reason: str) -> dict[str, Any]:
	"""A fire that somebody asks for, in the current transaction. Overlaps and days off are theirs to mind.
	Raises what keeps the flow from being started."""
	now = host.runs.now().replace(microsecond=0)
	trigger = startable(host, row["flow_template"])
	problems = fitting_problems(schema_of(host, trigger.template, trigger.version), row["payload"])
	if problems:
		raise InvalidPayload("The payload is not what the flow asks for.", problems=problems)
	name = f"{fire_name(row['name'], now)}.{host.clock.token()[:8]}"
	outcome = begin(host, row, trigger, name, now, now)
	host.schedules.store.insert_fire(
		name,
		flow_schedule=row["name"],
		flow_template=row["flow_template"],
		template_version=trigger.version,
		fire_utc=now,
		by_hand=1,
		asked_by=user,
		reason=reason[:1_000],
		**outcome,
	)
	host.jobs.hint()
	return {"fire": name, "run": outcome.get("flow_run"), "status": outcome["status"]}


def begin(
	host: Any, row: Mapping[str, Any], trigger: Trigger, fire: str, at: datetime, now: datetime
) -> dict[str, Any]:
	"""The columns of a fire that begins: one run at once, or documents to go through."""
	if row["fan_out_doctype"]:
		return {"status": "running", "fired_at": now, "wake_at": now}
	try:
		run = start_for(host, row, trigger, fire, at)
	except TransientDatabaseError:
		raise
	except DuplicateTrigger:
		raise
	except FlowError as error:
		return {
			"status": "failed",
			"fired_at": now,
			"ended_at": now,
			"reason_code": error.code,
			"message": error.message[:500],
		}
	return {"status": "completed", "fired_at": now, "ended_at": now, "flow_run": run, "started": 1}


def start_for(
	host: Any,
	row: Mapping[str, Any],
	trigger: Trigger,
	fire: str,
	at: datetime,
	docname: str | None = None,
) -> str:
	"""Start one run in the current transaction; with a document, only where the schedule's condition holds
	for it as the flow's user reads it. Raises ConditionFails, DuplicateTrigger and others."""
	doctype = row["fan_out_doctype"] if docname else None
	doc = host.documents.read_as(trigger.run_as or "", doctype, docname) if docname else None
	occurrence = Occurrence(
		event=EVENT,
		doctype=doctype,
		docname=docname,
		doc=doc,
		variables=row["payload"] or {},
		user=row["set_by"],
	)
	customer = customer_of(doctype, doc or {})
	if (
		docname
		and not judge(
			host, replace(trigger, condition=row["fan_out_condition"] or ""), occurrence, customer
		).result
	):
		raise ConditionFails()
	if trigger.event == "manual" and not judge(host, trigger, occurrence, customer).result:
		# Being started by hand, or by a schedule, is this flow's event: its condition is asked.
		raise ConditionFails()
	new = new_run(trigger, occurrence, customer)
	return start_run(host, _with_provenance(new, row, fire, at, docname))


def _with_provenance(
	new: NewRun, row: Mapping[str, Any], fire: str, at: datetime, docname: str | None
) -> NewRun:
	moment = fire.partition(".")[2]
	schedule = {
		"name": row["name"],
		"schedule_name": row["schedule_name"],
		"fire": fire,
		"fire_at": at.isoformat(),
		"timezone": row["timezone"],
	}
	key = f"schedule:{row['name']}:{moment}" + (f":{docname}" if docname else "")
	return replace(new, trigger_data={**new.trigger_data, "schedule": schedule}, trigger_key=key)


# --- one fire that takes more than a transaction ------------------------------------------------------------


def go_on_with(host: Any, name: str) -> dict[str, int] | None:
	"""The next transaction of a fire that is queued or under way; None where another worker has it."""
	from flow_engine.service.schedule_fan_out import next_batch

	return next_batch(host, name)
