"""The documents of a host and the web outside it, as the engine reaches them: two of its ports.

Raises the engine's own errors; values are plain JSON data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class HttpReply:
	"""An answer: any status, headers with lower-case names, body as text (decoded, cut at the port's
	limit)."""

	status: int
	headers: Mapping[str, str] = field(default_factory=dict)
	body: str = ""


class HttpClient(Protocol):
	"""Outbound HTTP. Raises HttpRefused (guard), HttpNotSent (never left), HttpNoAnswer (outcome unknown)."""

	def request(
		self,
		method: str,
		url: str,
		*,
		headers: Mapping[str, str] | None = None,
		body: str | bytes | None = None,
		timeout_seconds: float = 30,
		secret: Callable[[str, str], str] | None = None,
	) -> HttpReply: ...


class Documents(Protocol):
	"""Documents as the acting user sees and changes them; values are plain JSON data.

	Raises DocumentNotFound, UnknownDocType, PermissionDenied, ValidationFailed, GuardRefused, Conflict.
	"""

	def acting_as(self, user: str, also: str | None = None) -> AbstractContextManager[None]:
		"""Everything inside happens with this user's permissions; an effect needs those of `also` too, when
		given. Raises RunAsInvalid."""
		...

	def get(self, doctype: str, name: str) -> dict[str, Any]:
		"""The document's values, field-level read permissions applied; child tables as lists of mappings."""
		...

	def read_as(self, user: str, doctype: str, name: str) -> dict[str, Any]:
		"""Like `get`, with that user's permissions, but without acting as them: what a web request may do."""
		...

	def find(self, doctype: str, filters: Mapping[str, Any], limit: int = 20) -> list[str]:
		"""Names of the documents whose fields equal the filters, oldest first."""
		...

	def link_target(self, doctype: str, values: Mapping[str, Any], field: str) -> str | None:
		"""The DocType of the document that this field of a document with these values names; None when it
		names none, or the host cannot know."""
		...

	def insert(self, doctype: str, values: Mapping[str, Any]) -> dict[str, Any]: ...

	def update(self, doctype: str, name: str, values: Mapping[str, Any]) -> dict[str, Any]: ...

	def call(self, doctype: str, name: str, method: str) -> dict[str, Any]:
		"""Run one of the document's own methods that the host allows flows to run; the values afterwards."""
		...

	def add_row(self, doctype: str, name: str, table: str, values: Mapping[str, Any]) -> dict[str, Any]:
		"""Append to a child table and save, under a lock on the document."""
		...

	def remove_rows(
		self, doctype: str, name: str, table: str, filters: Mapping[str, Any]
	) -> tuple[int, dict[str, Any]]:
		"""Take the rows whose fields equal the filters out of a child table and save, under a lock on the
		document; how many there were, and the values afterwards. Without any, nothing is saved."""
		...

	def exchange(
		self,
		doctype: str,
		name: str,
		values: Mapping[str, Any],
		expected: Mapping[str, Any] | None = None,
	) -> tuple[dict[str, Any], dict[str, Any]]:
		"""Update under a lock on the document: what it was under that lock, and what it is afterwards. With
		`expected`, a field is only written while it holds that value; when none does, nothing is saved."""
		...


def unchanged(
	values: Mapping[str, Any], now: Mapping[str, Any], expected: Mapping[str, Any] | None
) -> dict[str, Any]:
	"""Those of the values whose field still holds what is expected of it; all, when nothing is expected."""
	if expected is None:
		return dict(values)
	return {
		field: value
		for field, value in values.items()
		if field in expected and field in now and now[field] == expected[field]
	}
