"""The values that templates and conditions of one step see.

Decides what each root means and who reads it; loads a document only when something asks for it, because most
steps read one or two values. Leaves rendering to templating and permissions to the documents port.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from flow_engine.engine.definition import FlowDefinition, Step
from flow_engine.engine.errors import DocumentNotFound
from flow_engine.engine.links import LinkedDocument, follow_links, linked
from flow_engine.engine.party import customer_of
from flow_engine.engine.ports import Host, RunRecord
from flow_engine.engine.state import StepState, in_log
from flow_engine.engine.step_values import StepValues, read_documents

if TYPE_CHECKING:
	from flow_engine.engine.original import Original


class Context(Mapping[str, Any]):
	"""A read-only mapping whose documents are loaded when first read."""

	def __init__(self, values: dict[str, Any], loaders: dict[str, Callable[[], Any]]):
		self._values = values
		self._loaders = loaders

	def __getitem__(self, key: str) -> Any:
		if key in self._values:
			return self._values[key]
		value = self._values[key] = self._loaders[key]()
		return value

	def __iter__(self) -> Iterator[str]:
		yield from self._values
		yield from (key for key in self._loaders if key not in self._values)

	def __len__(self) -> int:
		return len(self._values.keys() | self._loaders.keys())

	def __contains__(self, key: object) -> bool:
		return key in self._values or key in self._loaders

	def loaded(self, roots: frozenset[str]) -> dict[str, Any]:
		"""A plain copy for use outside a transaction: everything that costs nothing, and of the documents
		those named in `roots`."""
		plain = {key: self[key] for key in self if key in self._values or key in roots}
		if "steps" in plain:
			plain["steps"] = {key: values.detached() for key, values in plain["steps"].items()}
		return {
			key: value.detached() if isinstance(value, LinkedDocument) else value
			for key, value in plain.items()
		}


def build_context(
	host: Host,
	record: RunRecord,
	definition: FlowDefinition,
	step: Step,
	states: Mapping[str, StepState],
	now: datetime,
	original: Original | None = None,
) -> Context:
	"""All roots of 2-language's context for one step, documents as the acting user sees them. original: what
	the run undoes; `steps.<id>` is then what they were in that run, but for those that undo."""
	reads = definition.reads[step.id]
	state = states.get(step.id)
	event = record.trigger_data
	values: dict[str, Any] = {
		"run": record.as_dict(),
		"variables": {**definition.values_before, **record.variables},
		"now": local_text(now, host.clock.time_zone),
		"steps": _step_values(host, record, definition, states, reads, original),
		"input": state.input if state is not None else None,
		"trigger": {
			"event": event.get("event"),
			"user": event.get("user"),
			"changed": event.get("changed"),
			"before": event.get("before"),
			"schedule": event.get("schedule"),
			"date": event.get("date"),
		},
	}
	loaders: dict[str, Callable[[], Any]] = {
		"template": lambda: dict(host.definitions.template(record.flow_template)),
		"links": lambda: _links(host, record, definition),
	}
	if original is not None:
		loaders["compensates"] = lambda: original.told(step.id)
	for root, provide in host.extra_context.items():
		loaders[root] = lambda provide=provide: provide(record.as_dict())
	context = Context(values, loaders)
	loaders["doc"] = lambda: load_document(host, record)
	loaders["customer"] = lambda: load_customer(host, record, context)
	return context


def read_ahead(step: Step, values: Context) -> None:
	"""Load what paths in a step's payload lead to behind the roots: for calls, which load nothing."""
	if step.undo is not None:
		return
	parts = (step.payload, step.trigger.fields)
	follow_links(parts, values)
	read_documents(parts, values["steps"])


# All steps of a turn see one time.
@lru_cache(maxsize=64)
def local_text(now: datetime, zone: tzinfo) -> str:
	"""`{{now}}` as templates and conditions see it: in the site's zone, with its offset."""
	return now.astimezone(zone).isoformat(timespec="seconds")


def reads_of(step: Step, extra: Mapping[str, Any]) -> frozenset[str]:
	"""Which of the roots that other apps add a step's payload may read: an over-estimate."""
	if not extra or step.undo is not None:
		return frozenset()
	text = json.dumps([step.payload, step.trigger.fields], default=str)
	return frozenset(root for root in extra if root in text)


def load_document(host: Host, record: RunRecord) -> Any:
	"""The document the run is about, as it is now; its last values when it was deleted since."""
	if not record.context_doctype or not record.context_docname:
		return None
	try:
		found = host.documents.get(record.context_doctype, record.context_docname)
	except DocumentNotFound:
		last = record.trigger_data.get("doc")
		if not isinstance(last, Mapping):
			raise
		found = dict(last)
	return linked(host.documents, record.context_doctype, found)


def load_customer(host: Host, record: RunRecord, context: Mapping[str, Any]) -> Any:
	"""The customer the run is for, or None when nothing names one."""
	name = record.customer
	if not name:
		doc = context["doc"]
		if not isinstance(doc, Mapping):
			return None
		if record.context_doctype == "Customer":
			return doc
		name = customer_of(record.context_doctype, doc)
	return linked(host.documents, "Customer", host.documents.get("Customer", name)) if name else None


def _step_values(
	host: Host,
	record: RunRecord,
	definition: FlowDefinition,
	states: Mapping[str, StepState],
	reads: frozenset[str],
	original: Original | None,
) -> dict[str, StepValues]:
	wanted = [root[6:] for root in reads if root.startswith("steps.")]
	if "steps" in reads:
		wanted = [step.id for step in definition.steps]
		wanted += original.states() if original else ()
	values = {}
	for step_id in dict.fromkeys(wanted):
		own = step_id in definition and definition.step(step_id).undo is None
		theirs = None if own or original is None else original
		state = (states if theirs is None else theirs.states()).get(step_id)
		if state is None:
			continue
		result = state.result
		if in_log(result):
			result = theirs.result(step_id) if theirs else host.runs.log_result(record.name, step_id)
		found = {"status": state.status.value, "result": result, "error": state.error}
		values[step_id] = StepValues(found, host.documents)
	return values


def _links(host: Host, record: RunRecord, definition: FlowDefinition) -> dict[str, str]:
	return {
		step.id: host.links.url(record.name, step.id)
		for step in definition.steps
		if step.trigger.type == "on_webhook"
	}
