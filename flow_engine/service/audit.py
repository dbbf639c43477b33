"""The audit trail as the doors of both hosts share it: what is asked for, how it is shown and exported.

Reading is the host's, with its permissions; nobody writes or deletes here.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from flow_engine.engine.errors import BadInput
from flow_engine.engine.webhooks import body_of
from flow_engine.service import arguments as read

MAX_LIST = 500
# Of an export, read and written at a time: what is kept in memory does not grow with the trail.
BATCH = 1_000
FORMATS = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson; charset=utf-8"}
COLUMNS = (
	"id",
	"created_at",
	"event_type",
	"actor",
	"template",
	"run",
	"step",
	"status_from",
	"status_to",
	"reason",
	"metadata",
)
_EVENT = re.compile(r"[a-z_.*]{0,64}")
# What a spreadsheet would take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class AuditFilters:
	"""Which events are wanted. `event`: exact, or with `*` for any letters. `since` and `until`: aware UTC,
	the second one left out. What is empty asks for nothing."""

	event: str = ""
	user: str = ""
	flow_template: str = ""
	flow_run: str = ""
	since: datetime | None = None
	until: datetime | None = None

	def conditions(self, site_text: Callable[[datetime | None], str | None]) -> list[tuple[str, str, str]]:
		"""`(column, operator, value)`, all of which hold."""
		found = [
			(column, "=", value)
			for column, value in (
				("user", self.user),
				("flow_template", self.flow_template),
				("flow_run", self.flow_run),
			)
			if value
		]
		if "*" in self.event:
			# `_` stands for any letter then, which finds no less.
			found.append(("event_type", "like", self.event.replace("*", "%")))
		elif self.event:
			found.append(("event_type", "=", self.event))
		for operator, moment in ((">=", self.since), ("<", self.until)):
			if moment is not None:
				found.append(("happened_at", operator, site_text(moment) or ""))
		return found


def read_filters(given: Mapping[str, Any], zone: ZoneInfo) -> AuditFilters:
	"""Arguments of a list or an export: `event`, `user`, `template`, `run`, `since`, `until`. A time without
	a zone, or a day, is the site's; `until` a day includes it. Raises BadInput."""
	event = (read.text(given.get("event"), "event") or "").strip()
	if not _EVENT.fullmatch(event):
		raise BadInput("`event` is one kind of event, or a pattern like run.* or *failed.")
	return AuditFilters(
		event,
		read.text(given.get("user"), "user") or "",
		read.text(given.get("template"), "template") or "",
		read.text(given.get("run"), "run") or "",
		_moment(given.get("since"), "since", zone),
		_moment(given.get("until"), "until", zone, ends=True),
	)


def _moment(value: Any, name: str, zone: ZoneInfo, ends: bool = False) -> datetime | None:
	text = (read.text(value, name) or "").strip()
	if not text:
		return None
	try:
		if len(text) == len("2026-01-31"):
			day = date.fromisoformat(text) + timedelta(days=int(ends))
			found = datetime.combine(day, time(), zone)
		else:
			found = datetime.fromisoformat(text)
			found = found if found.tzinfo else found.replace(tzinfo=zone)
		return found.astimezone(timezone.utc)
	except (ValueError, OverflowError):
		raise BadInput(f"`{name}` is no date and no time in ISO 8601.") from None


def read_page(given: Mapping[str, Any]) -> tuple[int, int]:
	"""`limit` and `start`. Raises BadInput."""
	return (
		read.whole_number(given.get("limit"), "limit", 50, 1, MAX_LIST),
		read.whole_number(given.get("start"), "start", 0, 0, 10_000_000),
	)


def listed(events: Sequence[Mapping[str, Any]], limit: int) -> dict[str, Any]:
	"""The answer of a list that asked for one more than it shows."""
	return {"events": [body_of(event) for event in events[:limit]], "more": len(events) > limit}


# --- exporting ----------------------------------------------------------------------------------------------


def read_format(value: Any) -> str:
	"""`csv` (the default) or `jsonl`. Raises BadInput."""
	wanted = read.text(value, "format") or "csv"
	if wanted not in FORMATS:
		raise BadInput("`format` is csv or jsonl.")
	return wanted


def exported(batches: Iterable[Sequence[Mapping[str, Any]]], wanted: str) -> Iterator[str]:
	"""The events as text, a batch at a time, oldest first."""
	if wanted == "csv":
		yield _csv_lines([COLUMNS])
	for batch in batches:
		bodies = [body_of(event) for event in batch]
		if wanted == "csv":
			yield _csv_lines([[_cell(body[column]) for column in COLUMNS] for body in bodies])
		else:
			yield "".join(json.dumps(body, ensure_ascii=False, default=str) + "\n" for body in bodies)


Batch = Sequence[Mapping[str, Any]]


def in_batches(fetch: Callable[[str, int], Batch]) -> Iterator[Batch]:
	"""`fetch(after, limit)` gives events after this id, in the order of ids, until there are no more."""
	after = ""
	while batch := fetch(after, BATCH):
		yield batch
		after = str(batch[-1]["id"])


def file_name(wanted: str, now: datetime) -> str:
	return f"flow-audit-{now:%Y-%m-%d}.{wanted}"


def _csv_lines(rows: Iterable[Iterable[Any]]) -> str:
	text = io.StringIO()
	csv.writer(text, lineterminator="\r\n").writerows(rows)
	return text.getvalue()


def _cell(value: Any) -> str:
	if value is None:
		return ""
	plain = not isinstance(value, dict | list)
	text = str(value) if plain else json.dumps(value, ensure_ascii=False, default=str)
	return f"'{text}" if text.startswith(_FORMULA) else text
