"""Conditions in their three forms: predicates, groups of them, and JSONLogic. Evaluating them.

- `{"field": path or placeholder, "op": …, "value": …}`; the operators are in predicates. `value` may hold
  placeholders.
- `{"all": […]}`, `{"any": […]}`, `{"not": …}`, nested. An empty `all` is true, an empty `any` false.
- `{"logic": rule}`, or the rule bare when it has one key that is a JSONLogic operator. `all` is also one of
  those: `{"all": [{"var": …}, …]}` with exactly two members, the first a `var`, `map`, `filter` or `merge`,
  is JSONLogic, because a group would not hold a bare list. Placeholders are not rendered inside JSONLogic.

The empty string, null and `{}` are always true. Any form may be given as JSON text, predicates and groups of
them also as a line of text (condition_text). What is wrong with one, and what it may read without running it,
is in condition_checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from flow_engine.engine.condition_checks import condition_problems, paths_read, string_leaves
from flow_engine.engine.condition_forms import (
	MAX_DEPTH,
	field_reads,
	form_of,
	is_always,
	members_of,
	parse_condition,
	parse_rule,
)
from flow_engine.engine.condition_text import is_text
from flow_engine.engine.errors import BadCondition, BadTemplate
from flow_engine.engine.jsonlogic import MAX_WORK, evaluate_logic, truthy
from flow_engine.engine.placeholders import Placeholder, find_placeholders
from flow_engine.engine.plain import TooMuch, Work, as_text, is_number, parse_json
from flow_engine.engine.predicates import PREDICATES
from flow_engine.engine.templating import render_json, render_value, resolve_path

__all__ = ["Verdict", "condition_problems", "evaluate", "paths_read", "shown"]

MAX_READ = 100
MAX_SHOWN = 500


@dataclass(frozen=True, slots=True)
class Verdict:
	"""The answer, and why: `read` is path → value as it was read, long values cut."""

	result: bool
	read: Mapping[str, Any] = field(default_factory=dict)


def evaluate(condition: Any, values: Mapping[str, Any], *, zone: ZoneInfo | None = None) -> Verdict:
	"""Does the condition hold for these values? Times without an offset are in `zone` (UTC when None).

	Raises BadCondition when the condition is malformed, or takes more work than its bound.
	"""
	evaluation = _Evaluation(values, zone)
	try:
		result = evaluation.holds(parse_condition(condition), 0)
	except TooMuch:
		raise BadCondition("The condition takes too much work or too much data.") from None
	except BadTemplate as error:
		raise BadCondition(error.message) from None
	except RecursionError:
		raise BadCondition("The condition or its data is nested too deeply.") from None
	return Verdict(result, {str(path)[:MAX_SHOWN]: shown(value) for path, value in evaluation.noted()})


def shown(value: Any) -> Any:
	"""A value as it is kept in results: plain JSON, long texts cut, large lists and mappings only counted."""
	if value is None or isinstance(value, bool) or (is_number(value) and isinstance(value, float)):
		return value
	if isinstance(value, int) and value.bit_length() <= 63:
		return value
	if isinstance(value, Mapping | list | tuple):
		try:
			Work(MAX_SHOWN // 10).spend_on(value)
			return parse_json(as_text(value))
		except (TooMuch, ValueError):
			return f"[{len(value)} {'keys' if isinstance(value, Mapping) else 'items'}]"
	text = as_text(value)
	return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"


class _Evaluation:
	"""One call of `evaluate`: its values, its budget and what it read."""

	def __init__(self, values: Mapping[str, Any], zone: ZoneInfo | None):
		self.values = values
		self.zone = zone
		self.work = Work(MAX_WORK)
		self.read: dict[str, Any] = {}

	def noted(self) -> list[tuple[str, Any]]:
		return list(self.read.items())[:MAX_READ]

	def holds(self, condition: Any, depth: int) -> bool:
		self.work.spend(1)
		if depth > MAX_DEPTH:
			raise BadCondition(f"The condition is nested deeper than {MAX_DEPTH} levels.")
		if is_always(condition):
			return True
		if is_text(condition):
			condition = parse_condition(condition, inside=depth > 0)
		if not isinstance(condition, Mapping):
			raise BadCondition("A condition is a predicate, a group or JSONLogic.")
		form = form_of(condition)
		if form == "predicate":
			return self._predicate(condition)
		if form == "group":
			return self._group(condition, depth)
		if form == "unknown":
			raise BadCondition("A condition is a predicate, a group or JSONLogic.")
		rule = parse_rule(condition["logic"]) if form == "logic" else condition
		return truthy(evaluate_logic(rule, self.values, work=self.work, read=self.read))

	def _group(self, group: Mapping[str, Any], depth: int) -> bool:
		if len(group) != 1:
			raise BadCondition("A group has one key: all, any or not.")
		((name, members),) = ((name, members_of(name, members)) for name, members in group.items())
		if name == "not":
			return not self.holds(members, depth + 1)
		if not isinstance(members, list | tuple):
			raise BadCondition(f"“{name}” takes a list of conditions.")
		return (all if name == "all" else any)(self.holds(member, depth + 1) for member in members)

	def _predicate(self, predicate: Mapping[str, Any]) -> bool:
		compare = PREDICATES.get(predicate.get("op")) if isinstance(predicate.get("op"), str) else None
		if compare is None:
			raise BadCondition(f"There is no operator “{as_text(predicate.get('op'))[:40]}”.")
		source = field_reads(predicate.get("field"))
		if source is None:
			raise BadCondition("The field of a predicate is a dotted path or one placeholder.")
		left = render_value(source.text, self.values, zone=self.zone)
		self._note(source, left)
		right = self._value(predicate.get("value"))
		self.work.spend_on(left, right)
		return compare(left, right, self.zone)

	def _value(self, raw: Any) -> Any:
		if not isinstance(raw, str | Mapping | list | tuple):
			return raw
		for _, text in string_leaves(raw, ""):
			for placeholder in find_placeholders(text):
				self._note(placeholder, None)
		# Inside a list, so that a text stays a value and is not taken for JSON.
		return render_json([raw], self.values, zone=self.zone)[0]

	def _note(self, placeholder: Placeholder, value: Any) -> None:
		if len(self.read) >= MAX_READ or placeholder.is_secret:
			return
		if placeholder.filters and value is not None:
			self.read[placeholder.text[2:-2].strip()] = value
		else:
			self.read[placeholder.path] = resolve_path(placeholder.path, self.values, None)
