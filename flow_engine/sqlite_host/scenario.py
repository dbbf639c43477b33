"""What to simulate, and reading it as people write it: documents, replies, times and durations."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from dateutil import parser as date_parser

from flow_engine.engine.errors import BadInput
from flow_engine.service.arguments import storable

# Years in which every step of a flow can still add its waits without leaving the calendar.
YEARS = range(1900, 9900)
_DURATION = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)\s*(w|d|h|m|s)", re.IGNORECASE)
_ISO_DURATION = re.compile(
	r"\AP(?=.)(?:(\d{1,6})Y)?(?:(\d{1,6})M)?(?:(\d{1,6})W)?(?:(\d{1,9})D)?"
	r"(?:T(?=.)(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?)?\Z"
)
_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_REPLY_KEYS = ("url", "status", "body", "headers", "error")


@dataclass(frozen=True, slots=True)
class Scenario:
	"""What to simulate. `completions`: step id → posted value, applied when the step waits, in the order
	given. `until`: where to stop even if something is still due; None: go on until nothing is. `seconds`: of
	real time, after which what has happened so far is the answer; None: as long as it takes. `compensate`:
	what the run has done is undone when nothing more is due, even where its flow leaves that to operators."""

	definition: Any
	doc: Mapping[str, Any] | None = None
	docs: Sequence[Mapping[str, Any]] = ()
	event: str | None = None
	variables: Mapping[str, Any] = field(default_factory=dict)
	now: datetime | None = None
	until: datetime | timedelta | None = None
	completions: Sequence[tuple[str, Any]] = ()
	replies: Sequence[Mapping[str, Any]] = ()
	time_zone: str = "UTC"
	kinds: Mapping[str, Any] | None = None
	seconds: float | None = None
	compensate: bool = False


def read_zone(name: str) -> ZoneInfo:
	"""Raises BadInput for what is no IANA time zone."""
	try:
		return ZoneInfo(name)
	except (ValueError, OSError, LookupError):
		raise BadInput(f"{name!r} is not a time zone; one is Europe/Paris.") from None


def read_moment(text: str, zone: tzinfo = timezone.utc) -> datetime:
	"""ISO date or datetime → aware; naive ones are in `zone`. Raises BadInput."""
	try:
		moment = date_parser.isoparse(text.strip())
	except (ValueError, OverflowError):
		raise BadInput(f"{text[:80]!r} is not an ISO date or time.") from None
	if moment.year not in YEARS:
		raise BadInput(f"The year {moment.year} cannot be simulated ({YEARS.start} to {YEARS.stop - 1} can).")
	return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment


def read_until(text: str, zone: tzinfo = timezone.utc) -> datetime | timedelta:
	"""An ISO time, an ISO duration (`P30D`) or a short one (`3d 4h`). Raises BadInput."""
	compact = text.strip()
	found = _ISO_DURATION.match(compact.upper())
	if found:
		years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
		whole_days = years * 365 + months * 30 + weeks * 7 + days
		return _duration(whole_days * 86_400 + hours * 3_600 + minutes * 60 + seconds)
	parts = _DURATION.findall(compact)
	if parts and not _DURATION.sub("", compact).strip():
		return _duration(sum(float(number) * _SECONDS[unit.lower()] for number, unit in parts))
	return read_moment(compact, zone)


def _duration(seconds: float) -> timedelta:
	try:
		return timedelta(seconds=seconds)
	except OverflowError:
		raise BadInput("The duration is too long.") from None


def read_document(data: Any) -> dict[str, Any]:
	"""A document with `doctype` and `name`. Raises BadInput."""
	if not isinstance(data, Mapping):
		raise BadInput("A document is a JSON object with `doctype` and `name`.")
	for key in ("doctype", "name"):
		if not isinstance(data.get(key), str) or not data[key].strip():
			raise BadInput(f"A document needs `{key}`.")
	storable(data, f"{data['doctype'][:60]} {data['name'][:60]}")
	return dict(data)


def read_documents(data: Any) -> list[dict[str, Any]]:
	"""One document or a list of them. Raises BadInput."""
	return [read_document(document) for document in (data if isinstance(data, list) else [data])]


def read_replies(data: Any) -> list[dict[str, Any]]:
	"""A list of prepared HTTP answers: `{url, status, body}`. Raises BadInput."""
	if not isinstance(data, list | tuple):
		raise BadInput("Replies are a list of `{url, status, body}`.")
	for reply in data:
		if not isinstance(reply, Mapping):
			raise BadInput("A reply is an object `{url, status, body}`.")
		unknown = sorted(set(reply) - set(_REPLY_KEYS))
		if unknown:
			raise BadInput(f"A reply has no {unknown[0][:60]!r}; it has {', '.join(_REPLY_KEYS)}.")
		status = reply.get("status", 200)
		if isinstance(status, bool) or not isinstance(status, int) or not 100 <= status <= 599:
			raise BadInput("The `status` of a reply is a number from 100 to 599.")
		if not isinstance(reply.get("url", ""), str) or not isinstance(reply.get("headers") or {}, Mapping):
			raise BadInput("The `url` of a reply is a text, its `headers` an object.")
		if reply.get("error") not in (None, "not_sent", "no_answer"):
			raise BadInput("The `error` of a reply is not_sent or no_answer.")
	storable(data, "replies")
	return [dict(reply) for reply in data]
