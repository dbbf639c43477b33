"""Running a flow without effect: an in-memory host, a virtual clock, every message kept instead of sent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from dateutil import parser as date_parser

from flow_engine.engine.errors import BadInput
from flow_engine.engine.interventions import complete_step
from flow_engine.engine.running import drain
from flow_engine.engine.session import Session
from flow_engine.engine.state import StepState, StepStatus, in_log
from flow_engine.service.events import Occurrence, start_one
from flow_engine.clock import VirtualClock
from flow_engine.sqlite_host.documents import SqliteDocuments
from flow_engine.sqlite_host.host import StandaloneHost, open_host
from flow_engine.sqlite_host.messages import RecordedHttp
from flow_engine.sqlite_host.templates import store_definition

# A flow cannot loop, so this only bounds what a hostile definition may cost.
MAX_ADVANCES = 100_000
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(w|d|h|m|s)", re.IGNORECASE)
_ISO_DURATION = re.compile(
	r"\AP(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?\Z"
)
_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}


@dataclass(frozen=True, slots=True)
class Scenario:
	"""What to simulate. `completions`: step id → posted value, applied when the step waits, in the order given.
	`until`: where to stop even if something is still due; None: go on until nothing is."""

	definition: Any
	doc: Mapping[str, Any] | None = None
	docs: Sequence[Mapping[str, Any]] = ()
	event: str | None = None
	variables: Mapping[str, Any] = field(default_factory=dict)
	now: datetime | None = None
	until: datetime | timedelta | None = None
	completions: Sequence[tuple[str, Any]] = ()
	replies: Sequence[Mapping[str, Any]] = ()
	time_zone: str = "UTC"
	kinds: Mapping[str, Any] | None = None


def simulate(scenario: Scenario) -> dict[str, Any]:
	"""Run the scenario; `{run, steps, timeline, documents, messages}` as data.

	Raises BadInput for unusable documents, InvalidDefinition for a definition with problems.
	"""
	return _Simulation(scenario).go()


class _Simulation:
	def __init__(self, scenario: Scenario):
		self.scenario = scenario
		start = scenario.now or datetime.now(timezone.utc)
		self.clock = VirtualClock(start, scenario.time_zone)
		self.host: StandaloneHost = open_host(clock=self.clock, kinds=scenario.kinds)
		recorded = RecordedHttp(self.host.outbox, scenario.replies)
		object.__setattr__(self.host, "http", recorded)
		until = scenario.until
		self.until = start + until if isinstance(until, timedelta) else until
		self.completions = list(scenario.completions)
		self.seen: dict[str, StepState] = {}
		self.timeline: list[dict[str, Any]] = []

	def go(self) -> dict[str, Any]:
		host, doc = self.host, self.scenario.doc
		trigger = store_definition(host.templates, self.scenario.definition)
		self._load_documents()
		event = self.scenario.event or trigger.event
		if trigger.event not in (event, "manual"):
			raise BadInput(f"The flow listens to {trigger.event!r}, not to {event!r}.")
		occurrence = Occurrence(
			event=event,
			doctype=doc["doctype"] if doc else None,
			docname=doc["name"] if doc else None,
			doc=doc,
			variables=self.scenario.variables,
			user="operator",
		)
		answer = host.runs.transact(lambda: start_one(host, trigger, occurrence))
		if answer.run is None:
			return self._not_started(answer)
		order = self._order(answer.run)
		for _ in range(MAX_ADVANCES):
			drain(host, seconds=0)
			self._observe(answer.run, order)
			if self._complete(answer.run):
				continue
			next_at = host.runs.next_wake()
			if next_at is None or (self.until is not None and next_at > self.until):
				break
			self.clock.move_to(next_at)
		return self._report(answer.run)

	def _load_documents(self) -> None:
		documents: SqliteDocuments = self.host.documents
		seen = set()
		for document in (*([self.scenario.doc] if self.scenario.doc else ()), *self.scenario.docs):
			if not isinstance(document, Mapping) or not all(
				isinstance(document.get(key), str) and document.get(key) for key in ("doctype", "name")
			):
				raise BadInput("A document needs `doctype` and `name`.")
			key = document["doctype"], document["name"]
			if key in seen:
				raise BadInput(f"{key[0]} {key[1]} is given twice.")
			seen.add(key)
		self.host.runs.transact(
			lambda: [
				documents.load(document)
				for document in (*([self.scenario.doc] if self.scenario.doc else ()), *self.scenario.docs)
			]
		)

	def _order(self, run: str) -> dict[str, int]:
		"""Step id → place in an order in which nothing comes before what it needs."""
		definition = self._session(run).definition
		order: dict[str, int] = {}
		waves = [step.id for step in definition.steps if not step.parent_id and not step.depends_on]
		needs = {s.id: len(s.depends_on) + (s.parent_id is not None) for s in definition.steps}
		while waves:
			step_id = waves.pop(0)
			order[step_id] = len(order)
			for other in (*definition.dependents.get(step_id, ()), *definition.children.get(step_id, ())):
				needs[other] -= 1
				if not needs[other]:
					waves.append(other)
		return order

	def _session(self, run: str) -> Session:
		return Session(self.host, self.host.runs.read(run))

	def _observe(self, run: str, order: Mapping[str, int]) -> None:
		session = self._session(run)
		moved = []
		for step in session.definition.steps:
			state = session.state(step.id)
			before = self.seen.get(step.id)
			if state.status is StepStatus.PENDING or (
				before is not None and (before.status, before.trigger_at) == (state.status, state.trigger_at)
			):
				continue
			self.seen[step.id] = state
			moved.append(step.id)
		for step_id in sorted(moved, key=order.__getitem__):
			self.timeline.append(
				{
					"at": self.clock.now().isoformat(),
					"step": step_id,
					"status": self.seen[step_id].status.value,
				}
			)

	def _complete(self, run: str) -> bool:
		session = self._session(run)
		for place, (step_id, value) in enumerate(self.completions):
			if step_id not in session.definition:
				raise BadInput(f"The flow has no step {step_id!r} to complete.")
			if session.state(step_id).status is StepStatus.WAITING:
				del self.completions[place]
				complete_step(self.host, run, step_id, value)
				return True
		return False

	def _not_started(self, answer: Any) -> dict[str, Any]:
		return {
			"run": {
				"status": "not_started",
				"started_at": None,
				"completed_at": None,
				"reason": answer.reason,
				"read": dict(answer.read or {}),
			},
			"steps": {},
			"timeline": [],
			"documents": [],
			"messages": [],
		}

	def _report(self, run: str) -> dict[str, Any]:
		session = self._session(run)
		record = session.record
		return {
			"run": {
				"status": record.status,
				"started_at": record.started_at.isoformat(),
				"completed_at": record.completed_at.isoformat() if record.completed_at else None,
			},
			"steps": {step.id: self._step(session, step.id) for step in session.definition.steps},
			"timeline": self.timeline,
			"documents": self.host.documents.changes(),
			"messages": [_message(row) for row in self.host.outbox.sent()],
		}

	def _step(self, session: Session, step_id: str) -> dict[str, Any]:
		state = session.state(step_id)
		result = state.result
		if in_log(result):
			result = self.host.runs.log_result(session.record.name, step_id)
		return {
			"status": state.status.value,
			"trigger_at": _iso(state.trigger_at),
			"started_at": _iso(state.started_at),
			"completed_at": _iso(state.completed_at),
			"attempts": state.attempts,
			"result": result,
			"error": dict(state.error) if state.error else None,
		}


def _message(row: Mapping[str, Any]) -> dict[str, Any]:
	return {key: row[key] for key in ("channel", "step", "to", "subject", "body", "url", "method", "key")}


def _iso(when: datetime | None) -> str | None:
	return when.isoformat() if when is not None else None


def parse_moment(text: str, zone: Any = timezone.utc) -> datetime:
	"""ISO date or datetime → aware; naive ones are in `zone`. Raises BadInput."""
	try:
		moment = date_parser.isoparse(text)
	except (ValueError, OverflowError):
		raise BadInput(f"{text!r} is not an ISO date or time.") from None
	return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment


def parse_until(text: str, zone: Any = timezone.utc) -> datetime | timedelta:
	"""An ISO time, an ISO duration (`P30D`) or a short one (`3d 4h`). Raises BadInput."""
	compact = text.strip()
	found = _ISO_DURATION.match(compact.upper())
	if found and len(compact) > 1:
		years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
		return timedelta(
			days=years * 365 + months * 30 + weeks * 7 + days, hours=hours, minutes=minutes, seconds=seconds
		)
	parts = _DURATION.findall(compact)
	if parts and not _DURATION.sub("", compact).strip():
		return timedelta(seconds=sum(float(number) * _SECONDS[unit.lower()] for number, unit in parts))
	return parse_moment(compact, zone)


def read_documents(data: Any) -> Iterable[Mapping[str, Any]]:
	"""One document or a list of them. Raises BadInput."""
	documents = data if isinstance(data, list) else [data]
	if not all(isinstance(document, Mapping) for document in documents):
		raise BadInput("Documents are JSON objects with `doctype` and `name`.")
	return documents
