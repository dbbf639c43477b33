"""The demonstration: residential_onboarding, from a signed contract to the renewal reminder months later.

Gives the story as data, one moment after another; drawing it is the command line's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from flow_engine.clock import VirtualClock
from flow_engine.engine.definition import FlowDefinition
from flow_engine.engine.state import StepState
from flow_engine.service import doors, templates
from flow_engine.sqlite_host.host import StandaloneHost, open_host
from flow_engine.sqlite_host.messages import RecordedHttp
from flow_engine.sqlite_host.samples import sample_documents
from flow_engine.sqlite_host.watching import RunWatch, instants

FLOW = "residential_onboarding"
EVENT = "on_contract_signed"
START = datetime(2026, 3, 2, 14, 30, tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True)
class Moment:
	"""What happened at one time: steps that moved, documents created or updated, messages sent."""

	at: datetime
	steps: tuple[tuple[str, StepState], ...]
	documents: tuple[Mapping[str, Any], ...]
	messages: tuple[Mapping[str, Any], ...]


class Demonstration:
	"""`seeded`, `customer`, `run` and `definition` once begun; `moments` tells the rest."""

	def __init__(self, database: str = ":memory:"):
		self.clock = VirtualClock(START)
		self.host: StandaloneHost = open_host(
			database, clock=self.clock, make_http=lambda outbox: RecordedHttp(outbox)
		)
		self.seeded: list[dict[str, str]] = []
		self.contract: dict[str, Any] = {}
		self.run = ""

	@property
	def definition(self) -> FlowDefinition:
		record = self.host.runs.read(self.run)
		return self.host.definitions.load(record.flow_template, record.template_version)

	@property
	def status(self) -> str:
		return self.host.runs.read(self.run).status

	def begin(self) -> None:
		"""Seed the flows, switch one on, and let a customer sign a contract."""
		host = self.host
		self.seeded = templates.seed(host.templates)
		name = next(row["name"] for row in self.seeded if row["template_name"] == FLOW)
		doors.update_template(host.templates, name, {"is_active": 1})
		contract, *others = sample_documents("Contract")
		for document in ({**contract, "is_signed": 0, "docstatus": 0}, *others):
			host.runs.transact(lambda document=document: host.documents.put(document))
		self.contract = host.runs.transact(lambda: host.documents.put(contract))
		triggers = host.templates.active_triggers(EVENT)
		told = doors.event(
			host, triggers, EVENT, doctype="Contract", docname=contract["name"], user="operator"
		)
		self.run = told["results"][0]["run"]

	def moments(self) -> Iterator[Moment]:
		watch = RunWatch(self.host, self.run)
		seen = {(d["doctype"], d["name"]): d["values"] for d in self.host.documents.changes()}
		told = len(self.host.outbox.sent())
		for now in instants(self.host, self.clock):
			documents = []
			for document in self.host.documents.changes():
				key = document["doctype"], document["name"]
				if seen.get(key) != document["values"]:
					change = "updated" if key in seen else "created"
					documents.append({**document, "change": change})
					seen[key] = document["values"]
			messages = self.host.outbox.sent()[told:]
			told += len(messages)
			yield Moment(now, tuple(watch.look()), tuple(documents), tuple(messages))
