"""A payload against the fields of its kind: what is required, what each type accepts, what templates may
hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flow_engine.engine.allow_lists import list_problems
from flow_engine.engine.conditions import condition_problems, evaluate
from flow_engine.engine.errors import BadCondition, BadTemplate
from flow_engine.engine.kinds.base import Field, Kind
from flow_engine.engine.placeholders import (
	PLACEHOLDER,
	find_placeholders,
	is_path,
	is_secret,
	parse_placeholder,
	placeholder_problems,
)
from flow_engine.engine.plain import as_number, as_text, as_time
from flow_engine.engine.problems import joined, quoted, under
from flow_engine.engine.templating import LINE_BREAKS, MAX_DEPTH, parse_template_json

Found = tuple[str, str, str]

_CHECK_WORDS = frozenset({"true", "false", "1", "0", "yes", "no", "on", "off"})
# The parts of a condition that a field of the same name holds by itself.
CONDITION_PARTS = ("all", "any", "not", "logic")


def has_placeholder(value: Any) -> bool:
	return isinstance(value, str) and bool(PLACEHOLDER.search(value))


def check_template(text: str, *, secrets: bool) -> Iterator[tuple[str, str]]:
	"""`(code, message)` of everything wrong with the placeholders of a text."""
	for message in placeholder_problems(text):
		yield "bad_template", message
	for placeholder in find_placeholders(text):
		if not placeholder.is_secret:
			continue
		if not secrets:
			yield (
				"bad_template",
				f"{placeholder.text}: secrets stand only in the URL and headers of a call.",
			)
		elif placeholder.filters or placeholder.path.count(".") != 1:
			yield (
				"bad_template",
				f"{placeholder.text}: a secret is {{{{secret.name}}}}, without filters.",
			)


def check_payload(kind: Kind, payload: Mapping[str, Any]) -> Iterator[Found]:
	"""`(path inside the payload, code, message)` of everything wrong with a payload."""
	fields = {field.name: field for field in kind.fields}
	for key in payload:
		if key not in fields:
			yield joined("", key), "unknown_key", f"“{kind.label}” has no field {quoted(key)}."
	filled = {name: field.default for name, field in fields.items()}
	filled.update((key, value) for key, value in payload.items() if value is not None)
	for field in fields.values():
		value = payload.get(field.name)
		if not _is_blank(value):
			yield from _check_field(field, value)
		elif field.required and _is_blank(filled[field.name]) and _is_shown(field, filled):
			yield field.name, "missing_field", f"“{field.label}” is missing."
	yield from _own_check(kind, payload)


def _own_check(kind: Kind, payload: Mapping[str, Any]) -> list[Found]:
	if kind.check is None:
		return []
	try:
		return [(str(name), str(code), str(message)) for name, code, message in kind.check(payload)]
	except Exception:
		# Another app's code on a draft: it may stumble, and saving the draft may not.
		return [("", "bad_value", f"“{kind.label}” cannot check these values.")]


def _is_blank(value: Any) -> bool:
	if isinstance(value, str):
		return not value.strip()
	return value is None or (isinstance(value, list | tuple | Mapping) and not value)


def _is_shown(field: Field, payload: Mapping[str, Any]) -> bool:
	if not field.depends_on:
		return True
	try:
		return evaluate(field.depends_on, payload).result
	except BadCondition:
		return True


def _check_field(field: Field, value: Any) -> Iterator[Found]:
	if field.type == "condition":
		yield from _check_condition(field, value)
	elif field.type == "variable":
		yield from _check_variable(field, value)
	elif field.type == "json":
		yield from _check_json(field, value)
	else:
		yield from _check_scalar(field, value)


def _check_condition(field: Field, value: Any) -> Iterator[Found]:
	if field.name in CONDITION_PARTS:
		yield from condition_problems({field.name: value})
		return
	for subpath, code, message in condition_problems(value):
		yield under(field.name, subpath), code, message


def _check_variable(field: Field, value: Any) -> Iterator[Found]:
	text = value.strip() if isinstance(value, str) else ""
	placeholder = parse_placeholder(text)
	if "{{" in text and placeholder_problems(text):
		yield field.name, "bad_template", placeholder_problems(text)[0]
	elif placeholder is None and not is_path(text):
		yield field.name, "bad_value", f"{quoted(value)} is no value of the flow, like doc.status."
	elif is_secret(placeholder.path if placeholder else text):
		yield field.name, "bad_template", "A secret cannot be read here."


def _check_json(field: Field, value: Any) -> Iterator[Found]:
	if isinstance(value, str):
		try:
			value = parse_template_json(value)
		except BadTemplate as error:
			yield field.name, "bad_json", error.message
			return
	yield from _check_leaves(field, value, field.name, 0)


def _check_leaves(field: Field, value: Any, path: str, depth: int) -> Iterator[Found]:
	if depth > MAX_DEPTH:
		yield path, "bad_value", f"The value is nested deeper than {MAX_DEPTH} levels."
	elif isinstance(value, str):
		yield from _check_text(field, value, path)
	elif isinstance(value, Mapping):
		for key, item in value.items():
			if has_placeholder(key):
				yield path, "bad_template", f"{quoted(key)}: names are not rendered, only values are."
			yield from _check_leaves(field, item, joined(path, key), depth + 1)
	elif isinstance(value, list | tuple):
		for i, item in enumerate(value):
			yield from _check_leaves(field, item, f"{path}[{i}]", depth + 1)


def _check_text(field: Field, text: str, path: str) -> Iterator[Found]:
	for code, message in check_template(text, secrets=field.secrets):
		yield path, code, message
	if field.single_line and LINE_BREAKS.search(text):
		yield path, "bad_value", f"“{field.label}” may not have line breaks."


def _check_scalar(field: Field, value: Any) -> Iterator[Found]:
	if isinstance(value, str):
		yield from _check_text(field, value, field.name)
		if "{{" in value:
			return
	elif isinstance(value, list | tuple | Mapping):
		if field.type == "links":
			for subpath, code, message in list_problems(value, templates=True):
				yield f"{field.name}{subpath}", code, message
		elif field.type == "template":
			yield from _check_leaves(field, value, field.name, 0)
		else:
			yield field.name, "bad_value", f"“{field.label}” is one value, not a list or an object."
		return
	if field.type == "number" and as_number(value) is None:
		yield field.name, "bad_value", f"“{field.label}”: {quoted(value)} is not a number."
	elif field.type == "check" and as_text(value).strip().lower() not in _CHECK_WORDS:
		yield field.name, "bad_value", f"“{field.label}”: {quoted(value)} is neither yes nor no."
	elif field.type == "select" and field.options and as_text(value) not in field.options:
		message = f"“{field.label}”: {quoted(value)} is not one of {', '.join(field.options)}."
		yield field.name, "bad_value", message
	elif field.type == "datetime" and as_time(value) is None:
		yield field.name, "bad_value", f"“{field.label}”: {quoted(value)} is no date like 2026-03-18T09:00."
