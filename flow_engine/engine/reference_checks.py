"""What templates and conditions read: warnings for values that are not there when the step runs.

Only what is certain is said: fields of documents are not known here, and variables may come with the event.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flow_engine.engine.condition_checks import string_leaves
from flow_engine.engine.conditions import paths_read
from flow_engine.engine.definition import TriggerType
from flow_engine.engine.graph_checks import Graph
from flow_engine.engine.payload_checks import CONDITION_PARTS
from flow_engine.engine.placeholders import find_placeholders, is_path, parse_placeholder
from flow_engine.engine.problems import WARNING, Problems, quoted, under
from flow_engine.engine.step_checks import CheckedStep
from flow_engine.engine.step_values import PARTS as STEP_PARTS

COMPENSATES = "compensates"
ROOTS = (
	"doc",
	"customer",
	"run",
	"template",
	"variables",
	"now",
	"steps",
	"input",
	"links",
	"trigger",
	COMPENSATES,
)
TRIGGER_PARTS = ("event", "user", "changed", "before", "schedule", "date")
COMPENSATES_PARTS = ("run", "why", "reason", "status", "error", "step", "result")
_NOT_BEFORE_THE_START = ("steps", "input", "links", "run", COMPENSATES)
_TAKES_INPUT = (TriggerType.ON_WEBHOOK, TriggerType.MANUAL)


@dataclass(frozen=True, slots=True)
class _Flow:
	steps: Sequence[CheckedStep]
	graph: Graph
	variables: Mapping[str, Any]
	roots: frozenset[str]
	only_declared_variables: bool


def check_references(
	steps: Sequence[CheckedStep],
	graph: Graph,
	trigger: Mapping[str, Any],
	variables: Mapping[str, Any],
	context: Collection[str],
	problems: Problems,
) -> None:
	"""Reports `unknown_variable` warnings. `context`: roots beside the engine's own."""
	# A business event, a person and the API bring variables of their own; a document event brings none.
	only_declared = trigger.get("event") == "doc_event"
	flow = _Flow(steps, graph, variables, frozenset(ROOTS) | frozenset(context) | {"secret"}, only_declared)
	for subpath, read in paths_read(trigger.get("condition")):
		message = _wrong_before_the_start(read, flow)
		if message:
			path = under("trigger.condition", subpath)
			problems.add(path, "unknown_variable", message, severity=WARNING)
	for node, step in enumerate(steps):
		for subpath, read in _reads(step):
			message = _wrong_in_a_step(read, node, flow)
			if message:
				path = f"{step.path}.{subpath}"
				problems.add(path, "unknown_variable", message, step=step.id, severity=WARNING)


def _reads(step: CheckedStep) -> Iterator[tuple[str, str]]:
	"""`(path inside the step, dotted path read)`."""
	types = {field.name: field.type for field in step.kind.fields} if step.kind else {}
	for name, value in step.payload.items():
		kind_of_field = types.get(name)
		if kind_of_field == "condition":
			alone = name in CONDITION_PARTS
			for subpath, read in paths_read({name: value} if alone else value):
				yield under("payload" if alone else f"payload.{name}", subpath), read
		elif kind_of_field == "variable":
			yield from _variable_read(f"payload.{name}", value)
		else:
			yield from _template_reads(f"payload.{name}", value)
	for name, value in step.trigger.items():
		yield from _template_reads(f"trigger.{name}", value)


def _variable_read(path: str, value: Any) -> Iterator[tuple[str, str]]:
	text = value.strip() if isinstance(value, str) else ""
	placeholder = parse_placeholder(text)
	if placeholder:
		yield path, placeholder.path
	elif is_path(text):
		yield path, text


def _template_reads(path: str, value: Any) -> Iterator[tuple[str, str]]:
	for subpath, text in string_leaves(value, path):
		for placeholder in find_placeholders(text):
			yield subpath, placeholder.path


def _wrong_before_the_start(read: str, flow: _Flow) -> str | None:
	root = read.split(".", 1)[0]
	if root in _NOT_BEFORE_THE_START:
		return f"{quoted(read)} is not there yet when the flow decides whether to start."
	return _wrong_anywhere(read.split("."), read, flow)


def _wrong_in_a_step(read: str, node: int, flow: _Flow) -> str | None:
	root, *rest = read.split(".")
	if root == "steps" and rest:
		return _wrong_step(rest, read, node, flow)
	if root == COMPENSATES:
		if flow.graph.undone_by[node] < 0:
			return f"{quoted(read)}: only a step that undoes another one has it."
		if rest and rest[0] not in COMPENSATES_PARTS:
			return f"{quoted(read)}: of what is undone there are {', '.join(COMPENSATES_PARTS)}."
	if root == "links" and rest:
		other = flow.graph.node.get(rest[0])
		if other is None or flow.steps[other].trigger_type is not TriggerType.ON_WEBHOOK:
			return f"{quoted(read)}: {quoted(rest[0])} is no step that waits for a webhook."
	if root == "input" and flow.steps[node].trigger_type not in (*_TAKES_INPUT, None):
		return "Only a step that waits for a webhook or a person has an input; read steps.<id>.result.input."
	return _wrong_anywhere([root, *rest], read, flow)


def _wrong_step(rest: list[str], read: str, node: int, flow: _Flow) -> str | None:
	other = flow.graph.node.get(rest[0])
	if other is None:
		return f"{quoted(read)}: there is no step {quoted(rest[0])}."
	if len(rest) > 1 and rest[1] not in STEP_PARTS:
		return f"{quoted(read)}: of a step there are {', '.join(STEP_PARTS)}."
	if not flow.graph.is_upstream(other, node):
		label = flow.steps[other].label
		return f"{quoted(read)}: this step does not wait for “{label}”, so the value depends on timing."
	return None


def _wrong_anywhere(segments: list[str], read: str, flow: _Flow) -> str | None:
	root, rest = segments[0], segments[1:]
	if root not in flow.roots:
		return f"There is no {quoted(root)} (there are: {', '.join(sorted(flow.roots - {'secret'}))})."
	if root == "trigger" and rest and rest[0] not in TRIGGER_PARTS:
		return f"{quoted(read)}: of the trigger there are {', '.join(TRIGGER_PARTS)}."
	if root == "variables" and rest and flow.only_declared_variables and rest[0] not in flow.variables:
		return f"{quoted(read)}: the flow declares no variable {quoted(rest[0])}."
	return None
