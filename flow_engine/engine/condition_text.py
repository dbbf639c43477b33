"""Conditions as people write them on one line, turned into the language's own form. Read by hand: nothing is
evaluated, and what is not understood is a problem.

- compact: `eq:APPROVED`, `ne:REJECTED`, `in:APPROVED,OK`, `notin:REJECTED,CANCELLED`, `timeout:3d`; in front
  of it, if it is not the place's own subject, the value that is looked at: `doc.priority in:High,Urgent`.
  `eq:` and `ne:` with nothing ask whether it is empty. `timeout:3d` asks whether 3 days have passed since a
  time: `doc.modified timeout:3d`, or where nothing is named since the place's own beginning.
- comparisons: `doc.grand_total > 5000`, `doc.status == 'Open' and not doc.customer in ('A', 'B')`.
- a single word, `APPROVED`, is `eq:APPROVED` where it is the whole condition.

A name without a dot is a field of the document. Decides what a text means; where texts stand in a flow, and
what the subject is there, is condition_places'.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from flow_engine.engine.enums import StrEnum
from flow_engine.engine.errors import BadCondition
from flow_engine.engine.placeholders import is_path, parse_placeholder
from flow_engine.engine.sla.durations import BadDuration, Duration, parse_duration

MAX_TEXT = 4_000
MAX_DEPTH = 20
DEFAULT_SUBJECT = "doc.status"
# The subject's name in texts that come from other engines.
_SUBJECT = "instance.condition"
# What can be compared without a dot; every other such name is a field of the document.
_ALONE = ("now", "input")

_COMPACT = re.compile(
	r"(?:(\{\{[^{}]*\}\}|[^\s:'\"]+)\s+)?(eq|ne|in|notin|timeout):(.*)", re.DOTALL | re.IGNORECASE
)
_ANOTHER = re.compile(r"\s(?:and|or|&&|\|\|)\s.*\b(?:eq|ne|in|notin|timeout):", re.DOTALL | re.IGNORECASE)
_JSON_SCALAR = re.compile(r"null|true|false|-?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_WORD = re.compile(r"[\w-]+")
_TIMED_OUT = re.compile(
	r"workitem\.time_out\(\s*(\d{1,7})\s*(?:,\s*(?:unit\s*=\s*)?['\"](\w+)['\"]\s*)?\)", re.ASCII
)
_UNITS = {"weeks": "w", "days": "d", "hours": "h", "minutes": "m"}
_COMPACT_OPERATORS = {"eq": "==", "ne": "!=", "in": "in", "notin": "not_in"}


class Strategy(StrEnum):
	"""What becomes of a text that is no condition: a problem, or the subject has to equal it."""

	STRICT = "strict"
	COMPATIBLE = "compatible"


@dataclass(frozen=True, slots=True)
class Place:
	"""What a text means where it stands. `subject`: what is compared when the text names nothing; `since`:
	what `timeout:` counts from then, None where nothing has begun yet."""

	subject: str = DEFAULT_SUBJECT
	since: str | None = None


def is_text(raw: Any) -> bool:
	"""Is this a condition written as a line of text, not as data and not as the JSON of it?"""
	if not isinstance(raw, str):
		return False
	text = raw.strip()
	if not text or _JSON_SCALAR.fullmatch(text):
		return False
	# Two braces begin a placeholder, not an object.
	return text[0] not in '{["' or text.startswith("{{")


def read_text(
	text: str, place: Place, strategy: Strategy = Strategy.STRICT, inside: bool = False
) -> dict[str, Any]:
	"""A line of text → a predicate or a group. inside: it stands in a group, where a single word says too
	little. Raises BadCondition, with a message for whoever wrote it."""
	text = text.strip()
	if len(text) > MAX_TEXT:
		raise BadCondition(f"A condition written as text has at most {MAX_TEXT:,} characters.")
	try:
		return _read(text, place, inside)
	except BadCondition:
		if strategy is Strategy.STRICT:
			raise
		return _predicate(place.subject, "==", text)


def _read(text: str, place: Place, inside: bool) -> dict[str, Any]:
	compact = _COMPACT.fullmatch(text)
	if compact:
		name, operator, rest = compact.groups()
		if _ANOTHER.search(rest):
			raise BadCondition("Only one short condition stands on a line; put several into a group.")
		return _compact(_subject(name, place) if name else None, operator.lower(), rest.strip(), place)
	timed_out = _TIMED_OUT.fullmatch(text)
	if timed_out:
		unit = _UNITS.get(timed_out[2] or "days")
		if unit is None:
			raise BadCondition(f"“{timed_out[2]}” is no unit: weeks, days, hours or minutes.")
		return _elapsed(place.since, f"{timed_out[1]}{unit}")
	if _WORD.fullmatch(text) and not inside:
		return _predicate(place.subject, "==", text)
	return _Comparisons(text, place).read()


def _predicate(field: str, operator: str, value: Any) -> dict[str, Any]:
	return {"field": field, "op": operator, "value": value}


def _compact(field: str | None, operator: str, rest: str, place: Place) -> dict[str, Any]:
	if operator == "timeout":
		return _elapsed(field or place.since, rest)
	field = field or place.subject
	if operator in ("eq", "ne"):
		if not rest:
			return {"field": field, "op": "empty" if operator == "eq" else "not_empty"}
		return _predicate(field, _COMPACT_OPERATORS[operator], _unquoted(rest))
	values = [value for value in map(_unquoted, _split(rest)) if value]
	if not values:
		raise BadCondition(f"“{operator}:” names no value; write it like {operator}:APPROVED,OK.")
	return _predicate(field, _COMPACT_OPERATORS[operator], values)


def _split(text: str) -> list[str]:
	"""At commas, but not inside quotes or placeholders."""
	parts, held, closing = [""], "", {"'": "'", '"': '"', "{": "}"}
	for char in text:
		if not held and char == ",":
			parts.append("")
			continue
		if held:
			held = "" if char == held else held
		elif char in closing and (char == "{" or not parts[-1].strip()):
			held = closing[char]
		parts[-1] += char
	return [part.strip() for part in parts]


def _unquoted(text: str) -> str:
	if len(text) >= 2 and text[0] in "'\"" and text[-1] == text[0] and text[0] not in text[1:-1]:
		return text[1:-1]
	return text


def _elapsed(since: str | None, text: str) -> dict[str, Any]:
	"""Now is no earlier than so long after `since`: never, as long as there is no such time."""
	if since is None:
		raise BadCondition(
			"Nothing has begun here that could be counted from; name a time, like doc.modified timeout:3d."
		)
	placeholder = parse_placeholder(since)
	inner = placeholder.text[2:-2].strip() if placeholder else since
	return _predicate("now", ">=", f"{{{{{inner}|{_shift(text)}}}}}")


def _shift(text: str) -> str:
	"""The filter that moves a time by so much: whole days keep the time of day."""
	try:
		duration: Duration = parse_duration(text)
	except BadDuration:
		raise BadCondition(f"“{text[:40]}” is no time like 30m, 4h, 3d or 1w.") from None
	days = duration.weeks * 7 + duration.days
	if not duration.seconds:
		return f"add_days:{days}"
	minutes = days * 1_440 + duration.seconds // 60
	return f"add_minutes:{minutes}"


def _subject(name: str, place: Place) -> str:
	"""A value as a text names it → the path or placeholder of a predicate. Raises BadCondition."""
	if name == _SUBJECT:
		return place.subject
	if name.lower() in _KEYWORDS:
		raise BadCondition(f"“{name}” is no value to look at; write it like doc.status.")
	if parse_placeholder(name):
		return name
	if not is_path(name):
		raise BadCondition(f"“{name[:60]}” is no value to look at; write it like doc.status.")
	return name if "." in name or name in _ALONE else f"doc.{name}"


# --- comparisons --------------------------------------------------------------------------------------------

_TOKEN = re.compile(
	r"\s*(?:"
	r"(?P<string>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
	r"|(?P<placeholder>\{\{[^{}]*\}\})"
	r"|(?P<number>[+-]?(?:\d+\.\d+|\d+)(?![\w.:-]))"
	r"|(?P<operator>==|!=|<>|<=|>=|=|<|>)"
	r"|(?P<mark>[()\[\],])"
	r"|(?P<word>[^\s'\"()\[\]{},=<>!&|+*/%;`]+)"
	r")",
	re.DOTALL,
)
_OPERATORS = {"==": "==", "=": "==", "!=": "!=", "<>": "!=", "<": "<", ">": ">", "<=": "<=", ">=": ">="}
_TURNED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_CONSTANTS: Mapping[str, Any] = {"true": True, "false": False, "none": None, "null": None}
_KEYWORDS = ("and", "or", "not", "in", "is")
_CLOSING = {"(": ")", "[": "]"}
_ROOTS = ("doc", "customer", "run", "template", "variables", "steps", "trigger", "now", "input")


@dataclass(frozen=True, slots=True)
class _Value:
	"""One side of a comparison: something that is looked at (`field`), or something written down."""

	field: str | None = None
	value: Any = None
	several: bool = False

	@property
	def written(self) -> Any:
		"""As the value of a predicate."""
		if self.field is None:
			return self.value
		return self.field if self.field.startswith("{{") else f"{{{{{self.field}}}}}"


class _Comparisons:
	"""Comparisons joined by `and`, `or` and `not`, with parentheses; `and` binds closer than `or`."""

	def __init__(self, text: str, place: Place):
		self.place = place
		self.tokens = _tokens(text)
		self.at = 0
		self.depth = 0

	def read(self) -> dict[str, Any]:
		found = self._any()
		if self.at < len(self.tokens):
			self._fail(f"“{self._shown()}” is not expected there.")
		return found

	def _fail(self, why: str) -> NoReturn:
		raise BadCondition(
			f"This is no condition: {why} Write eq:APPROVED, or a comparison like doc.grand_total > 5000."
		)

	def _shown(self) -> str:
		return self.tokens[self.at][1][:40] if self.at < len(self.tokens) else "the end"

	def _is(self, kind: str, *texts: str) -> bool:
		if self.at >= len(self.tokens):
			return False
		found, text = self.tokens[self.at]
		return found == kind and (not texts or text.lower() in texts)

	def _take(self, kind: str, *texts: str) -> str | None:
		if not self._is(kind, *texts):
			return None
		self.at += 1
		return self.tokens[self.at - 1][1]

	def _any(self) -> dict[str, Any]:
		self.depth += 1
		if self.depth > MAX_DEPTH:
			self._fail(f"it is nested deeper than {MAX_DEPTH} levels.")
		members = [self._all()]
		while self._take("word", "or"):
			members.append(self._all())
		self.depth -= 1
		return members[0] if len(members) == 1 else {"any": members}

	def _all(self) -> dict[str, Any]:
		members = [self._negated()]
		while self._take("word", "and"):
			members.append(self._negated())
		return members[0] if len(members) == 1 else {"all": members}

	def _negated(self) -> dict[str, Any]:
		turned = False
		while self._take("word", "not"):
			turned = not turned
		if self._take("mark", "("):
			found = self._any()
			if not self._take("mark", ")"):
				self._fail(f"a parenthesis is not closed before “{self._shown()}”.")
		else:
			found = self._comparison()
		return {"not": found} if turned else found

	def _comparison(self) -> dict[str, Any]:
		left = self._value()
		operator = self._operator()
		right = self._values() if operator in ("in", "not_in") else self._value()
		if left.field is None:
			if right.field is None:
				self._fail("nothing of the flow is looked at.")
			if operator in ("in", "not_in"):
				found = _predicate(right.field, "contains", left.value)
				return found if operator == "in" else {"not": found}
			left, right, operator = right, left, _TURNED.get(operator, operator)
		field = left.field or ""
		if right.field is None and right.value is None and not right.several:
			if operator not in ("==", "!="):
				self._fail("nothing is less or more than none.")
			return {"field": field, "op": "empty" if operator == "==" else "not_empty"}
		return _predicate(field, operator, right.written)

	def _operator(self) -> str:
		taken = self._take("operator")
		if taken:
			return _OPERATORS[taken]
		if self._take("word", "is"):
			return "!=" if self._take("word", "not") else "=="
		turned = bool(self._take("word", "not"))
		if self._take("word", "in"):
			return "not_in" if turned else "in"
		self._fail(f"a comparison like == or > is expected, not “{self._shown()}”.")

	def _values(self) -> _Value:
		"""What stands after `in`: a list in parentheses or brackets, or one value of the flow."""
		opening = self._take("mark", "(", "[")
		if opening is None:
			found = self._value()
			if found.field is None and not isinstance(found.value, str):
				self._fail("after “in” stands a list, like ('A', 'B').")
			return _Value(found.field, found.value, several=True)
		values = []
		while not self._take("mark", _CLOSING[opening]):
			if values and not self._take("mark", ","):
				self._fail(f"a comma is expected, not “{self._shown()}”.")
			if values and self._take("mark", _CLOSING[opening]):
				break
			values.append(self._value().written)
		if not values:
			self._fail("the list after “in” is empty.")
		return _Value(None, values, several=True)

	def _value(self) -> _Value:
		for kind, read in (("string", _string), ("number", _number)):
			text = self._take(kind)
			if text is not None:
				return _Value(value=read(text))
		text = self._take("placeholder")
		if text is not None:
			return _Value(field=_subject(text, self.place))
		if not self._is("word") or self._is("word", *_KEYWORDS):
			self._fail(f"a value is expected, not “{self._shown()}”.")
		word = self._take("word") or ""
		if self._is("mark", "(", "["):
			self._fail(f"“{word[:40]}” cannot be called or looked into.")
		return self._named(word)

	def _named(self, word: str) -> _Value:
		"""A path, a constant, or on the right side a word that stands for itself."""
		if word.lower() in _CONSTANTS:
			return _Value(value=_CONSTANTS[word.lower()])
		is_left = self.at < len(self.tokens) and not (
			self._is("mark", ")", "]", ",") or self._is("word", "and", "or")
		)
		if word == _SUBJECT or is_left or word.split(".")[0] in _ROOTS:
			return _Value(field=_subject(word, self.place))
		if not _WORD.fullmatch(word):
			self._fail(f"put “{word[:40]}” into quotes.")
		return _Value(value=word)


def _tokens(text: str) -> list[tuple[str, str]]:
	found = []
	at, text = 0, text.rstrip()
	while at < len(text):
		match = _TOKEN.match(text, at)
		if match is None:
			rest = text[at:].strip()[:20]
			raise BadCondition(
				f"This is no condition: “{rest}” is not understood. "
				"Write eq:APPROVED, or a comparison like doc.grand_total > 5000."
			)
		kind = match.lastgroup or ""
		found.append((kind, match[kind]))
		at = match.end()
	return found


def _string(text: str) -> str:
	return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)


def _number(text: str) -> int | float | str:
	"""As a number where that keeps every digit, else as its text, which compares as a number all the same."""
	if len(text) > 15:
		return text
	return float(text) if "." in text else int(text)
