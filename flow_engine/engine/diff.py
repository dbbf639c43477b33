"""What differs between two flow definitions: steps added, removed, moved and changed field by field, and what
the flow says beside its steps. Pure, linear but for the order of siblings (n log n), and never refuses: a
draft may be half made.

Decides what counts as a difference. A value that is absent, null or an empty list or object is one and the
same; the order of keys says nothing. A step is *moved* when it hangs elsewhere, or when its siblings' order
cannot be had without moving it; the fewest steps possible are said to have moved. How it is put into words is
the service's (`service/differences.py`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flow_engine.engine.enums import StrEnum

# Where a step hangs is its place; what else it says are its fields.
PLACE = ("parent_id", "branch")
_OF_ITS_OWN = ("version", "steps", "variables", "trigger")
# What a step says where it says nothing.
DEFAULTS: Mapping[tuple[str, ...], Any] = {
	("trigger", "type"): "on_prev_complete",
	("on_error",): "fail",
	("disabled",): False,
	("note",): "",
}


class What(StrEnum):
	"""What a change is about. `flow`: a key of the definition beside these; `setting`: a template's own."""

	TRIGGER = "trigger"
	VARIABLE = "variable"
	FLOW = "flow"
	STEP = "step"
	SETTING = "setting"


class How(StrEnum):
	ADDED = "added"
	REMOVED = "removed"
	MOVED = "moved"
	CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class FieldChange:
	"""One value that differs. `path`: keys from the step, the trigger or the value downwards; None where
	there is nothing."""

	path: tuple[str, ...]
	before: Any
	after: Any


@dataclass(frozen=True, slots=True)
class Place:
	"""Where a step hangs: under which step, on which of its branches, behind which sibling."""

	parent_id: str | None
	branch: str | None
	after: str | None


@dataclass(frozen=True, slots=True)
class Change:
	"""`name`: the step's id, the variable, the key or the setting. A step that moved and changed is `changed`
	and has both `places`: (before, after)."""

	what: What
	how: How
	name: str = ""
	fields: tuple[FieldChange, ...] = ()
	places: tuple[Place, Place] | None = None

	@property
	def moved(self) -> bool:
		return self.places is not None


def compare(
	before: Mapping[str, Any],
	after: Mapping[str, Any],
	settings: tuple[Mapping[str, Any], Mapping[str, Any]] = ({}, {}),
) -> list[Change]:
	"""Two definitions as JSON data, and the settings that go with them: trigger first, then variables and the
	flow's own keys, then steps as they stand afterwards with the removed ones where they stood, then
	settings."""
	return [
		*_trigger(before, after),
		*_entries(What.VARIABLE, _object(before.get("variables")), _object(after.get("variables"))),
		*_entries(What.FLOW, _own(before), _own(after)),
		*_steps(before, after),
		*_entries(What.SETTING, *settings),
	]


def merged(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
	"""The later definition with the removed steps put back where they stood: one tree to draw both on."""
	now = steps_of(after)
	behind: dict[str | None, list[Any]] = {}
	anchor: str | None = None
	for step_id, step in steps_of(before).items():
		if step_id in now:
			anchor = step_id
		else:
			behind.setdefault(anchor, []).append(step)
	steps = list(behind.get(None, ()))
	for step_id, step in now.items():
		steps += [step, *behind.get(step_id, ())]
	return {**after, "steps": steps}


def steps_of(definition: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
	"""step id → step; what is no step, or has another's id, is left out: validation has told of it."""
	listed = definition.get("steps")
	found: dict[str, Mapping[str, Any]] = {}
	for step in listed if isinstance(listed, list) else ():
		if isinstance(step, Mapping) and isinstance(step.get("id"), str):
			found.setdefault(step["id"], step)
	return found


def _trigger(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
	fields = tuple(_differences(_object(before.get("trigger")), _object(after.get("trigger"))))
	if fields:
		yield Change(What.TRIGGER, How.CHANGED, fields=fields)


def _own(definition: Mapping[str, Any]) -> dict[str, Any]:
	return {key: value for key, value in definition.items() if key not in _OF_ITS_OWN}


def _entries(what: What, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
	for name in dict.fromkeys((*before, *after)):
		old, new = _said(before.get(name)), _said(after.get(name))
		# A variable may well be null or empty; what counts is whether it is there.
		of_variables = what is What.VARIABLE
		was, is_now = (name in before, name in after) if of_variables else (old is not None, new is not None)
		if was == is_now and _same(old, new):
			continue
		how = How.CHANGED if was and is_now else How.ADDED if is_now else How.REMOVED
		yield Change(what, how, str(name), tuple(_differences(old, new)))


def _steps(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
	old, new = steps_of(before), steps_of(after)
	were, are = _places(old), _places(new)
	moved = _moved(were, are)
	for step in merged(before, after)["steps"]:
		step_id = step["id"]
		if step_id not in new:
			yield Change(What.STEP, How.REMOVED, step_id)
		elif step_id not in old:
			yield Change(What.STEP, How.ADDED, step_id)
		else:
			fields = tuple(_differences(_fields(old[step_id]), _fields(new[step_id])))
			places = (were[step_id], are[step_id]) if step_id in moved else None
			if fields or places:
				how = How.CHANGED if fields else How.MOVED
				yield Change(What.STEP, how, step_id, fields, places)


def _fields(step: Mapping[str, Any]) -> dict[str, Any]:
	return {key: value for key, value in step.items() if key != "id" and key not in PLACE}


def _places(steps: Mapping[str, Mapping[str, Any]]) -> dict[str, Place]:
	last: dict[tuple[Any, Any], str] = {}
	found = {}
	for step_id, step in steps.items():
		at = (_text(step.get("parent_id")), _text(step.get("branch")))
		found[step_id] = Place(*at, last.get(at))
		last[at] = step_id
	return found


def _moved(before: Mapping[str, Place], after: Mapping[str, Place]) -> set[str]:
	"""Steps that hang elsewhere, and the fewest of those whose siblings are in another order."""
	order = {step_id: at for at, step_id in enumerate(before)}
	moved = set()
	siblings: dict[tuple[Any, Any], list[str]] = {}
	for step_id, place in after.items():
		if step_id not in before:
			continue
		was = before[step_id]
		if (was.parent_id, was.branch) == (place.parent_id, place.branch):
			siblings.setdefault((place.parent_id, place.branch), []).append(step_id)
		else:
			moved.add(step_id)
	for group in siblings.values():
		moved.update(set(group) - _in_order(group, order))
	return moved


def _in_order(group: Sequence[str], order: Mapping[str, int]) -> set[str]:
	"""A longest part of the group that stands in the old order."""
	ends: list[int] = []
	tails: list[str] = []
	before: dict[str, str | None] = {}
	for one in group:
		at = bisect_left(ends, order[one])
		before[one] = tails[at - 1] if at else None
		ends[at : at + 1] = [order[one]]
		tails[at : at + 1] = [one]
	kept = set()
	walk = tails[-1] if tails else None
	while walk is not None:
		kept.add(walk)
		walk = before[walk]
	return kept


def _differences(before: Any, after: Any, path: tuple[str, ...] = ()) -> Iterator[FieldChange]:
	"""Where two values differ: objects key by key, everything else as a whole."""
	waiting = [(path, before, after)]
	while waiting:
		at, old, new = waiting.pop()
		old, new = _said(old, at), _said(new, at)
		if _same(old, new):
			continue
		if isinstance(old, Mapping) and isinstance(new, Mapping):
			keys = dict.fromkeys((*old, *new))
			waiting += [((*at, str(key)), old.get(key), new.get(key)) for key in reversed(keys)]
		elif at in _WHOLE or not (old is None or new is None) or not isinstance(old or new, Mapping):
			yield FieldChange(at, old, new)
		else:
			# All of an object came or went: each of its values did.
			keys = dict.fromkeys(old or new)
			waiting += [
				((*at, str(key)), (old or {}).get(key), (new or {}).get(key)) for key in reversed(keys)
			]


# Read as one: a condition is a sentence, not a form.
_WHOLE = (("condition",),)


def _said(value: Any, path: tuple[str, ...] = ()) -> Any:
	"""A value, or None for one that says nothing or says what holds anyway."""
	if path in DEFAULTS and value == DEFAULTS[path]:
		return None
	return None if value in ([], {}, "") or value is None else value


def _same(one: Any, other: Any) -> bool:
	# 1 and True, and 1 and 1.0, are equal to Python and not to a reader of JSON.
	return type(one) is type(other) and one == other and _shape(one) == _shape(other)


def _shape(value: Any) -> Any:
	if isinstance(value, Mapping):
		return {key: _shape(entry) for key, entry in value.items()}
	if isinstance(value, list):
		return [_shape(entry) for entry in value]
	return type(value)


def _object(value: Any) -> Mapping[str, Any]:
	return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
	return value if isinstance(value, str) and value else None
