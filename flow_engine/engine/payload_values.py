"""A payload held against its schema: what is wrong where, in bounded time.

Decides what a value must be and how that is said; the library walks schema and value. Every keyword that it
evaluates is paid for from a budget, so neither a schema that refers to itself nor a long payload can take
longer than the budget lasts. Whether the schema is any good is payload_schema's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from datetime import date, datetime
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from flow_engine.engine.plain import TooMuch, as_json_text, as_time
from flow_engine.engine.problems import quoted
from flow_engine.engine.text_patterns import read_pattern

MAX_PROBLEMS = 50
# Keywords evaluated for one payload: about half a second.
MAX_WORK = 50_000
# Steps of regular expressions for one payload, as text_patterns weighs them: about half a second.
MAX_PATTERN_STEPS = 20_000_000
MAX_DEPTH = 60
FORMATS = ("date", "date-time", "email", "uri")


class _Budget:
	"""What one payload may cost. Raises TooMuch."""

	__slots__ = ("depth", "steps", "work")

	def __init__(self) -> None:
		self.work, self.steps, self.depth = MAX_WORK, float(MAX_PATTERN_STEPS), 0

	def spend(self, work: int) -> None:
		self.work -= work
		if self.work < 0:
			raise TooMuch

	def search(self, pattern: str, text: str) -> bool:
		read = read_pattern(pattern)
		self.steps -= read.cost(len(text))
		if self.steps < 0:
			raise TooMuch
		return read.expression.search(text) is not None


_budget: ContextVar[_Budget] = ContextVar("flow_engine_payload_budget")


def value_problems(schema: Any, value: Any) -> list[dict[str, str]]:
	"""`[{path, code, message}]` of a value that is plain JSON against a schema without problems, at most
	MAX_PROBLEMS; a missing field has its own path, an empty path is the whole."""
	before = _budget.set(_Budget())
	found: dict[tuple[str, str], dict[str, str]] = {}
	try:
		validator = _Validator(schema, format_checker=_formats)
		for error in validator.iter_errors(value):
			path, code, message = _told(error)
			found.setdefault((path, code), {"path": path, "code": code, "message": message})
			if len(found) >= MAX_PROBLEMS:
				break
	except (TooMuch, RecursionError, OverflowError):
		return [
			{
				"path": "",
				"code": "too_complex",
				"message": "The payload takes too long to check against the schema of the flow.",
			}
		]
	finally:
		_budget.reset(before)
	return list(found.values())


# --- keywords -----------------------------------------------------------------------------------------------

_Errors = Iterator[ValidationError]
_Keyword = Callable[[Any, Any, Any, Any], Any]


def _paid(keyword: _Keyword) -> _Keyword:
	@wraps(keyword)
	def pay(validator: Any, said: Any, value: Any, schema: Any) -> _Errors:
		budget = _budget.get()
		# Where a keyword holds a list, the library looks through all of it.
		budget.spend(1 + (len(said) // 8 if isinstance(said, list | dict) else 0))
		budget.depth += 1
		try:
			if budget.depth > MAX_DEPTH:
				raise TooMuch
			yield from keyword(validator, said, value, schema) or ()
		finally:
			budget.depth -= 1

	return pay


def _at(name: str, keyword: str) -> ValidationError:
	return ValidationError("", path=[name], validator=keyword)


def _required(validator: Any, said: Any, value: Any, schema: Any) -> _Errors:
	if isinstance(value, Mapping):
		yield from (_at(name, "required") for name in said if name not in value)


def _dependent_required(validator: Any, said: Any, value: Any, schema: Any) -> _Errors:
	if isinstance(value, Mapping):
		for name, others in said.items():
			if name in value:
				yield from (_at(other, "required") for other in others if other not in value)


def _pattern(validator: Any, said: Any, value: Any, schema: Any) -> _Errors:
	if isinstance(value, str) and not _budget.get().search(said, value):
		yield ValidationError("", validator="pattern")


def _pattern_properties(validator: Any, said: Any, value: Any, schema: Any) -> _Errors:
	if not isinstance(value, Mapping):
		return
	for pattern, inner in said.items():
		for name, item in value.items():
			if _budget.get().search(pattern, name):
				yield from validator.descend(item, inner, path=name, schema_path=pattern)


def _additional_properties(validator: Any, said: Any, value: Any, schema: Any) -> _Errors:
	if not isinstance(value, Mapping):
		return
	known, patterns = schema.get("properties") or {}, schema.get("patternProperties") or ()
	_budget.get().spend(len(value) // 8)
	for name, item in value.items():
		if name in known or any(_budget.get().search(pattern, name) for pattern in patterns):
			continue
		if said is False:
			yield _at(name, "additionalProperties")
		else:
			yield from validator.descend(item, said, path=name)


def _unique_items(validator: Any, said: Any, value: Any, schema: Any) -> _Errors:
	if not said or not isinstance(value, list):
		return
	seen = set()
	for item in value:
		_budget.get().spend(1)
		text = as_json_text(_comparable(item))
		if text in seen:
			yield ValidationError("", validator="uniqueItems")
			return
		seen.add(text)


def _comparable(value: Any) -> Any:
	"""Equal values of JSON written the same: 1 and 1.0 are one number, the order of names means nothing."""
	if isinstance(value, Mapping):
		return {name: _comparable(value[name]) for name in sorted(value)}
	if isinstance(value, list):
		return [_comparable(item) for item in value]
	return int(value) if isinstance(value, float) and value.is_integer() else value


_OWN: Mapping[str, _Keyword] = {
	"required": _required,
	"dependentRequired": _dependent_required,
	"pattern": _pattern,
	"patternProperties": _pattern_properties,
	"additionalProperties": _additional_properties,
	"uniqueItems": _unique_items,
}
_Validator = extend(
	Draft202012Validator,
	{name: _paid(_OWN.get(name, keyword)) for name, keyword in Draft202012Validator.VALIDATORS.items()},
)


# --- formats ------------------------------------------------------------------------------------------------

_formats = FormatChecker(formats=())
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*", re.ASCII)
_DOMAIN = re.compile(r"[\w-]+(\.[\w-]+)*")


@_formats.checks("date")
def _is_date(value: Any) -> bool:
	if not isinstance(value, str):
		return True
	return bool(_DAY.fullmatch(value)) and type(as_time(value)) is date


@_formats.checks("date-time")
def _is_date_time(value: Any) -> bool:
	"""ISO 8601 with date and time; without an offset it is site time, as everywhere in flows."""
	return not isinstance(value, str) or isinstance(as_time(value), datetime)


@_formats.checks("email")
def _is_email(value: Any) -> bool:
	if not isinstance(value, str):
		return True
	local, at, domain = value.rpartition("@")
	plain = len(value) <= 254 and value.isprintable() and " " not in value and "@" not in local
	return bool(plain and local and at and _DOMAIN.fullmatch(domain))


@_formats.checks("uri")
def _is_uri(value: Any) -> bool:
	if not isinstance(value, str):
		return True
	if not value.isprintable() or " " in value:
		return False
	try:
		parts = urlsplit(value)
	except ValueError:
		return False
	return bool(_SCHEME.fullmatch(parts.scheme) and (parts.netloc or parts.path))


# --- how it is said -----------------------------------------------------------------------------------------

_TYPES: Mapping[str, str] = {
	"string": "a text",
	"number": "a number",
	"integer": "a whole number",
	"boolean": "yes or no (true, false)",
	"array": "a list",
	"object": "an object",
	"null": "nothing (null)",
}


def _told(error: ValidationError) -> tuple[str, str, str]:
	path = written_path(error.absolute_path)
	said = error.validator_value
	tell = _SENTENCES.get(str(error.validator))
	if tell is None:
		return path, "bad_value", "The value is not what the schema of the flow asks for."
	code, message = tell(said)
	return path, code, message


def written_path(keys: Sequence[Any] | Any) -> str:
	"""`customer.lines[2].price` of keys and indexes."""
	parts = [f"[{key}]" if isinstance(key, int) else f".{str(key)[:80]}" for key in keys]
	return "".join(parts).lstrip(".")


def _types(said: Any) -> str:
	names = said if isinstance(said, list) else [said]
	return " or ".join(_TYPES.get(name, str(name)) for name in names)


def _choices(said: Any) -> str:
	shown = ", ".join(quoted(choice) for choice in said[:10])
	return f"{shown}, …" if len(said) > 10 else shown


_SENTENCES: Mapping[str, Callable[[Any], tuple[str, str]]] = {
	"required": lambda said: ("missing_field", "This value is missing."),
	"additionalProperties": lambda said: ("unknown_key", "The flow knows no value of this name."),
	"unevaluatedProperties": lambda said: (
		"unknown_key",
		"There are values here that the flow does not know.",
	),
	"propertyNames": lambda said: ("unknown_key", "There are values here that the flow does not know."),
	"type": lambda said: ("wrong_type", f"This must be {_types(said)}."),
	"enum": lambda said: ("bad_value", f"This must be one of {_choices(said)}."),
	"const": lambda said: ("bad_value", f"This must be {quoted(said)}."),
	"minimum": lambda said: ("bad_value", f"This must be {said} or more."),
	"maximum": lambda said: ("bad_value", f"This must be {said} or less."),
	"exclusiveMinimum": lambda said: ("bad_value", f"This must be more than {said}."),
	"exclusiveMaximum": lambda said: ("bad_value", f"This must be less than {said}."),
	"multipleOf": lambda said: ("bad_value", f"This must be a multiple of {said}."),
	"minLength": lambda said: ("bad_value", f"This needs at least {said} characters."),
	"maxLength": lambda said: ("bad_value", f"This may have at most {said} characters."),
	"minItems": lambda said: ("bad_value", f"This needs at least {said} entries."),
	"maxItems": lambda said: ("bad_value", f"This may have at most {said} entries."),
	"minProperties": lambda said: ("bad_value", f"This needs at least {said} values."),
	"maxProperties": lambda said: ("bad_value", f"This may have at most {said} values."),
	"uniqueItems": lambda said: ("bad_value", "No entry may be there twice."),
	"pattern": lambda said: ("bad_value", f"This does not fit the pattern {quoted(said)}."),
	"format": lambda said: ("bad_value", _FORMAT_SENTENCES.get(said, "This is not of the right format.")),
}
_FORMAT_SENTENCES: Mapping[str, str] = {
	"date": "This must be a date, like 2026-01-31.",
	"date-time": "This must be a date and a time, like 2026-01-31T09:00.",
	"email": "This must be an email address.",
	"uri": "This must be an address, like https://example.com/page.",
}
