"""What every door offers, once: the functions behind the HTTP API of both hosts.

Each takes the host or the template store, who calls where that matters, and arguments as they came in; each
answers plain data and raises FlowError. Permissions, sessions and envelopes are the doors' own. Nothing here
executes a step: a run is changed, and workers are told.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from flow_engine.engine.allow_lists import Person
from flow_engine.engine.compensation import definition_of
from flow_engine.engine.definition import as_json
from flow_engine.engine.draining import start_run
from flow_engine.engine.errors import (
	BadInput,
	BadToken,
	FlowError,
	StepNotFound,
	TemplateInactive,
)
from flow_engine.engine.interventions import (
	check_input,
	complete_step,
	wake_run,
)
from flow_engine.engine.party import customer_of
from flow_engine.engine.ports import Host
from flow_engine.engine.state import RunStatus
from flow_engine.service import arguments as read
from flow_engine.service import service_levels, templates
from flow_engine.service.catalog import catalog as catalog_of
from flow_engine.service.events import Occurrence, Trigger, judge, new_run, start_matching
from flow_engine.service.operating import cancel as cancel
from flow_engine.service.operating import mark_done as mark_done
from flow_engine.service.operating import reason_of
from flow_engine.service.operating import replay as replay
from flow_engine.service.operating import retry as retry
from flow_engine.service.operating import skip as skip
from flow_engine.service.payloads import accept_payload, published_schema
from flow_engine.service.runs import advanced_view, describe_attempts, describe_run, key_of_fire, title_of
from flow_engine.store.standing import FlowStanding

MAX_LIST = 500
MAX_ATTEMPTS = 200
_FLAGS = ("is_active", "run_as_triggering_user")
_NUMBERS = ("recursion_limit", "failure_limit")


class ConditionNotMet(FlowError):
	"""The flow's own condition does not hold for this document, so it was not started."""

	code = "condition_not_met"
	http_status = 409


# --- templates ----------------------------------------------------------------------------------------------


def list_templates(
	store: templates.TemplateStore,
	category: Any = None,
	applies_to: Any = None,
	is_active: Any = None,
	trigger_event: Any = None,
) -> dict[str, Any]:
	filters: dict[str, Any] = {
		"category": read.text(category, "category"),
		"applies_to": read.text(applies_to, "applies_to"),
		"trigger_event": read.text(trigger_event, "trigger_event"),
	}
	if is_active not in (None, ""):
		filters["is_active"] = read.flag(is_active, "is_active")
	return {"templates": templates.list_templates(store, **filters)}


def get_template(store: templates.TemplateStore, name: Any) -> dict[str, Any]:
	return {"template": templates.with_problems(store, store.get(read.needed(name, "name")))}


def create_template(store: templates.TemplateStore, values: Mapping[str, Any]) -> dict[str, Any]:
	return {"template": templates.create_template(store, _fields(values))}


def update_template(
	store: templates.TemplateStore,
	name: Any,
	values: Mapping[str, Any],
	modified: Any = None,
	running: Any = None,
	reason: Any = None,
	publish: Any = None,
) -> dict[str, Any]:
	"""`modified`: what the caller last saw; another's save since then is SaveConflict. `publish`: 1 where
	switching on is to publish a draft that differs from the published version.

	When this pauses the flow, `reason` is kept and `running` says what is to become of its runs: `finish` (as
	without it) or `cancel`, which is the door's to do once this is committed.
	"""
	name, modified = read.needed(name, "name"), read.text(modified, "modified")
	values = _fields(values)
	if asks_to_cancel(values, running) or "is_active" in values:
		values["paused_reason"] = read.text(reason, "reason") or ""
	asked = bool(read.flag(publish or 0, "publish"))
	return {"template": templates.update_template(store, name, values, modified, asked)}


def asks_to_cancel(values: Mapping[str, Any], running: Any) -> bool:
	"""Are the runs of a flow that is being paused to be cancelled? Raises BadInput."""
	running = read.text(running, "running")
	if running not in (None, "finish", "cancel"):
		raise BadInput("`running` must be `finish` or `cancel`.")
	if running and read.flag(values.get("is_active", 1), "is_active"):
		raise BadInput(
			"`running` goes with `is_active` 0: it says what becomes of the runs of a paused flow."
		)
	return running == "cancel"


def delete_template(store: templates.TemplateStore, name: Any) -> dict[str, Any]:
	store.delete(read.needed(name, "name"))
	return {"ok": True}


def duplicate_template(
	store: templates.TemplateStore, name: Any, new_name: Any = None, version: Any = None
) -> dict[str, Any]:
	name, new_name = read.needed(name, "name"), read.text(new_name, "new_name")
	number = read.whole_number(version, "version", 0, 0, 10_000_000) or None
	return {"template": templates.duplicate_template(store, name, new_name, number)}


def publish_template(store: templates.TemplateStore, name: Any, note: Any = None) -> dict[str, Any]:
	made = store.publish(read.needed(name, "name"), read.text(note, "note") or "")
	return {"template": templates.with_problems(store, made)}


def validate_definition(
	store: templates.TemplateStore, definition: Any = None, name: Any = None
) -> dict[str, Any]:
	"""The problems of a definition given as JSON text or data, or of the stored template of that name."""
	if definition is None:
		definition = store.get(read.needed(name, "definition"))["flow_definition"]
	return {"problems": templates.validate(store, definition)}


def template_version(store: templates.TemplateStore, name: Any, version: Any) -> dict[str, Any]:
	"""A published version: `{version, definition, note, published_on, published_by}`, the definition as
	data."""
	number = read.whole_number(read.needed(str(version or ""), "version"), "version", 0, 0, 10_000_000)
	found = store.version(read.needed(name, "name"), number)
	return {**found, "version": number, "definition": as_json(found["definition"])}


def payload_schema(host: Host, store: Any, name: Any) -> dict[str, Any]:
	"""What the published version asks of its payload, for whoever is going to start it: `{name,
	template_name, version, payload_schema}`, the schema null when it asks for nothing in particular. Raises
	TemplateNotFound, TemplateNotPublished."""
	trigger: Trigger = store.trigger_of(read.needed(name, "name"))
	return {
		"name": trigger.template,
		"template_name": trigger.title,
		"version": trigger.version,
		"payload_schema": published_schema(host, trigger.template, trigger.version),
	}


def export_template(store: templates.TemplateStore, name: Any) -> dict[str, Any]:
	"""The exported template itself, as `import_templates` takes it."""
	return templates.export_template(store, read.needed(name, "name"))


def import_templates(store: templates.TemplateStore, payload: Any) -> dict[str, Any]:
	"""`payload`: one exported template or a list of them, as JSON text or data."""
	data = read.json_value(payload, "templates")
	for entry in data if isinstance(data, list) else [data]:
		if isinstance(entry, Mapping):
			_fields({key: entry[key] for key in templates.EXPORT_FIELDS if key in entry})
	return {"results": templates.import_templates(store, data)}


def library(language: Any = None) -> dict[str, Any]:
	"""The flows that ship, to begin one's own from: `{templates: […]}` as exported, labels in `language`
	where they have it, each with a `title` for people."""
	spoken = read.text(language, "language") or "en"
	found = []
	for entry in templates.library():
		shown = {"title": templates.title_of(entry, spoken), **templates.in_language(entry, spoken)}
		found.append({key: value for key, value in shown.items() if key != "translations"})
	return {"templates": found}


def catalog(
	store: templates.TemplateStore, say: Callable[[str], str] = str, secrets: Iterable[str] = ()
) -> dict[str, Any]:
	"""say: a text in the reader's language. secrets: names of secrets that the reader may know of."""
	return catalog_of(store.kinds, store.events, store.context, say, secrets)


def _fields(values: Mapping[str, Any]) -> dict[str, Any]:
	"""A template's fields with the types its columns have. Raises BadInput."""
	fields = dict(values)
	for key, value in fields.items():
		if key in _FLAGS:
			fields[key] = read.flag(value, key)
		elif key in _NUMBERS and isinstance(value, int) and not isinstance(value, bool):
			fields[key] = str(value)  # read by the rules that every door goes through
		elif key in ("flow_definition", "trigger_condition"):
			read.storable(value, key)
		elif value is not None and not isinstance(value, str):
			raise BadInput(f"`{key}` must be a text.")
		else:
			read.storable(value, key)
	return fields


# --- runs ---------------------------------------------------------------------------------------------------


def start(
	host: Host,
	store: Any,
	template: Any,
	doctype: Any = None,
	docname: Any = None,
	customer: Any = None,
	variables: Any = None,
	*,
	user: str | None = None,
	key: Any = None,
	check: Callable[[Mapping[str, Any] | None], None] = lambda starters: None,
) -> dict[str, Any]:
	"""Start one flow by hand. Its condition is asked only where being started by hand is its event: whoever
	starts a flow that waits for something else has decided.

	key: the same key starts the same flow once. check: asked before anything else whether the caller is among
	the flow's `starters`. Raises NotAllowed, TemplateNotFound, TemplateNotPublished,
	TemplateInactive, InvalidPayload, ConditionNotMet, DuplicateTrigger, DocumentNotFound, BadInput.
	"""
	template = read.needed(template, "template")
	key = read.text(key, "key")
	occurrence = _occurrence("manual", doctype, docname, customer, variables, user)

	def work() -> str:
		trigger: Trigger = store.trigger_of(template)
		check(trigger.starters)
		# Not through `store.get`: who may start a flow need not be able to read its definition.
		if not host.definitions.template(trigger.template).get("is_active"):
			raise TemplateInactive(f"{trigger.title or template} is paused.")
		accept_payload(host, trigger.template, trigger.version, occurrence.variables)
		happened = _with_document(host, occurrence)
		name = happened.customer or customer_of(happened.doctype, happened.doc or {})
		if trigger.event == "manual":
			verdict = judge(host, trigger, happened, name)
			if not verdict.result:
				raise ConditionNotMet(read=dict(verdict.read))
		new = new_run(trigger, happened, name)
		return start_run(host, replace(new, trigger_key=f"api:{trigger.template}:{key}") if key else new)

	return advanced_view(host.runs.transact(work))


def event(
	host: Host,
	triggers: Iterable[Trigger],
	event: Any,
	doctype: Any = None,
	docname: Any = None,
	customer: Any = None,
	variables: Any = None,
	*,
	user: str | None = None,
) -> dict[str, Any]:
	"""Something happened: start every flow of `triggers` that listens; answers what it started or why not."""
	occurrence = _occurrence(read.needed(event, "event"), doctype, docname, customer, variables, user)

	def work() -> list[dict[str, Any]]:
		return [a.as_dict() for a in start_matching(host, triggers, _with_document(host, occurrence))]

	return {"results": host.runs.transact(work)}


def _occurrence(
	event: str, doctype: Any, docname: Any, customer: Any, variables: Any, user: str | None
) -> Occurrence:
	doctype, docname = read.text(doctype, "doctype"), read.text(docname, "docname")
	if (doctype is None) != (docname is None):
		raise BadInput("`doctype` and `docname` go together.")
	return Occurrence(
		event=event,
		doctype=doctype,
		docname=docname,
		customer=read.text(customer, "customer"),
		variables=read.json_object(variables, "variables"),
		user=user,
	)


def _with_document(host: Host, occurrence: Occurrence) -> Occurrence:
	if not occurrence.doctype or not occurrence.docname:
		return occurrence
	return replace(occurrence, doc=host.documents.get(occurrence.doctype, occurrence.docname))


def advance(host: Host, run: Any) -> dict[str, Any]:
	"""Make a running run due now. Raises RunNotFound, RunFinal."""
	run = read.needed(run, "run")
	wake_run(host, run)
	return advanced_view(run)


def complete(
	host: Host,
	run: Any,
	step_id: Any,
	result: Any = None,
	token: Any = None,
	reason: Any = None,
	person: Person | None = None,
) -> dict[str, Any]:
	"""Fire a step that waits, `result` becoming its input. With a token: as the webhook the step waits for.
	Without: as a person, None where nobody has to be asked; `reason` is what they remark.

	Raises BadToken, RunNotFound, StepNotFound, NotAllowed, StepNotWaiting, RunFinal, InputTooLarge, BadInput.
	"""
	run, step_id = read.needed(run, "run"), read.needed(step_id, "step_id")
	token = read.text(token, "token")
	if token is not None and not token_fits(host, run, step_id, token):
		raise BadToken()
	read.storable(result, "result")
	accepted = complete_step(
		host,
		run,
		step_id,
		check_input(result),
		by_webhook=token is not None,
		person=person,
		reason=reason_of(reason),
	)
	return advanced_view(accepted.run)


def token_fits(host: Host, run: str, step_id: str, token: str) -> bool:
	"""Compared in constant time, so that the answer's delay says nothing about the token."""
	return hmac.compare_digest(token.encode(), host.links.token(run, step_id).encode())


def get_run(host: Host, run: Any, values: bool = True) -> dict[str, Any]:
	"""`values`: whether the caller may see results and variables."""
	return {"run": describe_run(host, host.runs.read(read.needed(run, "name")), values)}


def run_log(host: Any, run: Any, step_id: Any, values: bool = True) -> dict[str, Any]:
	"""The attempts of one step, oldest first: `{attempts: [{attempt, state, started, finished, next_at,
	acting_user, error_code, …}], more}`. `values`: whether the caller may see results and messages."""
	run, step_id = read.needed(run, "run"), read.needed(step_id, "step_id")
	record = host.runs.read(run)
	if step_id not in definition_of(host, record):
		raise StepNotFound(f"{run} has no step {step_id[:64]!r}.")
	found = FlowStanding(host.runs).attempts(run, step_id, MAX_ATTEMPTS + 1)
	shown = describe_attempts(found[-MAX_ATTEMPTS:], values)
	return {"attempts": shown, "more": len(found) > MAX_ATTEMPTS}


def list_runs(
	host: Any,
	status: Any = None,
	template: Any = None,
	customer: Any = None,
	doctype: Any = None,
	docname: Any = None,
	limit: Any = None,
	start: Any = None,
	version: Any = None,
	sla_status: Any = None,
	fire: Any = None,
) -> dict[str, Any]:
	"""Runs that match, newest first, without steps. `template`: its id or its name; `version`: the number of
	the one they are on; `sla_status`: how they stand with their service levels; `fire`: the fire of a
	schedule, or the schedule, that started them."""
	status = read.text(status, "status")
	if status is not None and status not in [item.value for item in RunStatus]:
		raise BadInput(f"`status` must be one of {', '.join(item.value for item in RunStatus)}.")
	template = read.text(template, "template")
	filters = {
		"status": status,
		"flow_template": title_of(host, template)["name"] if template else None,
		"template_version": read.whole_number(version, "version", 0, 0, 10_000_000) or None,
		"customer": read.text(customer, "customer"),
		"context_doctype": read.text(doctype, "doctype"),
		"context_docname": read.text(docname, "docname"),
		"sla_status": service_levels.read_standing(sla_status),
	}
	found = host.runs.find_runs(
		{key: value for key, value in filters.items() if value is not None},
		read.whole_number(limit, "limit", 50, 1, MAX_LIST),
		read.whole_number(start, "start", 0, 0, 10_000_000),
		key_of_fire(read.text(fire, "fire")),
	)
	titles: dict[str, str] = {}
	for row in found:
		flow = row["flow_template"]
		if flow not in titles:
			titles[flow] = title_of(host, flow)["template_name"]
		row["template_name"] = titles[flow]
		for column in ("started_at", "completed_at", "wake_at"):
			row[column] = row[column].isoformat() if row[column] is not None else None
	return {"runs": found}
