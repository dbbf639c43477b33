"""Rendering templates: texts, single values, JSON and whole payloads.

Text rendering never raises and is always bounded; what wants a value of a certain shape raises BadTemplate
when it does not get one. JSON is parsed before anything is put into it, so a value can never change the
structure. The grammar is in placeholders, the filters in filters, what values look like as text in plain.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from flow_engine.engine.errors import BadTemplate
from flow_engine.engine.filters import apply_filter
from flow_engine.engine.placeholders import (
	MISSING,
	PLACEHOLDER,
	Placeholder,
	find_placeholders,
	parse_placeholder,
	placeholder_problems,
	resolve_path,
)
from flow_engine.engine.plain import TooMuch, Work, as_number, as_text, parse_json

if TYPE_CHECKING:
	# Only for the annotation: the kinds import conditions, which import this.
	from flow_engine.engine.kinds.base import Field

__all__ = [
	"MISSING",
	"Placeholder",
	"find_placeholders",
	"placeholder_problems",
	"render_json",
	"render_payload",
	"render_text",
	"render_value",
	"resolve_path",
]

MAX_TEXT = 1_000_000
CUT_MARKER = "…[cut]"
# A hundred megabytes of text looked at, in all placeholders and filters of one call.
MAX_WORK = 1_000_000
MAX_DEPTH = 100

LINE_BREAKS = re.compile("[\r\n\0\v\f\x85\u2028\u2029]")
_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off", ""})


class _Rendering:
	"""One call: where values come from, how they are put in, and what is left of its bounds."""

	def __init__(self, values: Any, escape: bool, keep_secrets: bool, zone: ZoneInfo | None):
		self.values = values
		self.escape = escape
		self.keep_secrets = keep_secrets
		self.zone = zone
		self.work = Work(MAX_WORK)
		self.room = MAX_TEXT

	def value_of(self, placeholder: Placeholder) -> Any:
		"""Resolved and filtered; None when missing. Raises TooMuch."""
		if placeholder.is_secret:
			return ""
		value = resolve_path(placeholder.path, self.values, None)
		for name, argument in placeholder.filters:
			self.work.spend_on(value)
			value = apply_filter(name, value, argument, self.zone)
		self.work.spend_on(value)
		return value

	def text(self, text: str) -> str:
		"""Never raises: cut with a marker where the bounds end."""
		if "{{" not in text:
			self.room -= len(text)
			return text if self.room >= 0 else text[: max(0, self.room + len(text))] + CUT_MARKER
		parts: list[str] = []
		at = 0
		for match in PLACEHOLDER.finditer(text):
			self._put(parts, text[at : match.start()], literal=True)
			at = match.end()
			placeholder = parse_placeholder(match.group())
			if placeholder is None:
				continue
			if placeholder.is_secret and self.keep_secrets:
				self._put(parts, match.group(), literal=True)
				continue
			try:
				value = as_text(self.value_of(placeholder))
			except TooMuch:
				self.room = -1
			else:
				self._put(parts, html.escape(value) if self.escape else value)
			if self.room < 0:
				return "".join(parts) + CUT_MARKER
		self._put(parts, text[at:], literal=True)
		return "".join(parts) if self.room >= 0 else "".join(parts) + CUT_MARKER

	def _put(self, parts: list[str], piece: str, literal: bool = False) -> None:
		if not piece or self.room < 0:
			return
		if self.keep_secrets and not literal:
			piece = _defused(piece)
			if piece.startswith("{") and parts and parts[-1].endswith("{"):
				piece = " " + piece
		if len(piece) > self.room:
			piece = piece[: self.room]
			self.room = -1
		else:
			self.room -= len(piece)
		parts.append(piece)

	def value(self, text: str) -> Any:
		"""A text that is exactly one placeholder keeps the value's type. Raises TooMuch for a value too
		large.
		"""
		placeholder = parse_placeholder(text)
		if placeholder is None:
			return self.text(text)
		if placeholder.is_secret:
			return text if self.keep_secrets else ""
		value = self.value_of(placeholder)
		if self.keep_secrets:
			value = _defused_deep(value)
		return html.escape(value) if self.escape and isinstance(value, str) else value

	def leaves(self, data: Any, depth: int = 0) -> Any:
		"""Every string leaf rendered, keys as they are. Raises TooMuch."""
		if depth > MAX_DEPTH:
			raise BadTemplate(f"The value is nested deeper than {MAX_DEPTH} levels.")
		self.work.spend(1)
		if isinstance(data, str):
			return self.value(data)
		if isinstance(data, Mapping):
			return {key: self.leaves(item, depth + 1) for key, item in data.items()}
		if isinstance(data, list | tuple):
			return [self.leaves(item, depth + 1) for item in data]
		return data

	def json(self, raw: Any) -> Any:
		if isinstance(raw, str):
			raw = parse_template_json(raw)
		try:
			rendered = self.leaves(raw)
		except TooMuch:
			raise BadTemplate("The value becomes too large when it is rendered.") from None
		if self.room < 0:
			raise BadTemplate(f"The value becomes longer than {MAX_TEXT:,} characters when it is rendered.")
		return rendered


def _defused(value: str) -> str:
	"""A value put where secrets are resolved later must not be able to spell a placeholder of its own.

	Someone who can type `{{secret.x}}` into a customer's name would otherwise have the secret sent.
	"""
	return re.sub(r"\{(?=\{|\Z)", "{ ", value)


def _defused_deep(value: Any, depth: int = 0) -> Any:
	if depth > MAX_DEPTH:
		raise BadTemplate(f"The value is nested deeper than {MAX_DEPTH} levels.")
	if isinstance(value, str):
		return _defused(value)
	if isinstance(value, Mapping):
		return {_defused_deep(key): _defused_deep(item, depth + 1) for key, item in value.items()}
	if isinstance(value, list | tuple):
		return [_defused_deep(item, depth + 1) for item in value]
	return value


def render_text(
	text: Any,
	values: Any,
	*,
	escape: bool = False,
	keep_secrets: bool = False,
	zone: ZoneInfo | None = None,
) -> str:
	"""The text with each placeholder replaced; never raises. An unknown path or a malformed placeholder is
	empty.

	escape: each value is HTML-escaped. keep_secrets: `{{secret.x}}` stays as it is, for the sender to
	resolve; else it is empty. zone: times with an offset are shown in it by the filters. Longer than MAX_TEXT
	is cut with CUT_MARKER.
	"""
	return _Rendering(values, escape, keep_secrets, zone).text(
		text if isinstance(text, str) else as_text(text)
	)


def render_value(
	text: Any,
	values: Any,
	*,
	escape: bool = False,
	keep_secrets: bool = False,
	zone: ZoneInfo | None = None,
) -> Any:
	"""A string that is exactly one placeholder → the value with its type (missing: None); any other → its
	text.

	What is no string is returned as it is. Raises BadTemplate only when the value is beyond the bounds.
	"""
	if not isinstance(text, str):
		return text
	try:
		return _Rendering(values, escape, keep_secrets, zone).value(text)
	except TooMuch:
		raise BadTemplate("The value is too large.") from None


def render_json(
	raw: Any,
	values: Any,
	*,
	escape: bool = False,
	keep_secrets: bool = False,
	zone: ZoneInfo | None = None,
) -> Any:
	"""JSON text or data → data with each string leaf rendered as by `render_value`; keys are not rendered.

	Text is parsed first. Raises BadTemplate when it is not JSON, or becomes too large.
	"""
	return _Rendering(values, escape, keep_secrets, zone).json(raw)


def parse_template_json(text: str) -> Any:
	"""JSON text with placeholders inside its strings → data. Raises BadTemplate that says what to change."""
	try:
		return parse_json(text)
	except ValueError as error:
		# The beginning will do for a hint: a quote that is never closed makes the search quadratic.
		outside = _JSON_STRING.sub("", text[:4_000])
		bare = find_placeholders(outside)
		if bare:
			hint = f'write "{bare[0].text}" with quotes around it; a number or a list stays one'
			raise BadTemplate(f"Not valid JSON: a placeholder stands outside quotes; {hint}.") from None
		raise BadTemplate(f"Not valid JSON: {error}.") from None


def render_payload(
	fields: Iterable[Field], payload: Mapping[str, Any], values: Any, *, zone: ZoneInfo | None = None
) -> dict[str, Any]:
	"""A step's payload → what its handler gets: every field of the kind, by its type; unknown keys are
	dropped.

	An absent field takes its default. `condition` and `variable` stay as written. `number`: int or float,
	None when empty. `check`: bool. `json`: data, None when empty. Others: text; data that is no string is
	kept, its string leaves rendered. Raises BadTemplate, naming the field.
	"""
	rendered = {}
	for field in fields:
		raw = payload.get(field.name)
		try:
			rendered[field.name] = _render_field(field, field.default if raw is None else raw, values, zone)
		except BadTemplate as error:
			raise BadTemplate(f"{field.label}: {error.message}", field=field.name) from None
	return rendered


# Where a text without a placeholder is what was written.
_LITERAL = frozenset({"text", "textarea", "select", "link", "datetime"})


def _render_field(field: Field, raw: Any, values: Any, zone: ZoneInfo | None) -> Any:
	if raw is None or field.type in ("condition", "variable"):
		return False if field.type == "check" else raw
	if field.type in _LITERAL and isinstance(raw, str) and "{" not in raw and not field.single_line:
		if len(raw) <= MAX_TEXT:
			return raw
	rendering = _Rendering(values, field.html, field.secrets, zone)
	if field.type == "json":
		result = None if isinstance(raw, str) and not raw.strip() else rendering.json(raw)
	elif field.type == "number":
		result = _to_number(rendering.json([raw])[0])
	elif field.type == "check":
		result = _to_check(rendering.json([raw])[0])
	elif isinstance(raw, str):
		result = rendering.text(raw)
	else:
		result = rendering.json(raw)
	if field.single_line:
		_refuse_line_breaks(result)
	return result


def _to_number(value: Any) -> int | float | None:
	if value is None or (isinstance(value, str) and not value.strip()):
		return None
	number = as_number(int(value) if isinstance(value, bool) else value)
	if number is None:
		raise BadTemplate(f"“{as_text(value)[:80]}” is not a number.")
	if number == number.to_integral_value() and abs(number.adjusted()) < 20:
		return int(number)
	return float(number)


def _to_check(value: Any) -> bool:
	if value is None or isinstance(value, bool):
		return bool(value)
	text = as_text(value).strip().lower()
	if text in _TRUE or text in _FALSE:
		return text in _TRUE
	raise BadTemplate(f"“{text[:80]}” is neither yes nor no.")


def _refuse_line_breaks(value: Any) -> None:
	if isinstance(value, str) and LINE_BREAKS.search(value):
		raise BadTemplate("The rendered value has a line break, which is not allowed here.")
	if isinstance(value, Mapping):
		for key, item in value.items():
			_refuse_line_breaks(key)
			_refuse_line_breaks(item)
	elif isinstance(value, list | tuple):
		for item in value:
			_refuse_line_breaks(item)
