"""Everything wrong with a flow definition, all at once, in time linear in its size.

This module reads the definition and checks the flow itself; the steps one by one are step_checks' (their
payloads payload_checks'), how they hang together graph_checks', and what they read reference_checks'. A
definition without errors can be parsed and run; warnings only point at what is probably a mistake.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from flow_engine.engine.allow_lists import KEYS as ALLOW_LIST_KEYS
from flow_engine.engine.allow_lists import list_problems
from flow_engine.engine.condition_places import normalise_conditions
from flow_engine.engine.condition_text import Strategy
from flow_engine.engine.conditions import condition_problems
from flow_engine.engine.definition import (
	DATE_TRIGGER_KEYS,
	FLOW_KEYS,
	FLOW_TRIGGER_KEYS,
	MAX_BYTES,
	MAX_STEPS,
	Compensate,
	schema_fields,
	upgrade_definition,
)
from flow_engine.engine.errors import InvalidDefinition
from flow_engine.engine.graph_checks import check_graph
from flow_engine.engine.kinds.base import Kind
from flow_engine.engine.payload_schema import schema_problems
from flow_engine.engine.plain import parse_json
from flow_engine.engine.problems import Problem, Problems, has_errors, joined, quoted, storage_problems, under
from flow_engine.engine.reference_checks import check_references
from flow_engine.engine.schedules.dates import EVENT as DATE_EVENT
from flow_engine.engine.schedules.dates import rule_problems
from flow_engine.engine.sla.rules import sla_problems
from flow_engine.engine.step_checks import check_steps

__all__ = ["DOC_EVENTS", "Problem", "has_errors", "validate_definition"]

DOC_EVENT = "doc_event"
MANUAL = "manual"
DOC_EVENTS = (
	"after_insert",
	"on_update",
	"on_submit",
	"on_cancel",
	"on_update_after_submit",
	"on_trash",
	"field_change",
	"workflow_transition",
)
_FIELD_EVENTS = ("field_change", "workflow_transition")


def validate_definition(
	raw: Any,
	kinds: Mapping[str, Kind],
	*,
	events: Collection[str] | None = None,
	context: Collection[str] = (),
	strategy: Strategy = Strategy.STRICT,
) -> list[Problem]:
	"""Every problem of a definition given as text or data of any type; never raises.

	kinds: what is installed, by name. events: the business events there are; None leaves them unchecked.
	context: the context roots that other apps add. strategy: the site's, for conditions written as text. What
	is no JSON object, too large, or nested beyond reason has that one problem; above MAX_STEPS steps, what
	needs the whole graph (cycles, unreachable dependencies, reads) is not looked at.
	"""
	problems = Problems()
	data = _read(raw, problems)
	if data is not None:
		data = normalise_conditions(dict(data), kinds, strategy)
		_check_flow(data, kinds, events, context, problems)
	return list(problems.found.values())


def _read(raw: Any, problems: Problems) -> Mapping[str, Any] | None:
	"""The definition as data of the current version; None when there is nothing to check further."""
	if isinstance(raw, bytes | bytearray):
		try:
			raw = bytes(raw).decode()
		except UnicodeDecodeError:
			problems.add("", "bad_json", "The definition is not UTF-8 text.")
			return None
	if isinstance(raw, str):
		# Characters first: a text that is too long by those is not encoded at all.
		if len(raw) > MAX_BYTES or len(raw.encode(errors="replace")) > MAX_BYTES:
			problems.add("", "too_large", f"The definition is larger than {MAX_BYTES:,} bytes.")
			return None
		try:
			raw = parse_json(raw)
		except ValueError as error:
			problems.add("", "bad_json", f"Not valid JSON: {error}.")
			return None
	for path, code, message in storage_problems(raw):
		problems.add("" if path == "(top)" else path, code, message)
		if not path:
			return None
	try:
		return upgrade_definition(dict(raw) if isinstance(raw, Mapping) else raw)
	except InvalidDefinition as error:
		for problem in error.problems:
			problems.add(problem["path"], problem["code"], problem["message"])
	return None


def _check_flow(
	data: Mapping[str, Any],
	kinds: Mapping[str, Kind],
	events: Collection[str] | None,
	context: Collection[str],
	problems: Problems,
) -> None:
	for key in data:
		if key not in FLOW_KEYS:
			problems.add(joined("", key), "unknown_key", f"A flow has no {quoted(key)}.")
	trigger = data.get("trigger")
	if trigger is not None and not isinstance(trigger, Mapping):
		problems.add("trigger", "bad_value", "The trigger is an object with an event.")
		trigger = None
	_check_trigger(trigger or {}, events, problems)
	variables = data.get("variables")
	if variables is not None and not isinstance(variables, Mapping):
		problems.add("variables", "bad_value", "Variables are an object of names and values.")
		variables = None
	for problem in schema_problems(data.get("payload_schema")):
		problems.add(problem.path, problem.code, problem.message, severity=problem.severity)
	when = data.get("compensate")
	if when is not None and (not isinstance(when, str) or when not in tuple(Compensate)):
		problems.add("compensate", "bad_value", f"compensate is one of: {', '.join(Compensate)}.")
	if data.get("sla") not in (None, {}):
		for subpath, code, message in sla_problems(data["sla"], of_flow=True):
			problems.add(f"sla.{subpath}" if subpath else "sla", code, message)
	_check_starters(data.get("starters"), problems)
	steps = data.get("steps")
	if steps is None:
		problems.add("steps", "missing_field", "The flow has no list of steps.")
	elif not isinstance(steps, list | tuple):
		problems.add("steps", "bad_value", "Steps are a list.")
	else:
		if len(steps) > MAX_STEPS:
			problems.add(
				"steps", "too_many_steps", f"There are {len(steps):,} steps; {MAX_STEPS:,} are allowed."
			)
		checked = check_steps(steps, kinds, problems)
		graph = check_graph(checked, problems, whole=len(steps) <= MAX_STEPS)
		if graph is not None:
			declared = {**dict.fromkeys(schema_fields(data.get("payload_schema"))), **(variables or {})}
			check_references(checked, graph, trigger or {}, declared, context, problems)


def _check_starters(starters: Any, problems: Problems) -> None:
	if starters is None:
		return
	if not isinstance(starters, Mapping):
		problems.add("starters", "bad_value", "Who may start the flow is an object with users and roles.")
		return
	for key, value in starters.items():
		if key not in ALLOW_LIST_KEYS:
			problems.add(joined("starters", key), "unknown_key", f"Starters have no {quoted(key)}.")
			continue
		for subpath, code, message in list_problems(value, templates=False):
			problems.add(f"starters.{key}{subpath}", code, message)


def _check_trigger(trigger: Mapping[str, Any], events: Collection[str] | None, problems: Problems) -> None:
	for key in trigger:
		if key not in FLOW_TRIGGER_KEYS:
			problems.add(joined("trigger", key), "unknown_key", f"A trigger has no {quoted(key)}.")
	event = trigger.get("event")
	if event is not None and not isinstance(event, str):
		problems.add("trigger.event", "unknown_trigger", "The event is a name.")
	elif event and events is not None and event not in (MANUAL, DOC_EVENT) and event not in events:
		problems.add("trigger.event", "unknown_trigger", f"There is no event {quoted(event)}.")
	for path, code, message in condition_problems(trigger.get("condition")):
		problems.add(under("trigger.condition", path), code, message)
	on_import = trigger.get("on_import")
	if on_import is not None and on_import not in (0, 1):
		problems.add("trigger.on_import", "bad_value", "on_import is true or false.")
	for key in ("doctype", "field"):
		value = trigger.get(key)
		if value is not None and not isinstance(value, str):
			problems.add(f"trigger.{key}", "bad_value", f"The {key} is a name.")
	for key in ("from", "to"):
		if isinstance(trigger.get(key), Mapping):
			problems.add(f"trigger.{key}", "bad_value", "The value of a field is a text, a number or a list.")
	if event == DATE_EVENT:
		for key, code, message in rule_problems(trigger):
			problems.add(f"trigger.{key}", code, message)
	else:
		for key in DATE_TRIGGER_KEYS:
			if trigger.get(key) not in (None, ""):
				message = f"{quoted(key)} means something only when the event is {DATE_EVENT}."
				problems.add(f"trigger.{key}", "unknown_key", message)
	if event == DOC_EVENT:
		_check_document_event(trigger, problems)
	else:
		for key in ("doc_event", "field", "from", "to"):
			if trigger.get(key) not in (None, "") and (key, event) != ("field", DATE_EVENT):
				message = f"{quoted(key)} means something only when the event is {DOC_EVENT}."
				problems.add(f"trigger.{key}", "unknown_key", message)


def _check_document_event(trigger: Mapping[str, Any], problems: Problems) -> None:
	if trigger.get("doctype") in (None, ""):
		problems.add("trigger.doctype", "missing_field", "Choose the DocType whose documents start the flow.")
	doc_event = trigger.get("doc_event")
	if doc_event in (None, ""):
		problems.add("trigger.doc_event", "missing_field", "Choose what happens to the document.")
	elif not isinstance(doc_event, str) or doc_event not in DOC_EVENTS:
		message = f"There is no document event {quoted(doc_event)} (there are: {', '.join(DOC_EVENTS)})."
		problems.add("trigger.doc_event", "unknown_trigger", message)
	elif doc_event == "field_change" and trigger.get("field") in (None, ""):
		problems.add("trigger.field", "missing_field", "Choose the field whose change starts the flow.")
	elif doc_event not in _FIELD_EVENTS:
		for key in ("field", "from", "to"):
			if trigger.get(key) not in (None, ""):
				problems.add(
					f"trigger.{key}", "unknown_key", f"{quoted(key)} means nothing for {quoted(doc_event)}."
				)
