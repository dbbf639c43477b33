"""Running a flow without effect: an in-memory host, a virtual clock, every message kept instead of sent."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

from flow_engine.clock import VirtualClock
from flow_engine.engine.compensating import compensate_run, key_of
from flow_engine.engine.errors import BadInput, InputTooLarge, NothingToCompensate
from flow_engine.engine.interventions import MAX_INPUT_BYTES, cancel_run, complete_step
from flow_engine.engine.kinds import register
from flow_engine.engine.party import customer_of
from flow_engine.engine.plain import as_json_text
from flow_engine.engine.session import Session
from flow_engine.engine.state import RunStatus, StepStatus, in_log
from flow_engine.engine.validation import MANUAL
from flow_engine.service.arguments import json_object, storable
from flow_engine.service.compensation import run_compensation
from flow_engine.service.definitions import check_publishable
from flow_engine.service.events import BUSINESS_EVENTS, Answer, Occurrence, Trigger, judge, start_one
from flow_engine.service.payloads import accept_payload
from flow_engine.service.service_levels import clocks_of
from flow_engine.sqlite_host.documents_behind import DocumentsBehind
from flow_engine.sqlite_host.host import StandaloneHost, open_host, tell_about_job
from flow_engine.sqlite_host.messages import RecordedHttp
from flow_engine.sqlite_host.scenario import (
	Scenario,
	read_document,
	read_documents,
	read_replies,
	read_zone,
)
from flow_engine.sqlite_host.templates import store_definition
from flow_engine.sqlite_host.trial import RenderedMessages, Watched, World, masked_secret
from flow_engine.sqlite_host.watching import RunWatch, instants

__all__ = ["Scenario", "simulate"]


def simulate(scenario: Scenario, world: World | None = None) -> dict[str, Any]:
	"""Run the scenario; `{run, steps, compensation, timeline, documents, messages}` as data.

	`run.status` is `not_started` when the trigger's condition does not hold; `run.read` says what it read. A
	step has its payload as it was `rendered` for its last attempt, and what its condition `read`. world: real
	documents to stand on, where the sample documents alone are not enough. `run.cut` is there when the
	scenario's seconds were over before the run was. What undid the run has its steps and its timeline under
	`compensation`, which is None otherwise.
	Raises BadInput for unusable input, InvalidDefinition for a definition with problems.
	"""
	return _Simulation(scenario, world).go()


class _Simulation:
	def __init__(self, scenario: Scenario, world: World | None):
		self.scenario = scenario
		read_zone(scenario.time_zone)
		self.doc = read_document(scenario.doc) if scenario.doc is not None else None
		self.docs = _together(self.doc, read_documents(list(scenario.docs)))
		self.variables = json_object(scenario.variables, "variables")
		start = scenario.now or datetime.now(timezone.utc)
		self.clock = VirtualClock(start, scenario.time_zone)
		self.until = _end(start, scenario.until)
		self.host, self.watched = _compose(scenario, world, self.clock)
		self.completions = list(scenario.completions)
		self.timeline: list[dict[str, Any]] = []
		self.cut = False
		self.undoing: RunWatch | None = None
		self.undoing_timeline: list[dict[str, Any]] = []
		seconds = scenario.seconds
		self.give_up_at = time.monotonic() + seconds if seconds is not None else None

	def go(self) -> dict[str, Any]:
		host = self.host
		check_publishable(self.scenario.definition, host.kinds, host.templates.events)
		trigger = store_definition(host.templates, self.scenario.definition)
		self._check_completions(trigger)
		host.runs.transact(lambda: [host.documents.load(document) for document in self.docs])
		occurrence = self._occurrence(trigger)
		answer, self.read = host.runs.transact(lambda: self._start(trigger, occurrence))
		if answer.run is None:
			return _not_started(answer)
		watch = RunWatch(host, answer.run)
		self._go_on(watch)
		if self.scenario.compensate and not self.cut:
			self._undo(watch)
			self._go_on(watch)
		return self._report(watch)

	def _go_on(self, watch: RunWatch) -> None:
		"""Until nothing is due any more, or the time is up."""
		for now in instants(self.host, self.clock, self.until):
			self._note(now, watch, self.timeline)
			self._complete(watch)
			undoing = self._undoing(watch)
			if undoing is not None:
				self._note(now, undoing, self.undoing_timeline)
				self._complete(undoing)
			if self.give_up_at is not None and time.monotonic() >= self.give_up_at:
				self.cut = self.host.runs.next_wake() is not None
				return

	def _note(self, now: datetime, watch: RunWatch, timeline: list[dict[str, Any]]) -> None:
		at = now.isoformat()
		# What became late comes before what follows from it.
		for step_id, status, standing in watch.look_at_clocks():
			timeline.append({"at": at, "step": step_id, "status": status, "sla": standing})
		for step_id, state in watch.look():
			timeline.append({"at": at, "step": step_id, "status": state.status.value})

	def _undo(self, watch: RunWatch) -> None:
		"""As an operator does: a run that has not ended is cancelled for it."""
		try:
			if self.host.runs.read(watch.run).status == RunStatus.RUNNING:
				cancel_run(self.host, watch.run, "", compensate=True)
			else:
				compensate_run(self.host, watch.run)
		except NothingToCompensate:
			return

	def _undoing(self, watch: RunWatch) -> RunWatch | None:
		"""The run that undoes this one, once there is one."""
		if self.undoing is None:
			run = self.host.runs.started_by(key_of(watch.run))
			self.undoing = RunWatch(self.host, run) if run is not None else None
		return self.undoing

	def _start(self, trigger: Trigger, occurrence: Occurrence) -> tuple[Answer, dict[str, Any]]:
		if occurrence.event == MANUAL:
			accept_payload(self.host, trigger.template, trigger.version, occurrence.variables)
		customer = customer_of(occurrence.doctype, occurrence.doc or {})
		verdict = judge(self.host, trigger, occurrence, customer)
		return start_one(self.host, trigger, occurrence), dict(verdict.read)

	def _occurrence(self, trigger: Trigger) -> Occurrence:
		doc, event = self.doc, self.scenario.event or trigger.event
		if trigger.event not in (event, "manual"):
			raise BadInput(f"The flow listens to {trigger.event!r}, not to {event!r}.")
		if doc and trigger.doctype and trigger.doctype != doc["doctype"]:
			raise BadInput(f"The flow is for documents of {trigger.doctype}, not of {doc['doctype']}.")
		return Occurrence(
			event=event,
			doctype=doc["doctype"] if doc else None,
			docname=doc["name"] if doc else None,
			doc=doc,
			changed=_change(trigger, doc),
			variables=self.variables,
			user=self.host.documents.user,
		)

	def _check_completions(self, trigger: Trigger) -> None:
		definition = self.host.definitions.load(trigger.template, trigger.version)
		for step_id, value in self.completions:
			if step_id not in definition:
				raise BadInput(f"The flow has no step {step_id!r} to complete.")
			storable(value, f"completion of {step_id}")
			if len(as_json_text(value)) > MAX_INPUT_BYTES:
				raise InputTooLarge()

	def _complete(self, watch: RunWatch) -> None:
		"""Post the first prepared value whose step waits now."""
		for place, (step_id, value) in enumerate(self.completions):
			state = watch.seen.get(step_id)
			if state is not None and state.status is StepStatus.WAITING:
				del self.completions[place]
				complete_step(self.host, watch.run, step_id, value)
				return

	def _report(self, watch: RunWatch) -> dict[str, Any]:
		session = watch.session()
		record = session.record
		return {
			"run": {
				"status": record.status,
				"started_at": record.started_at.isoformat(),
				"completed_at": _iso(record.completed_at),
				"read": self.read,
				"sla": clocks_of(session).get(None),
				**({"cut": True} if self.cut else {}),
			},
			"steps": {step.id: self._step(session, watch, step.id) for step in session.definition.steps},
			"compensation": self._compensation(),
			"timeline": self.timeline,
			"documents": self.host.documents.changes(),
			"messages": [_message(row) for row in self.host.outbox.sent()],
		}

	def _compensation(self) -> dict[str, Any] | None:
		"""`{status, why, steps: {id: …, label, undone}, timeline}` of what undid the run."""
		if self.undoing is None:
			return None
		session = self.undoing.session()
		about, became = run_compensation(self.host, session)
		steps = {
			step.id: {
				**self._step(session, self.undoing, step.id),
				"label": step.label,
				"undone": became.get(step.id),
			}
			for step in session.definition.steps
		}
		return {
			"status": session.record.status,
			"why": about["compensates"]["why"],
			"steps": steps,
			"timeline": self.undoing_timeline,
		}

	def _step(self, session: Session, watch: RunWatch, step_id: str) -> dict[str, Any]:
		state = session.state(step_id)
		result = state.result
		if in_log(result):
			result = self.host.runs.log_result(session.record.name, step_id)
		return {
			"status": state.status.value,
			"trigger_at": _iso(state.trigger_at or watch.due_at.get(step_id)),
			"started_at": _iso(state.started_at),
			"completed_at": _iso(state.completed_at),
			"attempts": state.attempts,
			"result": result,
			"error": dict(state.error) if state.error else None,
			"reason": state.reason.value if state.reason else None,
			"handled": state.handled.value if state.handled else None,
			"rendered": self.watched.rendered.get(step_id),
			"read": result.get("read") if isinstance(result, Mapping) else None,
			"sla": clocks_of(session).get(step_id),
		}


def _compose(scenario: Scenario, world: World | None, clock: VirtualClock) -> tuple[StandaloneHost, Watched]:
	"""The in-memory host of one simulation, over the world it stands on."""
	replies = read_replies(scenario.replies)
	kinds = scenario.kinds if scenario.kinds is not None else register()
	watched = Watched(kinds, world)
	host = open_host(
		clock=clock,
		kinds=watched.kinds,
		events=world.events if world else BUSINESS_EVENTS,
		make_http=lambda outbox: RecordedHttp(outbox, replies),
	)
	if world is None:
		return host, watched
	documents = DocumentsBehind(host.database, clock, world.behind, world.user)
	hours = world.business_hours or host.business_hours
	host = replace(
		host,
		documents=documents,
		messages=RenderedMessages(host.outbox, world.render_email) if world.render_email else host.outbox,
		extra_context=world.extra_context,
		business_hours=hours,
		secret=masked_secret(world),
	)
	host.templates.context = tuple(world.extra_context)
	documents.after_job = partial(tell_about_job, host)
	return host, watched


def _change(trigger: Trigger, doc: Mapping[str, Any] | None) -> dict[str, Any] | None:
	"""The change that the flow listens for, as if it had just happened to this document."""
	if not trigger.field:
		return None
	to = trigger.to if trigger.to is not None else (doc or {}).get(trigger.field)
	return {"field": trigger.field, "from": trigger.from_, "to": to}


def _together(doc: Mapping[str, Any] | None, docs: list[dict[str, Any]]) -> list[dict[str, Any]]:
	"""All documents, each once; two different ones of the same name are a mistake. Raises BadInput."""
	found: dict[tuple[str, str], dict[str, Any]] = {}
	for document in ([dict(doc)] if doc is not None else []) + docs:
		key = document["doctype"], document["name"]
		if found.setdefault(key, document) != document:
			raise BadInput(f"{key[0]} {key[1]} is given twice.")
	return list(found.values())


def _end(start: datetime, until: datetime | timedelta | None) -> datetime | None:
	try:
		end = start + until if isinstance(until, timedelta) else until
	except OverflowError:
		raise BadInput("The simulation would end outside the calendar.") from None
	if end is not None and end < start:
		raise BadInput("The simulation would end before it begins.")
	return end


def _not_started(answer: Answer) -> dict[str, Any]:
	run = {
		"status": "not_started",
		"started_at": None,
		"completed_at": None,
		"reason": answer.reason,
		"read": dict(answer.read or {}),
	}
	return {"run": run, "steps": {}, "compensation": None, "timeline": [], "documents": [], "messages": []}


def _message(row: Mapping[str, Any]) -> dict[str, Any]:
	return {key: row[key] for key in ("channel", "step", "to", "subject", "body", "url", "method", "key")}


def _iso(when: datetime | None) -> str | None:
	return when.isoformat() if when is not None else None
