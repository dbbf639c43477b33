"""What a database has to bring, and how values stand in it: times, JSON, text."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone, tzinfo
from functools import lru_cache
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

T = TypeVar("T")


class Dialect:
	"""One database. Subclasses give the methods that raise NotImplementedError, and the two locking
	suffixes."""

	zone: ZoneInfo
	for_update = ""
	skip_locked = ""

	def transact(self, work: Callable[[], T]) -> T:
		raise NotImplementedError

	def look(self, work: Callable[[], T]) -> T:
		"""Read what is committed now: in a transaction of its own, unless the database does that anyway."""
		return self.transact(work)

	def lend(self, work: Callable[[], T]) -> T:
		"""A transaction that gives out leases and nothing else. It has to outlive this process, so that a
		step that ends processes is found out; a database may let the machine's end take it back, because
		then nobody works under that lease either."""
		return self.transact(work)

	def now(self) -> datetime:
		raise NotImplementedError

	def _stamp(self) -> str:
		"""`modified` as people see it; a host may answer with the transaction's time instead of asking
		again."""
		return self.site_text(self.now()) or ""

	def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[Mapping[str, Any]]:
		raise NotImplementedError

	def _change(self, sql: str, values: Sequence[Any] = ()) -> int:
		"""Run a statement; the number of rows it changed."""
		raise NotImplementedError

	def _name(self, doctype: str) -> str:
		raise NotImplementedError

	def _token(self) -> str:
		raise NotImplementedError

	def _user(self) -> str:
		raise NotImplementedError

	def utc_text(self, when: datetime | None) -> str | None:
		return _text_in(when, timezone.utc) if when is not None else None

	def site_text(self, when: datetime | None) -> str | None:
		return _text_in(when, self.zone) if when is not None else None

	def from_utc(self, value: Any) -> datetime | None:
		return read_time(value, timezone.utc)

	def from_site(self, value: Any) -> datetime | None:
		return read_time(value, self.zone)

	def _insert(self, doctype: str, rows: Sequence[Mapping[str, Any]]) -> None:
		columns = tuple(rows[0])
		values = [row[column] for row in rows for column in columns] if len(rows) > 1 else [*rows[0].values()]
		self._change(_insertion(doctype, columns, len(rows)), values)


@lru_cache(maxsize=512)
def _insertion(doctype: str, columns: tuple[str, ...], rows: int) -> str:
	names = ", ".join(f"`{column}`" for column in columns)
	values = "(" + ", ".join(["%s"] * len(columns)) + ")"
	return f"INSERT INTO `tab{doctype}` ({names}) VALUES {', '.join([values] * rows)}"


@lru_cache(maxsize=512)
def assignments(columns: tuple[str, ...]) -> str:
	"""What stands after SET."""
	return ", ".join(f"`{column}` = %s" for column in columns)


def text_of_time(when: datetime) -> str:
	return when.replace(tzinfo=None).isoformat(" ", "microseconds")


def _text_in(when: datetime, zone: tzinfo) -> str:
	if when.tzinfo is timezone.utc:
		return _text_of_utc(when, zone)
	return text_of_time(when.astimezone(zone))


# The same few moments stand in all rows of a transaction. UTC alone: where clocks are put back, two moments
# are equal and have two texts.
@lru_cache(maxsize=256)
def _text_of_utc(when: datetime, zone: tzinfo) -> str:
	return text_of_time(when if zone is timezone.utc else when.astimezone(zone))


def read_time(value: Any, zone: Any) -> datetime | None:
	if value is None or value == "":
		return None
	if not isinstance(value, datetime):
		value = datetime.fromisoformat(str(value))
	if value.tzinfo is None:
		value = value.replace(tzinfo=zone)
	return value.astimezone(timezone.utc)


def storable(value: str | None) -> str | None:
	return value.encode("utf-8", "replace").decode("utf-8") if value else value


def to_json(value: Any) -> str:
	"""Half a surrogate pair, which JSON from outside may hold, is no text to a database."""
	if value == {}:
		return "{}"
	text = _encode(value)
	return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


_encode = json.JSONEncoder(ensure_ascii=False, default=str).encode


def from_json(text: Any) -> Any:
	"""Stored JSON → data; text that is not JSON comes back as it is, for the reader to refuse."""
	if text is None or text == "" or text == "{}":
		return {}
	try:
		return json.loads(text)
	except (ValueError, RecursionError):
		return text


def places(values: Sequence[Any]) -> str:
	return ", ".join(["%s"] * len(values))
