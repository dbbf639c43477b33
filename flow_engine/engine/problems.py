"""What validation finds: problems, gathered in the order they are met, and what no stored JSON may hold."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from flow_engine.engine.definition import MAX_BYTES
from flow_engine.engine.plain import MAX_JSON_DEPTH, as_text

ERROR = "error"
WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
	"""One thing wrong with a definition.

	path: where, like `steps[3].payload.url`; empty for the whole. step: the step's id, where it has one.
	code: stable, for programs. severity: `error` keeps a definition from being published, `warning` does not.
	"""

	path: str
	step: str | None
	code: str
	message: str
	severity: str = ERROR

	def as_dict(self) -> dict[str, Any]:
		return {
			"path": self.path,
			"step": self.step,
			"code": self.code,
			"message": self.message,
			"severity": self.severity,
		}


@dataclass
class Problems:
	"""The problems found so far; the same code at the same path is said once."""

	found: dict[tuple[str, str], Problem] = field(default_factory=dict)

	def add(
		self, path: str, code: str, message: str, *, step: str | None = None, severity: str = ERROR
	) -> None:
		self.found.setdefault((path, code), Problem(path, step, code, message, severity))


def has_errors(problems: list[Problem]) -> bool:
	"""Is there anything that keeps the definition from being published?"""
	return any(problem.severity == ERROR for problem in problems)


def quoted(value: Any) -> str:
	"""A value as messages show it: in quotes, short."""
	text = as_text(value)
	return f"“{text[:60]}…”" if len(text) > 60 else f"“{text}”"


def joined(path: str, key: Any) -> str:
	key = as_text(key)[:80]
	return f"{path}.{key}" if path else key


def under(path: str, subpath: str) -> str:
	"""The path of something at `subpath` inside what is at `path`."""
	if not subpath:
		return path
	return f"{path}{subpath}" if subpath.startswith("[") else f"{path}.{subpath}"


# Where a value stands, as a chain of (chain above, key or index): written out only for what is reported.
_Chain = tuple[Any, Any]


def storage_problems(raw: Any) -> Iterator[tuple[str, str, str]]:
	"""`(path, code, message)` of everything in data that cannot be stored as JSON of bounded size and depth.

	After `too_large`, or a `bad_value` with an empty path, the data must not be looked at further: it may be
	endless.
	"""
	size = 0
	stack: list[tuple[Any, _Chain | None, int]] = [(raw, None, 0)]
	while stack:
		value, chain, depth = stack.pop()
		size += 2
		if isinstance(value, str):
			size += len(value)
			if size <= MAX_BYTES and not _storable(value):
				yield _written(chain), "bad_value", "The text holds characters that cannot be stored."
		elif isinstance(value, Mapping):
			for key, item in value.items():
				size += len(key) + 4 if isinstance(key, str) else 4
				if size > MAX_BYTES:
					break
				if not isinstance(key, str) or not _storable(key):
					yield _written(chain), "bad_json", f"{quoted(key)} cannot be a name in JSON."
				stack.append((item, (chain, key), depth + 1))
		elif isinstance(value, list | tuple):
			size += len(value)
			if size <= MAX_BYTES:
				stack.extend((item, (chain, i), depth + 1) for i, item in enumerate(value))
		elif isinstance(value, float):
			size += 10
			if not math.isfinite(value):
				yield _written(chain), "bad_value", "A number must be finite."
		elif isinstance(value, int):
			size += value.bit_length() // 4
			if value.bit_length() > 1024:
				yield _written(chain), "bad_value", "The number is too large."
		elif value is not None:
			yield _written(chain), "bad_json", f"A {type(value).__name__} is not JSON."
		if size > MAX_BYTES:
			yield "", "too_large", f"The definition is larger than {MAX_BYTES:,} bytes."
			return
		if depth > MAX_JSON_DEPTH:
			yield "", "bad_value", f"The definition is nested deeper than {MAX_JSON_DEPTH} levels."
			return


def _storable(text: str) -> bool:
	try:
		text.encode()
	except UnicodeEncodeError:
		return False
	return True


def _written(chain: _Chain | None) -> str:
	keys = []
	while chain is not None:
		chain, key = chain
		keys.append(f"[{key}]" if isinstance(key, int) else f".{as_text(key)[:80]}")
	return "".join(reversed(keys)).lstrip(".") or "(top)"
