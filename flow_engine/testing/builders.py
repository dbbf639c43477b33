"""Small builders for definitions and kinds: a test says what matters and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flow_engine.engine.definition import FlowDefinition, parse_definition
from flow_engine.engine.kinds.base import Effect, Field, Kind, StepContext
from flow_engine.engine.outcomes import Done, Outcome


def step(step_id: str, kind: str = "wait", **keys: Any) -> dict[str, Any]:
	"""One step as JSON. `parent` and `after` are short for `parent_id` and `depends_on`, `when` for a
	trigger: its type, or `(type, {fields})`."""
	data: dict[str, Any] = {
		"id": step_id,
		"kind": kind,
		"label": step_id,
		"parent_id": keys.pop("parent", None),
		"branch": keys.pop("branch", None),
		"depends_on": list(keys.pop("after", ())),
		"trigger": _trigger(keys.pop("when", "on_prev_complete")),
		"payload": keys.pop("payload", {}),
	}
	return {**data, **keys}


def _trigger(when: Any) -> dict[str, Any]:
	if isinstance(when, str):
		return {"type": when}
	kind, fields = when
	return {"type": kind, **fields}


def flow(*steps: Mapping[str, Any], variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
	"""A definition as JSON that is started by hand."""
	return {
		"version": 1,
		"trigger": {"event": "manual", "condition": ""},
		"variables": dict(variables or {}),
		"steps": list(steps),
	}


def parsed(*steps: Mapping[str, Any]) -> FlowDefinition:
	"""The same, as the engine holds it."""
	return parse_definition(flow(*steps))


def issue(step_id: str, subject: str = "", **keys: Any) -> dict[str, Any]:
	"""A step that opens an Issue: a database effect that can be counted."""
	return step(step_id, "issue", payload={"subject": subject or step_id}, **keys)


def make_kind(
	name: str,
	handle: Callable[[StepContext], Outcome | Any] = lambda ctx: Done(),
	effect: Effect = Effect.DATABASE,
	*,
	repeat_safe: bool = False,
	branches: tuple[str, ...] = (),
	fields: tuple[Field, ...] = (Field("value", "Value", "template"),),
) -> Kind:
	"""A kind for a test; its payload is one free `value`."""
	return Kind(
		name=name,
		label=name.capitalize(),
		icon="tool",
		colour="#123456",
		effect=effect,
		fields=fields,
		branches=branches,
		handle=handle,
		repeat_safe_of=lambda payload: repeat_safe,
		help="Made for a test.",
	)
