"""What callers send, read: each argument becomes a plain typed value, or a BadInput that names it.

Doors get text from query strings and forms and data from JSON bodies; both mean the same here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flow_engine.engine.errors import BadInput
from flow_engine.engine.plain import parse_json
from flow_engine.engine.problems import storage_problems


def text(value: Any, name: str, required: bool = False) -> str | None:
	"""Trimmed text; None for what is empty or not given. Raises BadInput."""
	if value is None or value == "":
		if required:
			raise BadInput(f"`{name}` is missing.")
		return None
	if not isinstance(value, str):
		raise BadInput(f"`{name}` must be a text.")
	storable(value, name)
	return value.strip() or text(None, name, required)


def needed(value: Any, name: str) -> str:
	"""A text that must be there. Raises BadInput."""
	found = text(value, name, required=True)
	assert found is not None
	return found


def json_value(value: Any, name: str) -> Any:
	"""Data given as data or as JSON text. Raises BadInput."""
	if isinstance(value, str):
		try:
			value = parse_json(value)
		except ValueError as error:
			raise BadInput(f"`{name}` is not JSON: {error}") from None
	storable(value, name)
	return value


def json_object(value: Any, name: str) -> dict[str, Any]:
	"""An object given as data or as JSON text; empty when not given. Raises BadInput."""
	if value is None or value == "":
		return {}
	found = json_value(value, name)
	if not isinstance(found, Mapping):
		raise BadInput(f"`{name}` must be a JSON object.")
	return dict(found)


def whole_number(value: Any, name: str, default: int, least: int, most: int) -> int:
	"""A whole number, brought into its bounds. Raises BadInput."""
	if value is None or value == "":
		return default
	try:
		# A long row of digits takes quadratic time to read; no argument needs more than these.
		number = int(str(value)[:12]) if not isinstance(value, bool) else None
	except ValueError:
		number = None
	if number is None:
		raise BadInput(f"`{name}` must be a whole number.")
	return min(max(number, least), most)


def flag(value: Any, name: str) -> int:
	"""Yes or no as 1 or 0, as forms and JSON write it. Raises BadInput."""
	if isinstance(value, str):
		value = {"1": 1, "true": 1, "yes": 1, "on": 1, "0": 0, "false": 0, "no": 0, "": 0}.get(value.lower())
	if value not in (0, 1):
		raise BadInput(f"`{name}` must be 0 or 1.")
	return int(value)


def storable(value: Any, name: str) -> None:
	"""Raises BadInput for data that no database could keep: endless, too deep, not text, not JSON."""
	for path, code, message in storage_problems(value):
		if code == "too_large":
			raise BadInput(f"`{name}` is too large.")
		where = f" at {path}" if path and path != "(top)" else ""
		raise BadInput(f"`{name}` cannot be kept{where}: {message.replace('The definition', 'It')}")
