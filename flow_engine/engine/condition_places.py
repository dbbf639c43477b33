"""Where in a flow conditions stand as text, and what a text means there: turned into data on every save.

- the trigger's condition: about the watched field of a field trigger, else about `doc.status`; nothing has
  begun yet, so `timeout:` has to name a time.
- a step's condition: about `answer` in what was answered to the one step right before it, when that waits for
  a person or a webhook, else about `doc.status`; `timeout:` counts from the start of the run.
- the limit of a step that waits: `timeout:3d` or `3d` are 72 hours.

A text that is not understood stays as it is, for validation to name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flow_engine.engine.condition_forms import GROUPS, MAX_DEPTH, form_of, members_of, parse_rule
from flow_engine.engine.condition_text import DEFAULT_SUBJECT, Place, Strategy, is_text, read_text
from flow_engine.engine.errors import BadCondition
from flow_engine.engine.kinds.base import Kind
from flow_engine.engine.placeholders import is_path
from flow_engine.engine.sla.durations import BadDuration, parse_duration

_FIELD_EVENTS = ("field_change", "workflow_transition")
_WAITS_FOR_AN_ANSWER = ("manual", "on_webhook")
_STARTED = "run.started_at"


def normalise_conditions(
	data: dict[str, Any], kinds: Mapping[str, Kind], strategy: Strategy = Strategy.STRICT
) -> dict[str, Any]:
	"""A definition's data with every text that is understood as data. Never raises, takes linear time and
	changes nothing in place; what needs no change is the same object."""
	changed = dict(data)
	trigger = data.get("trigger")
	if isinstance(trigger, Mapping) and "condition" in trigger:
		condition = normalise_condition(trigger["condition"], place_of_trigger(trigger), strategy)
		if condition is not trigger["condition"]:
			changed["trigger"] = {**trigger, "condition": condition}
	steps = data.get("steps")
	if isinstance(steps, list):
		before = {s["id"]: s for s in steps if isinstance(s, Mapping) and isinstance(s.get("id"), str)}
		made = [_step(step, before, kinds, strategy) if isinstance(step, Mapping) else step for step in steps]
		if any(one is not other for one, other in zip(made, steps, strict=True)):
			changed["steps"] = made
	return changed if any(changed[key] is not data[key] for key in data) else data


def normalise_condition(raw: Any, place: Place, strategy: Strategy = Strategy.STRICT) -> Any:
	"""A condition with every text that is understood as data; the same object when there is none."""
	try:
		return _normalised(raw, place, strategy, 0)
	except RecursionError:
		return raw


def place_of_trigger(trigger: Mapping[str, Any]) -> Place:
	watched = trigger.get("field") if trigger.get("doc_event") in _FIELD_EVENTS else None
	if trigger.get("event") == "doc_event" and isinstance(watched, str) and is_path(f"doc.{watched}"):
		return Place(f"doc.{watched}")
	return Place()


def place_of_step(step: Mapping[str, Any], steps: Mapping[str, Mapping[str, Any]]) -> Place:
	"""steps: the flow's, by id."""
	others = step.get("depends_on")
	named = [step.get("parent_id"), *(others if isinstance(others, list | tuple) else ())]
	names = {name for name in named if isinstance(name, str) and name}
	return Place(_answer_to(names.pop(), steps) if len(names) == 1 else DEFAULT_SUBJECT, _STARTED)


def _answer_to(name: str, steps: Mapping[str, Mapping[str, Any]]) -> str:
	trigger = steps[name].get("trigger") if name in steps else None
	asked = isinstance(trigger, Mapping) and trigger.get("type") in _WAITS_FOR_AN_ANSWER
	return f"steps.{name}.result.input.answer" if asked else DEFAULT_SUBJECT


def _normalised(raw: Any, place: Place, strategy: Strategy, depth: int) -> Any:
	if depth > MAX_DEPTH:
		return raw
	if is_text(raw):
		try:
			return read_text(raw, place, strategy, inside=depth > 0)
		except BadCondition:
			return raw
	condition = raw
	if isinstance(raw, str) and raw.strip() and not depth:
		try:
			condition = parse_rule(raw)
		except BadCondition:
			return raw
	if not isinstance(condition, Mapping) or not all(isinstance(key, str) for key in condition):
		return raw
	if form_of(condition) != "group":
		return raw
	changed = {
		key: _members(key, value, place, strategy, depth + 1) if key in GROUPS else value
		for key, value in condition.items()
	}
	return changed if any(changed[key] is not condition[key] for key in changed) else raw


def _members(name: str, value: Any, place: Place, strategy: Strategy, depth: int) -> Any:
	if name == "not":
		return _normalised(value, place, strategy, depth)
	try:
		members = members_of(name, value)
	except BadCondition:
		return value
	if not isinstance(members, list):
		return value
	made = [_normalised(member, place, strategy, depth) for member in members]
	return made if any(one is not other for one, other in zip(made, members, strict=True)) else value


def _step(
	step: Mapping[str, Any], steps: Mapping[str, Any], kinds: Mapping[str, Kind], strategy: Strategy
) -> Mapping[str, Any]:
	changes: dict[str, Any] = {}
	trigger = step.get("trigger")
	if isinstance(trigger, Mapping):
		hours = _hours(trigger.get("timeout_hours"))
		if hours is not None:
			changes["trigger"] = {**trigger, "timeout_hours": hours}
	name = step.get("kind")
	kind = kinds.get(name) if isinstance(name, str) else None
	fields = [field.name for field in kind.fields if field.type == "condition"] if kind else []
	if fields:
		payload = _payload(step.get("payload"), fields, place_of_step(step, steps), strategy)
		if payload is not step.get("payload"):
			changes["payload"] = payload
	return {**step, **changes} if changes else step


def _payload(payload: Any, fields: Sequence[str], place: Place, strategy: Strategy) -> Any:
	if not isinstance(payload, Mapping):
		return payload
	changed = dict(payload)
	for name in fields:
		if payload.get(name) is None or name == "logic":
			continue
		if name in GROUPS:
			changed[name] = _members(name, payload[name], place, strategy, 1)
		else:
			changed[name] = normalise_condition(payload[name], place, strategy)
	return changed if any(changed[name] is not payload[name] for name in changed) else payload


def _hours(limit: Any) -> int | float | None:
	"""A limit written as a duration, in hours; None when it is something else."""
	if not isinstance(limit, str):
		return None
	text = limit.strip()
	try:
		seconds = parse_duration(text[8:] if text.lower().startswith("timeout:") else text).elapsed_seconds
	except BadDuration:
		return None
	return seconds // 3_600 if seconds % 3_600 == 0 else seconds / 3_600
