"""Business events, and which flows an event starts.

Decides the names of events, how a published trigger matches an occurrence, and what a start is given. Leaves
to the hosts how occurrences are noticed (doc events, API calls) and what surrounds a start (a savepoint, a
report), and to the run store how a run is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from dataclasses import field as given
from typing import Any

from flow_engine.engine.conditions import Verdict, evaluate
from flow_engine.engine.context import local_text
from flow_engine.engine.draining import start_run
from flow_engine.engine.errors import FlowError, TransientDatabaseError
from flow_engine.engine.links import follows_links, linked
from flow_engine.engine.party import customer_of
from flow_engine.engine.ports import Host, NewRun
from flow_engine.engine.predicates import equals
from flow_engine.service.lineage import Cause, check_lineage, record_cut


@dataclass(frozen=True, slots=True)
class Event:
	"""A business event: what operators pick in the editor. `doctype`: what `doc` is, where that is fixed."""

	name: str
	label: str
	doctype: str | None = None
	description: str = ""
	variables: tuple[str, ...] = ()

	def as_dict(self) -> dict[str, Any]:
		return {
			"name": self.name,
			"label": self.label,
			"doctype": self.doctype,
			"description": self.description,
			"variables": list(self.variables),
		}


BUSINESS_EVENTS: dict[str, Event] = {
	event.name: event
	for event in (
		Event(
			"on_contract_signed",
			"A contract is signed",
			"Contract",
			"Submitted and signed for the first time",
		),
		Event(
			"on_payment_received",
			"A payment is received",
			"Sales Invoice",
			"Once per invoice that a Payment Entry pays; without invoices, the entry itself",
			("amount", "payment_entry"),
		),
		Event("on_subscription_active", "A subscription becomes active", "Subscription"),
		Event("on_quotation_created", "A quotation is created", "Quotation"),
		Event(
			"on_quotation_accepted", "A quotation is accepted", "Quotation", "First ordered, in part or whole"
		),
		Event("on_issue_opened", "An issue is opened", "Issue", "Created, or opened again"),
		Event("on_customer_created", "A customer is created", "Customer"),
		Event("on_dispatch_completed", "A dispatch job is completed", "Dispatch Job"),
		Event("on_ticket_resolved", "An issue is resolved", "Issue", "Resolved or closed"),
		Event("manual", "Started by hand", None, "By a person, the API, another flow or a schedule"),
		Event("date", "A date comes", None, "So long before or after a date of a document, at a time of day"),
		Event("doc_event", "Something happens to a document", None, "Any DocType, any document event"),
	)
}


@dataclass(frozen=True, slots=True)
class Trigger:
	"""The published trigger of an active flow, as matching reads it: plain data, for a cache."""

	template: str
	version: int
	event: str
	title: str = ""
	condition: Any = ""
	doctype: str | None = None
	doc_event: str | None = None
	field: str | None = None
	from_: Any = None
	to: Any = None
	on_import: bool = False
	run_as: str | None = None
	with_triggering_user: bool = False
	concurrency: str = "allow"
	recursion_limit: int = 3
	starters: Mapping[str, Any] | None = None
	variables: Mapping[str, Any] = given(default_factory=dict)
	date: Mapping[str, Any] = given(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Occurrence:
	"""Something that happened. `doc`: the document's values as they are now; `before`: as they were;
	`changed`: the field that changed with its old and new value. `key`: unique where the same occurrence may
	be told twice. `cause`: the run that did it, where a run did."""

	event: str
	doctype: str | None = None
	docname: str | None = None
	doc: Mapping[str, Any] | None = None
	before: Mapping[str, Any] | None = None
	changed: Mapping[str, Any] | None = None
	doc_event: str | None = None
	field: str | None = None
	customer: str | None = None
	variables: Mapping[str, Any] = given(default_factory=dict)
	user: str | None = None
	key: str | None = None
	importing: bool = False
	keep_doc: bool = False
	cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class Answer:
	"""What became of one flow at an occurrence: the run it started, or why it did not."""

	template: str
	title: str
	run: str | None = None
	reason: str | None = None
	read: Mapping[str, Any] | None = None

	def as_dict(self) -> dict[str, Any]:
		return {
			"template": self.template,
			"template_name": self.title,
			"run": self.run,
			"started": self.run is not None,
			"reason": self.reason,
			"read": dict(self.read) if self.read else None,
		}


def matches(trigger: Trigger, occurrence: Occurrence) -> bool:
	"""Does this trigger listen to this occurrence, its condition left aside?"""
	if trigger.event != occurrence.event:
		return False
	if occurrence.importing and not trigger.on_import:
		return False
	if trigger.doctype and occurrence.doctype and trigger.doctype != occurrence.doctype:
		return False
	if trigger.event != "doc_event":
		return True
	if trigger.doc_event != occurrence.doc_event:
		return False
	if trigger.doc_event not in ("field_change", "workflow_transition"):
		return True
	changed = occurrence.changed or {}
	if trigger.field and trigger.field != occurrence.field:
		return False
	return _side(trigger.from_, changed.get("from")) and _side(trigger.to, changed.get("to"))


def _side(wanted: Any, value: Any) -> bool:
	"""A from or to that is not given matches anything; an empty string matches an empty value."""
	if wanted is None:
		return True
	return equals(wanted, value)


def trigger_values(trigger: Trigger, occurrence: Occurrence, customer: Any) -> dict[str, Any]:
	"""What a trigger's condition sees: the same roots as a step, before there is a run."""
	return {
		"doc": occurrence.doc,
		"customer": customer,
		"variables": {**trigger.variables, **occurrence.variables},
		"trigger": {
			"event": occurrence.event,
			"user": occurrence.user,
			"changed": occurrence.changed,
			"before": occurrence.before,
		},
	}


def start_matching(host: Host, triggers: Iterable[Trigger], occurrence: Occurrence) -> list[Answer]:
	"""Start every flow that listens and whose condition holds, in the current transaction.

	One flow's trouble is answered and does not keep the others from starting; what ends the transaction (a
	deadlock, a lost connection) is raised.
	"""
	answers = []
	for trigger in triggers:
		if not matches(trigger, occurrence):
			continue
		try:
			answers.append(start_one(host, trigger, occurrence))
		except TransientDatabaseError:
			raise
		except FlowError as error:
			record_cut(host, trigger.template, occurrence.cause, error)
			answers.append(refusal(trigger, error))
	return answers


def refusal(trigger: Trigger, error: FlowError) -> Answer:
	return Answer(trigger.template, trigger.title, reason=f"{error.code}: {error.message}")


def start_one(host: Host, trigger: Trigger, occurrence: Occurrence) -> Answer:
	"""Evaluate the condition and start the flow if it holds. Raises TooDeep, RecursionCut, BadCondition and
	others."""
	customer_name = occurrence.customer or customer_of(occurrence.doctype, occurrence.doc or {})
	verdict = judge(host, trigger, occurrence, customer_name)
	if not verdict.result:
		return Answer(trigger.template, trigger.title, reason="condition", read=verdict.read)
	if occurrence.cause is not None:
		check_lineage(host, trigger.template, trigger.title, trigger.recursion_limit, occurrence.cause)
	run = start_run(host, new_run(trigger, occurrence, customer_name))
	return Answer(trigger.template, trigger.title, run=run)


def judge(host: Host, trigger: Trigger, occurrence: Occurrence, customer_name: str | None) -> Verdict:
	"""Does the trigger's condition hold at this occurrence? Raises BadCondition, DocumentNotFound, …"""
	if trigger.condition in (None, "", {}):
		return Verdict(True)
	customer = _customer(host, trigger, customer_name)
	values = trigger_values(trigger, occurrence, customer)
	values["now"] = local_text(host.clock.now(), host.clock.time_zone)
	if follows_links(trigger.condition):
		# As the user the flow runs as, without acting as them: this may be a web request.
		def load(doctype: str, name: str) -> Mapping[str, Any]:
			return host.documents.read_as(trigger.run_as or "", doctype, name)

		values["doc"] = linked(host.documents, occurrence.doctype, occurrence.doc, load)
		values["customer"] = linked(host.documents, "Customer", customer, load)
	return evaluate(trigger.condition, values, zone=host.clock.time_zone)


def _customer(host: Host, trigger: Trigger, name: str | None) -> Any:
	if not name or "customer" not in str(trigger.condition):
		return {"name": name} if name else None
	# Not by acting as that user: this may be a web request, whose session belongs to somebody else.
	return host.documents.read_as(trigger.run_as or "", "Customer", name)


def new_run(trigger: Trigger, occurrence: Occurrence, customer: str | None) -> NewRun:
	"""The run this trigger starts at this occurrence."""
	data: dict[str, Any] = {"event": occurrence.event, "user": occurrence.user}
	if occurrence.changed:
		data["changed"] = dict(occurrence.changed)
	if occurrence.before:
		data["before"] = dict(occurrence.before)
	if occurrence.keep_doc and occurrence.doc:
		data["doc"] = dict(occurrence.doc)
	if trigger.with_triggering_user and occurrence.user:
		data["also_as"] = occurrence.user
	return NewRun(
		flow_template=trigger.template,
		template_version=trigger.version,
		trigger_event=occurrence.event,
		context_doctype=occurrence.doctype,
		context_docname=occurrence.docname,
		customer=customer,
		variables=occurrence.variables,
		trigger_data=data,
		trigger_key=f"{occurrence.key}:{trigger.template}" if occurrence.key else None,
		run_as=trigger.run_as,
		parent_run=occurrence.cause.run if occurrence.cause else None,
		root_run=occurrence.cause.root_run if occurrence.cause else None,
		depth=occurrence.cause.depth + 1 if occurrence.cause else 0,
		concurrency=trigger.concurrency,
	)
