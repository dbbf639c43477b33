"""The grammar of `{{path|filter:argument}}`: finding placeholders, naming what is wrong with them, resolving
paths.

What a placeholder renders to is templating's; what a filter does is filters'.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from flow_engine.engine.filters import FILTERS, argument_problem
from flow_engine.engine.links import LinkedDocument

MISSING: Any = type("Missing", (), {"__repr__": lambda self: "MISSING", "__bool__": lambda self: False})()

# An argument may be quoted, and then holds anything but braces and its own quote.
PLACEHOLDER = re.compile(r"\{\{([^{}]*)\}\}")
_SEGMENT = r"[^\s.|{}\[\]()'\"`,;<>=]+"
PATH = re.compile(rf"{_SEGMENT}(?:\.{_SEGMENT})*")
_PIECE = re.compile(r"""\|\s*([A-Za-z_]\w*)\s*(?::\s*('[^']*'|"[^"]*"|[^|'"]*))?""")
_INDEX = re.compile(r"0|[1-9]\d{0,8}", re.ASCII)
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Placeholder:
	"""One well-formed placeholder. `filters` are `(name, argument or None)`; `text` is it as written."""

	path: str
	filters: tuple[tuple[str, str | None], ...] = ()
	text: str = ""

	@property
	def is_secret(self) -> bool:
		return is_secret(self.path)


def is_secret(path: str) -> bool:
	return path == "secret" or path.startswith("secret.")


def is_path(text: Any) -> bool:
	"""Is this a dotted path that may resolve? Dunder segments never do."""
	return (
		isinstance(text, str) and len(text) <= _LONGEST and bool(PATH.fullmatch(text)) and not _dunder(text)
	)


def _dunder(path: str) -> str | None:
	return next((segment for segment in path.split(".") if segment.startswith("__")), None)


def parse_placeholder(text: str) -> Placeholder | None:
	"""A text that is exactly one placeholder; None when it is anything else, a malformed placeholder
	included.
	"""
	match = PLACEHOLDER.fullmatch(text)
	found = _parse_inner(match.group(1)) if match else None
	return found if isinstance(found, Placeholder) else None


def find_placeholders(text: str) -> list[Placeholder]:
	"""Every well-formed placeholder, in order."""
	found = (_parse_inner(match.group(1)) for match in PLACEHOLDER.finditer(text))
	return [one for one in found if isinstance(one, Placeholder)]


def placeholder_problems(text: str) -> list[str]:
	"""Everything wrong with the placeholders of a text, as messages; at most one for each placeholder."""
	messages = []
	for match in PLACEHOLDER.finditer(text):
		found = _parse_inner(match.group(1))
		if isinstance(found, str):
			messages.append(found)
	rest = PLACEHOLDER.sub("", text)
	if "{{" in rest:
		messages.append("A placeholder is opened with {{ and never closed with }}.")
	elif "}}" in rest and "{" not in rest:
		# Nested JSON written as text ends in }} too; then there are single opening braces.
		messages.append("A placeholder is closed with }} and never opened with {{.")
	return messages


def _parse_inner(inner: str) -> Placeholder | str:
	"""What stands between the braces, parsed; or the message that says why it cannot be."""
	if len(inner) > _LONGEST:
		return f"{{{{{inner[:80]}…}}}} is longer than {_LONGEST} characters."
	return _parse_short(inner)


@lru_cache(maxsize=4096)
def _parse_short(inner: str) -> Placeholder | str:
	shown = "{{" + (inner if len(inner) <= 80 else inner[:80] + "…") + "}}"
	head, bar, _ = inner.partition("|")
	path = head.strip()
	if not path:
		return f"{shown} names no value."
	if not PATH.fullmatch(path):
		return f"{shown}: “{path[:80]}” is not a dotted path like doc.customer or doc.items.0.item_code."
	dunder = _dunder(path)
	if dunder:
		return f"{shown}: “{dunder[:80]}” may not be read; names that begin with __ never resolve."
	filters: list[tuple[str, str | None]] = []
	at = len(head)
	while bar and at < len(inner):
		match = _PIECE.match(inner, at)
		end = match.end() if match else at
		while end < len(inner) and inner[end].isspace():
			end += 1
		if not match or (end < len(inner) and inner[end] != "|"):
			return f"{shown}: what follows | must be a filter, like |upper or |default:'none'."
		name, argument = match.group(1), match.group(2)
		argument = argument.strip() if argument is not None else None
		if name not in FILTERS:
			return f"{shown}: there is no filter “{name[:40]}” (there are: {', '.join(FILTERS)})."
		problem = argument_problem(name, argument)
		if problem:
			return f"{shown}: {problem}"
		filters.append((name, argument))
		at = end
	return Placeholder(path, tuple(filters), "{{" + inner + "}}")


def resolve_path(path: str, values: Any, default: Any = MISSING) -> Any:
	"""Follow a dotted path through mappings (by key), lists (by index) and one link of a document
	(`links.py`); `default` when it leads nowhere.

	No attributes, no calls, and no segment that begins with `__`, so it cannot reach anything but plain data.
	"""
	here = values
	holder: LinkedDocument | None = None
	field = ""
	for segment in path.split("."):
		if segment.startswith("__"):
			return default
		if holder is not None and isinstance(here, str):
			# A value of a document that the path goes on from: into the document that it names, if it names
			# one.
			here = holder.follow(field)
		if isinstance(here, Mapping):
			if segment not in here:
				return default
			holder, field = (here if isinstance(here, LinkedDocument) else None), segment
			here = here[segment]
		elif isinstance(here, list | tuple):
			if not _INDEX.fullmatch(segment) or int(segment) >= len(here):
				return default
			holder = None
			here = here[int(segment)]
		else:
			return default
	return here
