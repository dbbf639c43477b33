"""What a schedule says, read and checked: one list of problems by path, and what the engine makes of it.

Both hosts call `prepare` on every write, whatever the door. Whether the flow may be started now is asked when
it fires; here only what cannot become right by waiting is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from flow_engine.engine.condition_places import normalise_condition
from flow_engine.engine.condition_text import Place, Strategy
from flow_engine.engine.conditions import condition_problems
from flow_engine.engine.enums import StrEnum
from flow_engine.engine.errors import FlowError, TransientDatabaseError
from flow_engine.engine.payload_schema import payload_problems
from flow_engine.engine.plain import parse_json
from flow_engine.engine.problems import quoted, storage_problems, under
from flow_engine.engine.schedules.calendars import Calendar, OffDays
from flow_engine.engine.schedules.cron import MAX_LENGTH, read_cron
from flow_engine.engine.schedules.policies import MOST_CAUGHT_UP, Missed, Overlap
from flow_engine.engine.schedules.timing import Timing
from flow_engine.engine.schedules.zones import Fold, Gap, read_zone

FIELDS: Mapping[str, Any] = {
	"schedule_name": "",
	"flow_template": "",
	"status": "enabled",
	"schedule_type": "cron",
	"cron": "",
	"run_at": "",
	"timezone": "",
	"payload": {},
	"day_policy": "any",
	"holiday_list": "",
	"missed_policy": "run_once",
	"missed_limit": 10,
	"overlap_policy": "allow",
	"jitter_minutes": 0,
	"gap_policy": "after",
	"fold_policy": "first",
	"fan_out_doctype": "",
	"fan_out_filters": [],
	"fan_out_condition": "",
	"fan_out_order": "",
	"fan_out_limit": 1000,
	"batch_size": 50,
}
# Where a change of these means another next time.
TIMING_FIELDS = (
	"schedule_type", "cron", "run_at", "timezone", "day_policy", "holiday_list", "gap_policy", "fold_policy"
)  # fmt: skip
TYPES = ("once", "cron")
_CHOICES: Mapping[str, type[StrEnum]] = {
	"day_policy": OffDays,
	"missed_policy": Missed,
	"overlap_policy": Overlap,
	"gap_policy": Gap,
	"fold_policy": Fold,
}
# field → (least, most)
_NUMBERS = {
	"missed_limit": (1, MOST_CAUGHT_UP),
	"jitter_minutes": (0, 1_440),
	"fan_out_limit": (1, 10_000),
	"batch_size": (1, 500),
}
_LENGTHS = {
	"schedule_name": 140,
	"flow_template": 140,
	"timezone": 64,
	"cron": MAX_LENGTH,
	"holiday_list": 140,
}
OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "in", "not in", "like", "not like", "is")
MAX_FILTERS = 50


class InvalidSchedule(FlowError):
	"""The schedule has problems."""

	code = "invalid_schedule"
	http_status = 422


class Sources(Protocol):
	"""What a host's documents say to schedules."""

	def calendar(self, holiday_list: str) -> Calendar | None:
		"""The days off of a Holiday List; None where there is no such list."""
		...

	def check_matching(self, doctype: str, filters: list[Any], order: str) -> list[tuple[str, str]]:
		"""`(field of the schedule, message)` of what cannot be listed here."""
		...

	def matching(self, user: str, doctype: str, filters: list[Any], order: str, limit: int) -> list[str]:
		"""Names of the documents that match and that this user may read, in order."""
		...

	def may_read(self, doctype: str, name: str) -> bool:
		"""May whoever asks read this document?"""
		...

	def date_triggers(self) -> list[Any]:
		"""The published triggers of active flows whose event is a date."""
		...

	def dated(
		self, doctype: str, field: str, first: date, last: date, after: tuple[Any, str] | None, limit: int
	) -> list[tuple[Any, str]]:
		"""`(value, name)` of the documents whose date lies between two days, both included, in their order;
		those behind `after`. Cancelled documents are left out. Raises FlowError."""
		...


@dataclass(frozen=True, slots=True)
class Checked:
	"""`columns`: what is stored. `timing`: None where the time cannot be read."""

	columns: Mapping[str, Any]
	timing: Timing | None
	problems: list[dict[str, str]]


class _Problems:
	def __init__(self) -> None:
		self.found: list[dict[str, str]] = []

	def add(self, path: str, code: str, message: str) -> None:
		if not any(problem["path"] == path for problem in self.found):
			self.found.append({"path": path, "code": code, "message": message})

	def at(self, path: str, read: Callable[[], Any]) -> Any:
		try:
			return read()
		except TransientDatabaseError:
			raise
		except FlowError as error:
			self.add(path, error.code, error.message)
			return None


def check_values(
	values: Mapping[str, Any],
	flow: Callable[[str], tuple[str, Any]],
	sources: Sources,
	zone: ZoneInfo,
	strategy: Strategy = Strategy.STRICT,
) -> Checked:
	"""Everything wrong with a schedule at once; never raises but for the database.

	flow: a template's id or name → its id and the payload schema of its published version; raises FlowError
	where it has none. zone: the site's. strategy: the site's, for conditions written as text.
	"""
	problems = _Problems()
	columns = {key: values.get(key, default) for key, default in FIELDS.items()}
	for key in values:
		if key not in FIELDS:
			problems.add(str(key)[:80], "unknown_key", f"A schedule has no {quoted(key)}.")
	for key, value in columns.items():
		columns[key] = _plain(key, value, problems)
	for key, choices in _CHOICES.items():
		_choose(columns, key, [choice.value for choice in choices], problems)
	_choose(columns, "schedule_type", TYPES, problems)
	for key, (least, most) in _NUMBERS.items():
		columns[key] = _number(columns[key], key, least, most, problems)
	if not columns["schedule_name"]:
		problems.add("schedule_name", "missing_field", "A schedule needs a name.")
	schema, found = None, None
	if not columns["flow_template"]:
		problems.add("flow_template", "missing_field", "Choose the flow that the schedule starts.")
	else:
		found = problems.at("flow_template", lambda: flow(columns["flow_template"]))
	if found is not None:
		columns["flow_template"], schema = found
		for problem in fitting_problems(schema, columns["payload"]):
			problems.add(problem["path"], problem["code"], problem["message"])
	timing = _timing(columns, sources, zone, problems)
	_check_fan_out(columns, sources, strategy, problems)
	return Checked(columns, timing, problems.found)


def fitting_problems(schema: Any, payload: Any) -> list[dict[str, str]]:
	"""Problems of a schedule's payload, at `payload…`. A flow without a payload schema takes no payload:
	nothing would keep a later version from reading it otherwise."""
	if schema is None and payload:
		message = "This flow has no payload schema, so a schedule cannot give it a payload."
		return [{"path": "payload", "code": "schema_missing", "message": message}]
	found = payload_problems(schema, payload)
	return [{**problem, "path": under("payload", problem["path"])} for problem in found]


def timing_of(row: Mapping[str, Any], sources: Sources, zone: ZoneInfo) -> Timing:
	"""The timing of a stored schedule. Raises FlowError where it cannot be read any more."""
	own = read_zone(row["timezone"]) if row.get("timezone") else zone
	off_days = OffDays(row.get("day_policy") or "any")
	calendar = Calendar()
	if row.get("holiday_list") and off_days is not OffDays.ANY:
		found = sources.calendar(row["holiday_list"])
		if found is None:
			raise UnknownHolidayList(f"There is no Holiday List {quoted(row['holiday_list'])}.")
		calendar = found
	once = row["schedule_type"] == "once"
	return Timing(
		zone=own,
		cron=None if once else read_cron(row["cron"] or ""),
		run_at=row["run_at"] if once else None,
		off_days=off_days,
		calendar=calendar,
		gap=Gap(row.get("gap_policy") or "after"),
		fold=Fold(row.get("fold_policy") or "first"),
	)


class UnknownHolidayList(FlowError):
	"""There is no such Holiday List."""

	code = "unknown_holiday_list"
	http_status = 422


def _timing(columns: dict[str, Any], sources: Sources, zone: ZoneInfo, problems: _Problems) -> Timing | None:
	if columns["timezone"]:
		problems.at("timezone", lambda: read_zone(columns["timezone"]))
	if columns["schedule_type"] == "once":
		columns["cron"] = ""
		columns["run_at"] = _local_time(columns["run_at"], problems)
	else:
		columns["run_at"] = None
		if not columns["cron"]:
			problems.add("cron", "missing_field", "A recurring schedule needs a cron expression.")
		else:
			problems.at("cron", lambda: read_cron(columns["cron"]))
	if columns["holiday_list"]:
		known = problems.at("holiday_list", lambda: sources.calendar(columns["holiday_list"]))
		if known is None:
			message = f"There is no Holiday List {quoted(columns['holiday_list'])}."
			problems.add("holiday_list", UnknownHolidayList.code, message)
	if any(problem["path"] in TIMING_FIELDS for problem in problems.found):
		return None
	return timing_of(columns, sources, zone)


def _local_time(value: Any, problems: _Problems) -> datetime | None:
	"""What the wall shows in the schedule's zone: a text or datetime without an offset, to the minute."""
	if value in (None, ""):
		problems.add("run_at", "missing_field", "Choose when it fires.")
		return None
	try:
		moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
	except ValueError:
		problems.add("run_at", "bad_date", "The time is a date and time such as 2027-01-31T09:00.")
		return None
	if moment.tzinfo is not None:
		problems.add("run_at", "bad_date", "The time has no offset: the time zone stands beside it.")
		return None
	if not date(1970, 1, 1) <= moment.date() <= date(9999, 12, 29):
		problems.add("run_at", "bad_date", "The year lies outside the calendar.")
		return None
	return moment.replace(microsecond=0)


def _plain(key: str, value: Any, problems: _Problems) -> Any:
	"""A value of the type its field has."""
	default = FIELDS[key]
	if value is None:
		return {**default} if isinstance(default, Mapping) else default
	if key in ("payload", "fan_out_filters", "fan_out_condition"):
		return _data(key, value, problems)
	if isinstance(default, int) or key == "run_at":
		return value
	if not isinstance(value, str):
		problems.add(key, "bad_value", "This is a text.")
		return default
	text = value.strip()
	if len(text) > _LENGTHS.get(key, 140):
		problems.add(key, "too_large", f"At most {_LENGTHS.get(key, 140)} characters.")
		return default
	if any(True for _ in storage_problems(text)):
		problems.add(key, "bad_value", "The text holds characters that cannot be stored.")
		return default
	return text


def _data(key: str, value: Any, problems: _Problems) -> Any:
	"""Data as data; texts that are JSON are read."""
	empty: Any = {"payload": {}, "fan_out_filters": [], "fan_out_condition": ""}[key]
	if isinstance(value, str):
		text = value.strip()
		if not text:
			return empty
		if key != "fan_out_condition" or text[:1] in "[{":
			try:
				value = parse_json(text)
			except ValueError as error:
				problems.add(key, "bad_json", f"Not valid JSON: {error}.")
				return empty
	for path, code, message in storage_problems(value):
		problems.add(
			under(key, "" if path == "(top)" else path), code, message.replace("The definition", "It")
		)
		return empty
	if key == "payload" and not isinstance(value, Mapping):
		problems.add(key, "wrong_type", "A payload is a JSON object of names and values.")
		return empty
	return value


def _choose(columns: dict[str, Any], key: str, choices: Any, problems: _Problems) -> None:
	columns[key] = columns[key] or FIELDS[key]
	if columns[key] not in choices:
		problems.add(key, "bad_value", f"Choose one of {', '.join(choices)}.")
		columns[key] = FIELDS[key]


def _number(value: Any, key: str, least: int, most: int, problems: _Problems) -> int:
	try:
		number = FIELDS[key] if value == "" else int(str(value)[:12])
		if isinstance(value, bool) or not least <= number <= most:
			raise ValueError
	except ValueError:
		problems.add(key, "bad_value", f"This is a whole number from {least} to {most}.")
		return int(FIELDS[key])
	return number


def _check_fan_out(
	columns: dict[str, Any], sources: Sources, strategy: Strategy, problems: _Problems
) -> None:
	if not columns["fan_out_doctype"]:
		columns.update(fan_out_filters=[], fan_out_condition="", fan_out_order="")
		return
	filters = _filters(columns["fan_out_filters"], problems)
	if filters is None:
		return
	columns["fan_out_filters"] = filters
	columns["fan_out_condition"] = normalise_condition(columns["fan_out_condition"], Place(), strategy)
	for path, code, message in condition_problems(columns["fan_out_condition"]):
		problems.add(under("fan_out_condition", path), code, message)
	found = problems.at(
		"fan_out_doctype",
		lambda: sources.check_matching(columns["fan_out_doctype"], filters, columns["fan_out_order"]),
	)
	for path, message in found or ():
		problems.add(path, "bad_value", message)


def _filters(raw: Any, problems: _Problems) -> list[Any] | None:
	"""`[[field, operator, value], …]`, also given as `{field: value}` or `{field: [operator, value]}`."""
	if isinstance(raw, Mapping):
		raw = [
			[key, *(value if isinstance(value, list) and len(value) == 2 else ("=", value))]
			for key, value in raw.items()
		]
	if not isinstance(raw, list) or len(raw) > MAX_FILTERS:
		problems.add("fan_out_filters", "bad_value", "Filters are a list of [field, operator, value].")
		return None
	for place, entry in enumerate(raw):
		path = f"fan_out_filters[{place}]"
		if not isinstance(entry, list) or len(entry) != 3 or not isinstance(entry[0], str):
			problems.add(path, "bad_value", "A filter is [field, operator, value].")
			return None
		if not isinstance(entry[1], str) or entry[1].lower() not in OPERATORS:
			message = f"There is no operator {quoted(entry[1])} (there are: {', '.join(OPERATORS)})."
			problems.add(path, "unknown_operator", message)
			return None
		listed = entry[1].lower() in ("in", "not in")
		if listed != isinstance(entry[2], list) or isinstance(entry[2], Mapping):
			problems.add(path, "bad_value", "“in” and “not in” take a list, the others one value.")
			return None
		entry[1] = entry[1].lower()
	return raw
