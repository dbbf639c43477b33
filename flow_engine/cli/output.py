"""What commands print: safe for any terminal, whatever the data holds."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any


def readable_streams() -> None:
	"""Print what an encoding lacks as escapes instead of failing."""
	for stream in (sys.stdout, sys.stderr):
		with contextlib.suppress(AttributeError, ValueError):
			stream.reconfigure(errors="backslashreplace")


def clean(text: Any) -> str:
	"""Text without characters that would steer the terminal; line breaks stay."""
	return "".join(
		c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in str(text)
	)


def one_line(text: Any, length: int = 500) -> str:
	line = clean(" ".join(str(text).split()))
	return line if len(line) <= length else line[: length - 1] + "…"


def print_json(data: Any) -> None:
	print(json.dumps(data, indent=2, ensure_ascii=False, default=str))


def problem_lines(problems: Iterable[Mapping[str, Any]]) -> list[str]:
	"""`severity  path  code: message`, one line each."""
	return [
		one_line(f"{p.get('severity', 'error')}: {p.get('path') or '(top)'}: {p['code']}: {p['message']}")
		for p in problems
	]
