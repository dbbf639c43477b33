"""Reading the files and texts a command is given. Everything unreadable is a coded error that names it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flow_engine.engine.errors import BadInput
from flow_engine.engine.plain import parse_json

MAX_FILE_BYTES = 20_000_000


class Unreadable(BadInput):
	"""The file cannot be read."""

	code = "unreadable"


class BadJson(BadInput):
	"""The text is not JSON."""

	code = "bad_json"


def read_text(name: str) -> str:
	"""Raises Unreadable."""
	try:
		with Path(name).open("rb") as file:
			data = file.read(MAX_FILE_BYTES + 1)
	except (OSError, ValueError) as error:
		reason = getattr(error, "strerror", None) or str(error)
		raise Unreadable(f"{name}: {reason}") from None
	if len(data) > MAX_FILE_BYTES:
		raise Unreadable(f"{name}: larger than {MAX_FILE_BYTES:,} bytes")
	try:
		return data.decode("utf-8-sig")
	except UnicodeDecodeError as error:
		raise Unreadable(f"{name}: not UTF-8 text (byte {error.start})") from None


def read_json(name: str) -> Any:
	"""Raises Unreadable, BadJson."""
	return parse(read_text(name), name)


def parse(text: str, name: str) -> Any:
	"""JSON text → data. `name` says what it is. Raises BadJson."""
	try:
		return parse_json(text)
	except ValueError as error:
		raise BadJson(f"{name}: not valid JSON: {error}") from None


def read_definition(name: str) -> Any:
	"""A definition, or the one inside an exported template. Raises Unreadable, BadJson."""
	data = read_json(name)
	if isinstance(data, dict) and "steps" not in data:
		for key in ("definition", "flow_definition"):
			if key in data:
				inner = data[key]
				return parse(inner, f"{name}: {key}") if isinstance(inner, str) else inner
	return data
