"""JSONLogic (jsonlogic.com) over plain data, with bounded time and size, and a note of what was read.

The library `json_logic` evaluates. Before it does, the rule is rewritten once (`_prepare`): every list that
is iterated and every body of an iteration passes through an operation that pays for it, so no loop runs
unpaid, and `reduce` becomes an operation of ours because the library does not evaluate its initial value.
Operators that JavaScript and Python see differently (`===`, `%`, `cat`) follow JavaScript.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from json_logic import jsonLogic
from json_logic.builtins import BUILTINS, to_number, to_string

from flow_engine.engine.errors import BadCondition
from flow_engine.engine.placeholders import MISSING, resolve_path
from flow_engine.engine.plain import TooMuch, Work

ITERATORS = frozenset({"map", "filter", "all", "some", "none", "reduce"})
OPERATORS = frozenset(BUILTINS) | ITERATORS | {"if", "?:", "and", "or"}
MAX_DEPTH = 50
MAX_WORK = 250_000

_FROM_THE_LIBRARY = ("==", "!=", "<", ">", "<=", ">=", "!", "!!", "+", "-", "/", "in", "min", "max", "substr")


@dataclass(frozen=True, slots=True)
class _Body:
	"""The body of a `reduce`, opaque to the library, which would evaluate it too early."""

	logic: Any


def evaluate_logic(
	rule: Any, data: Any, *, work: Work | None = None, read: dict[str, Any] | None = None
) -> Any:
	"""The rule's value. `read` receives path → value for each `var` that reads `data` itself.

	Raises BadCondition for an unknown operator, a type the operator cannot take, a division by zero, and for
	more than MAX_WORK units of work or MAX_DEPTH levels.
	"""
	work = Work(MAX_WORK) if work is None else work
	try:
		return jsonLogic(_prepare(rule, work), data, _operations(data, work, {} if read is None else read))
	except BadCondition:
		raise
	except TooMuch:
		raise BadCondition("The JSONLogic rule takes too much work or too much data.") from None
	except ZeroDivisionError:
		raise BadCondition("The JSONLogic rule divides by zero.") from None
	except RecursionError:
		raise BadCondition("The JSONLogic rule or its data is nested too deeply.") from None
	except (TypeError, ValueError, ArithmeticError, ReferenceError, LookupError, AttributeError) as error:
		reason = str(error)[:200] or "an operator was given something it cannot take"
		raise BadCondition(f"The JSONLogic rule cannot be evaluated: {reason}.") from None


def truthy(value: Any) -> bool:
	"""JSONLogic's idea of true: empty strings and lists, zero, NaN and null are false; "0" is true."""
	return BUILTINS["!!"](None, value)


def is_operation(logic: Any) -> bool:
	"""A mapping with one key is an operation; any other is a literal."""
	return isinstance(logic, Mapping) and len(logic) == 1


def arguments(logic: Mapping[str, Any]) -> tuple[Any, list[Any]]:
	"""An operation → its operator and its arguments; a lone argument needs no list."""
	((operator, args),) = logic.items()
	return operator, list(args) if isinstance(args, list | tuple) else [args]


def _prepare(logic: Any, work: Work, depth: int = 0) -> Any:
	work.spend(1)
	if depth > MAX_DEPTH:
		raise BadCondition(f"The JSONLogic rule is nested deeper than {MAX_DEPTH} levels.")
	if isinstance(logic, list | tuple):
		return [_prepare(item, work, depth + 1) for item in logic]
	if not is_operation(logic):
		# The copy keeps the library to the mapping types it knows.
		return dict(logic) if isinstance(logic, Mapping) else logic
	operator, args = arguments(logic)
	if operator not in OPERATORS:
		raise BadCondition(f"There is no JSONLogic operator “{str(operator)[:40]}”.")
	before = work.left
	args = [_prepare(arg, work, depth + 1) for arg in args]
	if operator not in ITERATORS or not args:
		return {operator: args}
	args[0] = {"@list": [args[0]]}
	if len(args) == 1:
		return {operator: args} if operator != "reduce" else None
	cost = before - work.left
	args[1] = {"@body": [args[1], cost]}
	if operator == "reduce":
		return {"@reduce": [args[0], _Body(args[1]), *args[2:]]}
	return {operator: args}


def _operations(root: Any, work: Work, read: dict[str, Any]) -> dict[str, Callable[..., Any]]:
	def look_up(data: Any, key: Any = None, default: Any = None, *_: Any) -> Any:
		if key is None or key == "" or key == []:
			return data
		work.spend_on(key)
		path = to_string(key)
		work.spend(1 + len(path) // 10)
		value = _look_up(path, data)
		if data is root:
			read[path] = value
		return default if value is None else value

	def missing(data: Any, *args: Any) -> list[Any]:
		keys = args[0] if args and isinstance(args[0], list) else args
		return [key for key in keys if look_up(data, key) in (None, "")]

	def missing_some(data: Any, need: Any = 0, keys: Any = None, *_: Any) -> list[Any]:
		if not isinstance(keys, list):
			return []
		absent = missing(data, keys)
		return [] if len(keys) - len(absent) >= to_number(need) else absent

	def pay_for_list(data: Any, items: Any = None) -> Any:
		work.spend(1 + (len(items) if isinstance(items, list) else 0))
		return items

	def pay_for_body(data: Any, value: Any = None, cost: int = 1) -> Any:
		work.spend(cost)
		return value

	def reduce(data: Any, items: Any, body: _Body, initial: Any = None, *_: Any) -> Any:
		if not isinstance(items, list):
			return initial
		for item in items:
			context = {"current": item, "accumulator": initial}
			initial = jsonLogic(body.logic, context, table)
		return initial

	def paid(operation: Callable[..., Any]) -> Callable[..., Any]:
		def operate(data: Any, *args: Any) -> Any:
			work.spend_on(*args)
			return _sane(operation(data, *args))

		return operate

	table = {name: paid(BUILTINS[name]) for name in _FROM_THE_LIBRARY}
	table |= {name: paid(operation) for name, operation in _OWN.items()}
	table |= {"var": look_up, "missing": missing, "missing_some": missing_some}
	table |= {"@list": pay_for_list, "@body": pay_for_body, "@reduce": reduce}
	return table


def _look_up(path: str, data: Any) -> Any:
	value = resolve_path(path, data)
	if value is MISSING:
		owner, dot, last = path.rpartition(".")
		if last != "length":
			return None
		holder = resolve_path(owner, data, None) if dot else data
		return len(holder) if isinstance(holder, str | list) else None
	if isinstance(value, date):
		return value.isoformat()
	if isinstance(value, Decimal):
		return float(value)
	return list(value) if isinstance(value, tuple) else value


def _sane(value: Any) -> Any:
	# Whole numbers have no upper end in Python: squared a few dozen times they fill the memory.
	if isinstance(value, int) and value.bit_length() > 1024:
		raise BadCondition("The JSONLogic rule computes a number that is too large.")
	return value


def _multiply(data: Any, *args: Any) -> Any:
	product: Any = 1
	for arg in args:
		product = _sane(product * to_number(arg))
	return product


def _remainder(data: Any, a: Any = None, b: Any = None, *_: Any) -> Any:
	return math.fmod(to_number(a), to_number(b))


def _same(data: Any, a: Any = None, b: Any = None, *_: Any) -> bool:
	return isinstance(a, bool) == isinstance(b, bool) and a == b


def _concatenate(data: Any, *args: Any) -> str:
	return "".join(
		"" if arg is None else str(arg).lower() if isinstance(arg, bool) else to_string(arg) for arg in args
	)


_OWN: dict[str, Callable[..., Any]] = {
	"*": _multiply,
	"%": _remainder,
	"===": _same,
	"!==": lambda data, a=None, b=None, *_: not _same(data, a, b),
	"cat": _concatenate,
	"merge": BUILTINS["merge"],
	"log": lambda data, value=None, *_: value,
}
