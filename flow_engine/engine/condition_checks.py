"""What is wrong with a condition, and which paths it may read, found without evaluating it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flow_engine.engine.condition_forms import (
	GROUPS,
	MAX_DEPTH,
	PREDICATE_KEYS,
	field_reads,
	form_of,
	is_always,
	members_of,
	parse_condition,
	parse_rule,
)
from flow_engine.engine.condition_text import is_text
from flow_engine.engine.errors import BadCondition
from flow_engine.engine.jsonlogic import ITERATORS, OPERATORS, arguments, is_operation
from flow_engine.engine.placeholders import find_placeholders, is_path, is_secret, placeholder_problems
from flow_engine.engine.plain import as_text
from flow_engine.engine.predicates import PREDICATES

Found = tuple[str, str, str]


def condition_problems(raw: Any) -> list[Found]:
	"""Everything wrong with a condition: `(path inside the condition, code, message)`; never raises.

	Codes: bad_condition, unknown_operator, unknown_key, bad_template.
	"""
	found: list[Found] = []
	try:
		found.extend(_problems(parse_condition(raw), "", 0))
	except BadCondition as error:
		found.append(("", "bad_condition", error.message))
	except RecursionError:
		found.append(("", "bad_condition", "The condition is nested too deeply."))
	return found


def _problems(condition: Any, path: str, depth: int) -> Iterator[Found]:
	if depth > MAX_DEPTH:
		yield path, "bad_condition", f"The condition is nested deeper than {MAX_DEPTH} levels."
	elif is_always(condition):
		return
	elif is_text(condition):
		try:
			read = parse_condition(condition, inside=depth > 0)
		except BadCondition as error:
			yield path, "bad_condition", error.message
			return
		yield from _problems(read, path, depth + 1)
	elif not isinstance(condition, Mapping) or not all(isinstance(key, str) for key in condition):
		yield path, "bad_condition", "A condition is a predicate, a group or JSONLogic."
	else:
		form = form_of(condition)
		if form == "predicate":
			yield from _predicate_problems(condition, path)
		elif form == "group":
			yield from _group_problems(condition, path, depth)
		elif form == "bare":
			yield from _logic_problems(condition, path, 0)
		elif form == "logic":
			yield from _extra_keys(condition, ("logic",), path)
			yield from _logic_problems(parse_rule(condition["logic"]), _join(path, "logic"), 0)
		elif len(condition) == 1:
			yield path, "unknown_operator", f"There is no operator “{next(iter(condition))[:40]}”."
		else:
			yield path, "bad_condition", "A condition is a predicate, a group or JSONLogic."


def _extra_keys(condition: Mapping[str, Any], allowed: tuple[str, ...], path: str) -> Iterator[Found]:
	for key in condition:
		if key not in allowed:
			yield _join(path, key[:80]), "unknown_key", f"“{key[:80]}” has no meaning here."


def _predicate_problems(predicate: Mapping[str, Any], path: str) -> Iterator[Found]:
	yield from _extra_keys(predicate, PREDICATE_KEYS, path)
	name, op, value = (predicate.get(key) for key in PREDICATE_KEYS)
	source = field_reads(name)
	if source is None:
		wrong = placeholder_problems(name) if isinstance(name, str) else []
		message = wrong[0] if wrong else "Choose the value to look at."
		yield _join(path, "field"), "bad_template" if wrong else "bad_condition", message
	elif source.is_secret:
		yield _join(path, "field"), "bad_template", "A secret cannot be read here."
	if op is None or op == "":
		yield _join(path, "op"), "bad_condition", "Choose an operator."
	elif not isinstance(op, str) or op not in PREDICATES:
		known = ", ".join(PREDICATES)
		yield (
			_join(path, "op"),
			"unknown_operator",
			f"There is no operator “{as_text(op)[:40]}” (there are: {known}).",
		)
	for subpath, text in string_leaves(value, _join(path, "value")):
		for message in placeholder_problems(text):
			yield subpath, "bad_template", message
		if any(one.is_secret for one in find_placeholders(text)):
			yield subpath, "bad_template", "A secret cannot be read here."


def _group_problems(group: Mapping[str, Any], path: str, depth: int) -> Iterator[Found]:
	name = next(key for key in GROUPS if key in group)
	yield from _extra_keys(group, (name,), path)
	members = members_of(name, group[name])
	if name == "not":
		yield from _problems(members, _join(path, name), depth + 1)
	elif isinstance(members, list | tuple):
		for i, member in enumerate(members):
			yield from _problems(member, f"{_join(path, name)}[{i}]", depth + 1)
	else:
		yield _join(path, name), "bad_condition", f"“{name}” takes a list of conditions."


def _logic_problems(logic: Any, path: str, depth: int) -> Iterator[Found]:
	if depth > MAX_DEPTH:
		yield path, "bad_condition", f"The JSONLogic rule is nested deeper than {MAX_DEPTH} levels."
	elif isinstance(logic, list | tuple):
		for i, item in enumerate(logic):
			yield from _logic_problems(item, f"{path}[{i}]", depth + 1)
	elif is_operation(logic):
		operator, args = arguments(logic)
		if operator not in OPERATORS:
			yield path, "unknown_operator", f"There is no JSONLogic operator “{str(operator)[:40]}”."
			return
		if operator == "var" and args and isinstance(args[0], str) and is_secret(args[0]):
			yield path, "bad_template", "A secret cannot be read here."
		for i, arg in enumerate(args):
			yield from _logic_problems(arg, f"{_join(path, operator)}[{i}]", depth + 1)


def paths_read(raw: Any) -> list[tuple[str, str]]:
	"""`(path inside the condition, dotted path)` of everything a condition may read of the context.

	What JSONLogic reads of the items it iterates over is no path of the context and is left out. Never
	raises; what is malformed reads nothing.
	"""
	try:
		return list(_reads(parse_condition(raw), "", 0))
	except (BadCondition, RecursionError):
		return []


def _reads(condition: Any, path: str, depth: int) -> Iterator[tuple[str, str]]:
	if is_text(condition):
		condition = parse_condition(condition, inside=depth > 0)
	if depth > MAX_DEPTH or not isinstance(condition, Mapping) or not condition:
		return
	form = form_of(condition)
	if form == "predicate":
		source = field_reads(condition.get("field"))
		if source is not None:
			yield _join(path, "field"), source.path
		for subpath, text in string_leaves(condition.get("value"), _join(path, "value")):
			for placeholder in find_placeholders(text):
				yield subpath, placeholder.path
	elif form == "group":
		for name in GROUPS:
			members = members_of(name, condition.get(name))
			if name == "not":
				yield from _reads(members, _join(path, name), depth + 1)
			elif isinstance(members, list | tuple):
				for i, member in enumerate(members):
					yield from _reads(member, f"{_join(path, name)}[{i}]", depth + 1)
	elif form == "logic":
		yield from _logic_reads(parse_rule(condition["logic"]), _join(path, "logic"), 0)
	elif form == "bare":
		yield from _logic_reads(condition, path, 0)


def _logic_reads(logic: Any, path: str, depth: int) -> Iterator[tuple[str, str]]:
	if depth > MAX_DEPTH:
		return
	if isinstance(logic, list | tuple):
		for i, item in enumerate(logic):
			yield from _logic_reads(item, f"{path}[{i}]", depth + 1)
	elif is_operation(logic):
		operator, args = arguments(logic)
		names: list[Any] = []
		if operator == "var":
			names = args[:1]
		elif operator == "missing":
			names = args
		elif operator == "missing_some" and len(args) > 1 and isinstance(args[1], list):
			names = args[1]
		for name in names:
			if isinstance(name, str) and is_path(name):
				yield path, name
		for i, arg in enumerate(args):
			if not (operator in ITERATORS and i == 1):
				yield from _logic_reads(arg, f"{_join(path, str(operator))}[{i}]", depth + 1)


def string_leaves(value: Any, path: str, depth: int = 0) -> Iterator[tuple[str, str]]:
	"""`(path, text)` of every string inside a value, as deep as templates are rendered."""
	if isinstance(value, str):
		yield path, value
	elif depth <= 100:
		if isinstance(value, Mapping):
			for key, item in value.items():
				yield from string_leaves(item, _join(path, str(key)[:80]), depth + 1)
		elif isinstance(value, list | tuple):
			for i, item in enumerate(value):
				yield from string_leaves(item, f"{path}[{i}]", depth + 1)


def _join(path: str, key: str) -> str:
	return f"{path}.{key}" if path else key
