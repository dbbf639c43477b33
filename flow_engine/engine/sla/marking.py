"""What is due on a run's clocks: marked, told and escalated, each once, under the run's lock.

Whoever changes a run asks first, so that what has become late counts before what is changed: a tick that
comes a minute late makes nothing punctual. The marks are written with the snapshot of the same transaction.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from flow_engine.engine.allow_lists import hand
from flow_engine.engine.crash_points import reach
from flow_engine.engine.definition import TriggerType
from flow_engine.engine.ports import AuditEvent, Host, Reminder
from flow_engine.engine.sla.clocks import SlaClock
from flow_engine.engine.sla.marks import SlaMarks
from flow_engine.engine.state import StepStatus

if TYPE_CHECKING:
	from flow_engine.engine.session import Session


def mark_due(host: Host, session: Session, now: datetime) -> bool:
	"""Was anything due? What it released is ready in the session's frontier."""
	if not session.definition.has_sla:
		return False
	due = [clock for clock in session.clocks.all() if clock.next_at is not None and clock.next_at <= now]
	for clock in due:
		_mark(host, session, clock, now)
	if due:
		session.sla_at = session.clocks.next_at()
		reach("sla.marked")
	return bool(due)


def _mark(host: Host, session: Session, clock: SlaClock, now: datetime) -> None:
	marks = clock.marks
	warned = clock.warn_at is not None and marks.warned_at is None and clock.warn_at <= now
	breached = clock.breach_at is not None and clock.breach_at <= now
	if warned:
		marks = replace(marks, warned_at=clock.warn_at)
		_audit(host, session, clock, "run.sla_warned", {"due": _iso(clock.warn_at)})
	if breached:
		marks = replace(marks, breached_at=clock.breach_at)
		_audit(host, session, clock, "run.sla_breached", {"due": _iso(clock.breach_at)})
	_remember(session, clock, marks, breached)
	reminder = _reminder(session, clock, breached)
	# Both at once is one piece of news: it is late.
	host.messages.remind(replace(reminder, **clock.rule.notify.as_dict()))
	if breached and clock.rule.escalate:
		people = clock.rule.escalate.as_dict()
		host.messages.escalate(replace(reminder, **people, keeps=clock.rule.keeps))
		if reminder.manual and clock.step_id is not None:
			# Whoever is asked to do it may.
			state = session.state(clock.step_id)
			given = [[people[key]] if people.get(key) else [] for key in ("user", "role")]
			session.frontier.put(clock.step_id, state.changed(handed=hand(state, given[0], roles=given[1])))
		_audit(host, session, clock, "run.escalated", {"to": people})


def _reminder(session: Session, clock: SlaClock, late: bool) -> Reminder:
	run = session.record.as_dict()
	if clock.step_id is None:
		return Reminder(run, None, "", late, due_at=clock.breach_at)
	step, state = session.definition.step(clock.step_id), session.state(clock.step_id)
	manual = step.trigger.type is TriggerType.MANUAL and state.status is StepStatus.WAITING
	return Reminder(run, step.id, step.label, late, manual, clock.breach_at)


def _remember(session: Session, clock: SlaClock, marks: SlaMarks, breached: bool) -> None:
	if clock.step_id is None:
		session.clocks.marks = marks
		return
	session.mark(clock.step_id, session.state(clock.step_id).changed(sla=marks), late=breached)


def _audit(host: Host, session: Session, clock: SlaClock, event: str, details: dict) -> None:
	record = session.record
	host.runs.audit(
		AuditEvent(
			event,
			flow_template=record.flow_template,
			flow_run=record.name,
			step_id=clock.step_id,
			# Nobody did it: time passed.
			user="",
			details={**details, "since": _iso(clock.since)},
		)
	)


def _iso(when: datetime | None) -> str | None:
	return when.isoformat() if when is not None else None
