"""Which form a condition has. Evaluating and checking it both begin here, so they cannot disagree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flow_engine.engine.condition_text import Place, is_text, read_text
from flow_engine.engine.errors import BadCondition
from flow_engine.engine.jsonlogic import OPERATORS, is_operation
from flow_engine.engine.placeholders import Placeholder, is_path, parse_placeholder
from flow_engine.engine.plain import parse_json

GROUPS = ("all", "any", "not")
PREDICATE_KEYS = ("field", "op", "value")
MAX_DEPTH = 50

_GIVES_A_LIST = frozenset({"var", "map", "filter", "merge"})


def parse_condition(condition: Any, inside: bool = False) -> Any:
	"""JSON or a line of text → data; data and blank text as they are. Raises BadCondition for other text.

	A line of text means here what it means where nothing else is known; on save it was turned into data
	already, with what is known of its place. inside: it stands in a group.
	"""
	return read_text(condition, Place(), inside=inside) if is_text(condition) else parse_rule(condition)


def parse_rule(rule: Any) -> Any:
	"""JSON text → data; data and blank text as they are. Raises BadCondition for other text."""
	if isinstance(rule, str) and rule.strip():
		try:
			return parse_json(rule)
		except ValueError as error:
			raise BadCondition(f"The condition is not valid JSON: {error}.") from None
	return rule


def is_always(condition: Any) -> bool:
	"""Nothing was asked: the empty string, null and `{}` hold always."""
	return condition is None or condition == {} or (isinstance(condition, str) and not condition.strip())


def members_of(name: str, value: Any) -> Any:
	"""What stands under a group's name: JSON text there is parsed too, and a line of text in place of a list
	is a list of one. Raises BadCondition."""
	if is_text(value):
		return value if name == "not" else [value]
	return parse_rule(value)


def form_of(condition: Mapping[str, Any]) -> str:
	"""`predicate`, `group`, `logic`, `bare` (JSONLogic without `logic`) or `unknown`."""
	keys = set(condition)
	if keys & {"field", "op"}:
		return "predicate"
	if "logic" in keys:
		return "logic"
	if len(keys) == 1 and _is_logic_over_a_list(condition):
		return "bare"
	if keys & set(GROUPS):
		return "group"
	return "bare" if len(keys) == 1 and keys <= OPERATORS else "unknown"


def _is_logic_over_a_list(condition: Mapping[str, Any]) -> bool:
	members = condition.get("all")
	if not isinstance(members, list) or len(members) != 2 or not is_operation(members[0]):
		return False
	return next(iter(members[0])) in _GIVES_A_LIST


def field_reads(name: Any) -> Placeholder | None:
	"""What a predicate's `field` reads: a dotted path, or a placeholder with its filters."""
	if not isinstance(name, str):
		return None
	name = name.strip()
	return Placeholder(name, (), "{{" + name + "}}") if is_path(name) else parse_placeholder(name)
