"""What a flow asks of its payload: the schema in its definition, checked, and payloads against it.

A payload is what a person, a program, a schedule or another flow starts a flow with; it becomes the run's
variables. The schema is JSON Schema (2020-12) of an object. Decides which schemas are accepted: bounded in
size and depth, self-contained (`$ref` into itself only), with patterns that can be paid for. What a payload
has to be is payload_values'.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from flow_engine.engine.definition import schema_defaults
from flow_engine.engine.errors import FlowError
from flow_engine.engine.payload_values import FORMATS, value_problems
from flow_engine.engine.plain import as_json_text, is_number
from flow_engine.engine.problems import WARNING, Problem, Problems, joined, quoted, storage_problems, under
from flow_engine.engine.text_patterns import BadPattern, read_pattern

AT = "payload_schema"
DRAFT = "https://json-schema.org/draft/2020-12/schema"
MAX_SCHEMA_BYTES = 65_536
# As much as a step's input may have.
MAX_PAYLOAD_BYTES = 65_536
MAX_SCHEMAS = 2_000
MAX_SCHEMA_DEPTH = 20
# Schemas that apply to one value through references and alternatives, each counted as often as it is tried.
MAX_APPLIED = 2_000
TYPES = ("string", "number", "integer", "boolean", "array", "object", "null")


class InvalidPayload(FlowError):
	"""The payload is not what the flow asks for."""

	code = "invalid_payload"
	http_status = 422


def payload_problems(schema: Any, payload: Any) -> list[dict[str, str]]:
	"""`[{path, code, message}]` of a payload, empty when it may start the flow; never raises.

	schema: the published one, or None when the flow asks for nothing in particular. A payload above
	MAX_PAYLOAD_BYTES has that one problem, and is not looked at further. A field that is left out and has a
	default in the schema counts as given.
	"""
	if not isinstance(payload, Mapping):
		return [_payload_problem("", "wrong_type", "A payload is a JSON object of names and values.")]
	problems = [_payload_problem(*found) for found in storage_problems(payload)]
	if not problems and len(as_json_text(payload).encode()) > MAX_PAYLOAD_BYTES:
		problems = [_payload_problem("", "too_large", "")]
	if problems or schema is None:
		return problems[:1] if any(p["code"] == "too_large" for p in problems) else problems
	wrong = [problem for problem in schema_problems(schema) if problem.severity != WARNING]
	if wrong:
		message = f"The payload schema of the flow is wrong: {wrong[0].message}"
		return [_payload_problem("", "bad_schema", message)]
	return value_problems(_applied(schema), {**schema_defaults(schema), **payload})


def check_payload(schema: Any, payload: Any) -> None:
	"""Raises InvalidPayload, whose `problems` are those of `payload_problems`."""
	problems = payload_problems(schema, payload)
	if problems:
		first = problems[0]
		where = f"{first['path']}: " if first["path"] else ""
		raise InvalidPayload(
			f"The payload is not what the flow asks for: {where}{first['message']}", problems=problems
		)


def _payload_problem(path: str, code: str, message: str) -> dict[str, str]:
	if code == "too_large":
		message = f"The payload is larger than {MAX_PAYLOAD_BYTES // 1024} KB."
	path = "" if path == "(top)" else path
	return {"path": path, "code": code, "message": message.replace("The definition", "The payload")}


def _applied(schema: Mapping[str, Any]) -> dict[str, Any]:
	# A `$schema` would make the library evaluate by its own class of that draft, which nothing bounds.
	return {key: value for key, value in schema.items() if key != "$schema"}


# --- the schema itself --------------------------------------------------------------------------------------


def schema_problems(schema: Any) -> list[Problem]:
	"""Every problem of a schema, with paths that begin with `payload_schema`; never raises. None is no
	schema."""
	problems = Problems()
	if schema is None:
		return []
	if not isinstance(schema, Mapping):
		problems.add(AT, "bad_value", "The payload schema is a JSON object.")
		return list(problems.found.values())
	for path, code, message in storage_problems(schema):
		problems.add(
			under(AT, "" if path == "(top)" else path), code, message.replace("definition", "payload schema")
		)
		if not path:
			return list(problems.found.values())
	if not problems.found and len(as_json_text(schema).encode()) > MAX_SCHEMA_BYTES:
		problems.add(AT, "too_large", f"The payload schema is larger than {MAX_SCHEMA_BYTES // 1024} KB.")
	if not problems.found:
		if schema.get("type") != "object":
			problems.add(f"{AT}.type", "bad_value", "A payload is an object, so the type must be “object”.")
		_Check(schema, problems).run()
	return list(problems.found.values())


class _Check:
	"""One schema: every subschema by its place, then what refers to what."""

	def __init__(self, schema: Mapping[str, Any], problems: Problems):
		self.schema = schema
		self.problems = problems
		# JSON pointer → subschema; pointer → pointers of what is applied to the same value.
		self.at: dict[str, Any] = {}
		self.applied: dict[str, list[str]] = {}
		self.references: list[tuple[str, str, str]] = []

	def run(self) -> None:
		self._walk()
		for pointer, path, target in self.references:
			if target not in self.at:
				self.problems.add(
					path, "bad_value", f"There is nothing to refer to at {quoted('#' + target)}."
				)
			else:
				self.applied[pointer].append(target)
		if not self.problems.found:
			self._check_applied()
		if not self.problems.found:
			self._check_defaults()

	def _walk(self) -> None:
		stack: list[tuple[Any, str, str, int]] = [(self.schema, "", AT, 0)]
		while stack:
			schema, pointer, path, depth = stack.pop()
			self.at[pointer] = schema
			self.applied[pointer] = []
			if len(self.at) > MAX_SCHEMAS:
				self.problems.add(AT, "too_large", f"The payload schema has more than {MAX_SCHEMAS:,} parts.")
				return
			if depth > MAX_SCHEMA_DEPTH:
				self.problems.add(
					path, "too_large", f"The payload schema is deeper than {MAX_SCHEMA_DEPTH} levels."
				)
				return
			if isinstance(schema, bool):
				continue
			if not isinstance(schema, Mapping):
				self.problems.add(path, "bad_value", "A schema is an object, or true or false.")
				continue
			for keyword, said in schema.items():
				where = joined(path, keyword)
				for key, inner in self._keyword(pointer, where, keyword, said):
					at = f"{pointer}/{_escaped(keyword)}" + (
						f"/{_escaped(str(key))}" if key is not None else ""
					)
					below = (
						where if key is None else under(where, f"[{key}]" if isinstance(key, int) else key)
					)
					if keyword in _SAME_VALUE:
						self.applied[pointer].append(at)
					stack.append((inner, at, below, depth + 1))

	def _keyword(
		self, pointer: str, path: str, keyword: str, said: Any
	) -> Iterator[tuple[str | int | None, Any]]:
		"""What is wrong with one keyword is reported; the schemas inside it are given back."""
		if keyword.startswith("x-") or keyword in _ANNOTATIONS:
			return
		if keyword in _SCHEMA:
			yield None, said
		elif keyword in _SCHEMAS_BY_NAME:
			if not isinstance(said, Mapping):
				self.problems.add(path, "bad_value", f"{quoted(keyword)} is an object of schemas by name.")
				return
			if keyword == "patternProperties":
				for pattern in said:
					self._pattern(joined(path, pattern), pattern)
			yield from said.items()
		elif keyword in _SCHEMA_LISTS:
			if not isinstance(said, list) or not said:
				self.problems.add(path, "bad_value", f"{quoted(keyword)} is a list of schemas.")
				return
			yield from enumerate(said)
		elif keyword == "$ref":
			self._reference(pointer, path, said)
		elif keyword == "pattern":
			self._pattern(path, said)
		elif keyword == "format":
			self._format(path, said)
		elif keyword == "$schema":
			if pointer or not isinstance(said, str) or said.rstrip("#") != DRAFT:
				self.problems.add(path, "bad_value", f"The only $schema that is understood is {DRAFT}.")
		elif keyword in _RULES:
			fits, message = _RULES[keyword]
			if not fits(said):
				self.problems.add(path, "bad_value", message(quoted(keyword)))
		else:
			self.problems.add(path, "unknown_key", f"A schema has no {quoted(keyword)} here.")

	def _reference(self, pointer: str, path: str, said: Any) -> None:
		if not isinstance(said, str) or not (said == "#" or said.startswith("#/")):
			self.problems.add(
				path,
				"bad_value",
				"A $ref names a part of this schema, like #/$defs/address; nothing is fetched.",
			)
			return
		self.references.append((pointer, path, unquote(said[1:])))

	def _pattern(self, path: str, said: Any) -> None:
		if not isinstance(said, str):
			self.problems.add(path, "bad_value", "A pattern is a text.")
			return
		try:
			read_pattern(said)
		except BadPattern as error:
			self.problems.add(path, "bad_pattern", str(error))

	def _format(self, path: str, said: Any) -> None:
		if not isinstance(said, str):
			self.problems.add(path, "bad_value", "A format is a name.")
		elif said not in FORMATS:
			message = f"The format {quoted(said)} is not checked (those that are: {', '.join(FORMATS)})."
			self.problems.add(path, "unknown_format", message, severity=WARNING)

	def _check_applied(self) -> None:
		"""A reference that leads back to itself on the same value would never end; many that lead to the same
		place take turns without end in sight."""
		cost: dict[str, int] = {}
		stack = [(pointer, False) for pointer in self.at]
		open_: set[str] = set()
		while stack:
			pointer, done = stack.pop()
			if done:
				open_.discard(pointer)
				cost[pointer] = 1 + sum(cost[other] for other in self.applied[pointer])
				if cost[pointer] > MAX_APPLIED:
					self.problems.add(
						AT, "too_large", "The payload schema tries too many alternatives on one value."
					)
					return
				continue
			if pointer in cost:
				continue
			open_.add(pointer)
			stack.append((pointer, True))
			for other in self.applied[pointer]:
				if other in open_:
					self.problems.add(AT, "cycle", f"{quoted('#' + other)} refers to itself without an end.")
					return
				if other not in cost:
					stack.append((other, False))

	def _check_defaults(self) -> None:
		defaults = schema_defaults(self.schema)
		for problem in value_problems(_applied(self.schema), defaults):
			name = next((name for name in defaults if _within(problem["path"], name)), None)
			if name is not None:
				path = f"{joined(f'{AT}.properties', name)}.default"
				self.problems.add(path, "bad_value", problem["message"])


def _within(path: str, name: str) -> bool:
	return path == name or path.startswith((f"{name}.", f"{name}["))


def _escaped(key: str) -> str:
	return key.replace("~", "~0").replace("/", "~1")


def _is_count(said: Any) -> bool:
	return isinstance(said, int) and not isinstance(said, bool) and said >= 0


def _is_names(said: Any) -> bool:
	return (
		isinstance(said, list) and all(isinstance(name, str) for name in said) and len(set(said)) == len(said)
	)


def _is_type(said: Any) -> bool:
	if isinstance(said, list):
		return bool(said) and all(name in TYPES for name in said if isinstance(name, str)) and _is_names(said)
	return isinstance(said, str) and said in TYPES


def _is_names_by_name(said: Any) -> bool:
	return isinstance(said, Mapping) and all(_is_names(names) for names in said.values())


def _is_text(said: Any) -> bool:
	return isinstance(said, str)


# Does a keyword's value fit, and what is said of one that does not.
_Rule = tuple[Callable[[Any], bool], Callable[[str], str]]
_COUNT: _Rule = (_is_count, lambda keyword: f"{keyword} is a whole number, 0 or more.")
_NUMBER: _Rule = (is_number, lambda keyword: f"{keyword} is a number.")
_TEXT: _Rule = (_is_text, lambda keyword: f"{keyword} is a text.")
_FLAG: _Rule = (lambda said: isinstance(said, bool), lambda keyword: f"{keyword} is true or false.")
_VALUES: _Rule = (lambda said: isinstance(said, list), lambda keyword: f"{keyword} is a list of values.")
_RULES: Mapping[str, _Rule] = {
	"type": (_is_type, lambda keyword: f"{keyword} is one of {', '.join(TYPES)}, or a list of them."),
	"enum": (lambda said: isinstance(said, list) and bool(said), _VALUES[1]),
	"examples": _VALUES,
	"required": (_is_names, lambda keyword: f"{keyword} is a list of names, each once."),
	"dependentRequired": (_is_names_by_name, lambda keyword: f"{keyword} is an object of lists of names."),
	"multipleOf": (
		lambda said: is_number(said) and said > 0,
		lambda keyword: f"{keyword} is a number above 0.",
	),
	**dict.fromkeys(("title", "description", "$comment", "contentEncoding", "contentMediaType"), _TEXT),
	**dict.fromkeys(("deprecated", "readOnly", "writeOnly", "uniqueItems"), _FLAG),
	**dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _NUMBER),
	**dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), _COUNT),
	**dict.fromkeys(("minProperties", "maxProperties", "minContains", "maxContains"), _COUNT),
}
_ANNOTATIONS = ("default", "const")
_SCHEMA = (
	"items",
	"contains",
	"additionalProperties",
	"propertyNames",
	"unevaluatedProperties",
	"unevaluatedItems",
	"not",
	"if",
	"then",
	"else",
)
_SCHEMAS_BY_NAME = ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions")
_SCHEMA_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_SAME_VALUE = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas")
