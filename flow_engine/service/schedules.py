"""Schedules as every door sees them: list, read, create, change, pause, resume, fire by hand, preview.

Decides what a write means for the next time and the status; what is valid is schedule_values', what happens
when the time has come schedule_firing's. Times in answers are ISO 8601; those that end in `_at` are UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flow_engine.engine.errors import BadInput, FlowError, TransientDatabaseError
from flow_engine.engine.schedules.timing import next_fire
from flow_engine.service import arguments as read
from flow_engine.service.schedule_firing import fire_by_hand
from flow_engine.service.schedule_states import audit, invalidate, restore, schema_of, waking
from flow_engine.service.schedule_values import (
	FIELDS,
	TIMING_FIELDS,
	TYPES,
	Checked,
	InvalidSchedule,
	check_values,
	fitting_problems,
)
from flow_engine.store.dialect import from_json
from flow_engine.store.schedules import ScheduleNotFound

STATUSES = ("enabled", "paused", "invalid", "finished")
MAX_LIST = 500
WRITABLE = tuple(FIELDS)

__all__ = ["InvalidSchedule", "ScheduleNotFound"]


# --- writing ------------------------------------------------------------------------------------------------


def prepare(
	host: Any, values: Mapping[str, Any], name: str, before: Mapping[str, Any] | None = None
) -> dict[str, Any]:
	"""The columns a schedule gets on this write, as `SqlSchedules.columns` takes them. `before`: its stored
	row, locked. Raises InvalidSchedule with every problem."""
	stored = {key: before[key] for key in FIELDS if key in before} if before else {}
	if before and _only_pauses(stored, values):
		# Whatever is wrong with it, it can be put to rest.
		return {**stored, "status": "paused", "fire_at": None, "wake_at": None}
	checked = check(host, {**stored, **values})
	columns, problems = dict(checked.columns), [*checked.problems]
	columns["timezone"] = columns["timezone"] or host.clock.time_zone.key
	wanted = columns["status"]
	if wanted not in STATUSES:
		problems.append(_problem("status", "bad_value", "A schedule is enabled or paused."))
	columns["status"] = "enabled"
	fire_at = None
	if checked.timing is not None:
		if wanted == "paused":
			columns["status"] = "paused"
		elif _keeps_time(columns, before, wanted):
			assert before is not None
			fire_at = before["fire_at"]
			columns["status"] = "finished" if wanted == "finished" else "enabled"
		else:
			fire_at = next_fire(checked.timing, host.runs.now())
			if fire_at is None:
				problems.append(_never(columns))
	if problems:
		first = problems[0]
		raise InvalidSchedule(
			f"The schedule cannot be saved: {first['path']}: {first['message']}", problems=problems
		)
	columns.update(
		fire_at=fire_at,
		wake_at=waking(name, columns, fire_at),
		problem_code=None,
		last_error=None,
		problems=None,
		set_by=host.runs._user(),
	)
	return columns


def _only_pauses(stored: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
	others = (key for key in values if key != "status")
	return values.get("status") == "paused" and all(_same(stored.get(key), values[key]) for key in others)


def _same(stored: Any, given: Any) -> bool:
	"""Forms send empty values in several ways, and data as text."""
	if isinstance(given, str) and not isinstance(stored, str | None):
		given = from_json(given) if not isinstance(stored, datetime) else datetime.fromisoformat(given)
	return (stored or None) == (given or None)


def check(host: Any, values: Mapping[str, Any]) -> Checked:
	def flow(name: str) -> tuple[str, Any]:
		trigger = host.templates.trigger_of(name)
		return trigger.template, schema_of(host, trigger.template, trigger.version)

	return check_values(
		values, flow, host.schedules.sources, host.clock.time_zone, host.templates.condition_strategy
	)


def _keeps_time(columns: Mapping[str, Any], before: Mapping[str, Any] | None, wanted: str) -> bool:
	"""A time that has come and has not fired yet is not lost by changing something else."""
	if before is None or before["status"] == "paused":
		return False
	if wanted != before["status"] and (wanted, before["status"]) != ("enabled", "invalid"):
		return False
	same = all((columns[key] or "") == (before[key] or "") for key in TIMING_FIELDS)
	return same and (before["fire_at"] is not None or wanted == "finished")


def _never(columns: Mapping[str, Any]) -> dict[str, str]:
	if columns["schedule_type"] == "once":
		return _problem("run_at", "past", "This time has passed, or falls on a day off.")
	return _problem("cron", "never_fires", "With these days off and this calendar it never fires.")


def _problem(path: str, code: str, message: str) -> dict[str, str]:
	return {"path": path, "code": code, "message": message}


def record(host: Any, row: Mapping[str, Any], before: Mapping[str, Any] | None, reason: str = "") -> None:
	"""The audit event of a write, in its transaction."""
	was, now = (before["status"] if before else None), row["status"]
	if before is None:
		event = "schedule.created"
	elif now == "paused" and was != "paused":
		event = "schedule.paused"
	elif was == "paused" and now != "paused":
		event = "schedule.resumed"
	else:
		event = "schedule.updated"
	audit(host, event, row, reason, was, now)


def removed(host: Any, row: Mapping[str, Any], reason: str = "") -> None:
	"""What goes with a deleted schedule, in its transaction: its fires stay as a record, and none goes on."""
	for fire in host.schedules.store.open_fires(row["name"]):
		host.schedules.store.write_fire(
			fire["name"],
			status="failed",
			reason_code="schedule_deleted",
			message="The schedule was deleted.",
			wake_at=None,
			ended_at=host.runs.now(),
		)
	audit(host, "schedule.deleted", row, reason, row["status"])


def revalidate(host: Any, template: str, version: int) -> None:
	"""What a publication means for the flow's schedules, in its transaction: a payload that does not fit any
	more keeps its schedule from firing, one that fits again lets it."""
	# A look at dates that is under way begins again: the new version may look at another field.
	host.schedules.date_scans.restart(template)
	store = host.schedules.store
	for name in store.of_flow(template):
		row = store.hold(name)
		if row["status"] in ("paused", "finished"):
			continue
		found = fitting_problems(schema_of(host, template, version), row["payload"])
		if found:
			invalidate(host, row, found, version)
		elif row["status"] == "invalid":
			restore(host, row)


# --- doors --------------------------------------------------------------------------------------------------


def list_schedules(
	host: Any,
	template: Any = None,
	schedule_type: Any = None,
	status: Any = None,
	search: Any = None,
	limit: Any = None,
	start: Any = None,
) -> dict[str, Any]:
	"""`{schedules: […], more}`, those that fire next first."""
	template = read.text(template, "template")
	filters = {
		"flow_template": _flow_id(host, template) if template else None,
		"schedule_type": _one_of(schedule_type, "schedule_type", TYPES),
		"status": _one_of(status, "status", STATUSES),
	}
	most = read.whole_number(limit, "limit", 50, 1, MAX_LIST)
	rows = host.schedules.store.find(
		{key: value for key, value in filters.items() if value is not None},
		read.text(search, "search"),
		most + 1,
		read.whole_number(start, "start", 0, 0, 10_000_000),
	)
	return {"schedules": [_listed(row) for row in rows[:most]], "more": len(rows) > most}


def _flow_id(host: Any, template: str) -> str:
	try:
		return host.definitions.template(template)["name"]
	except TransientDatabaseError:
		raise
	except FlowError:
		# Schedules outlive their flow.
		return template


def _one_of(value: Any, name: str, choices: tuple[str, ...]) -> str | None:
	text = read.text(value, name)
	if text is not None and text not in choices:
		raise BadInput(f"`{name}` must be one of {', '.join(choices)}.")
	return text


def _listed(row: Mapping[str, Any]) -> dict[str, Any]:
	flow = "deleted" if row["flow_name"] is None else "active" if row["flow_is_active"] else "paused"
	return {
		"name": row["name"],
		"schedule_name": row["schedule_name"],
		"flow_template": row["flow_template"],
		"template_name": row["template_name"] or row["flow_template"],
		"flow_status": flow,
		"schedule_type": row["schedule_type"],
		"run_at": local_text(row["run_at"]),
		"cron": row["cron"] or None,
		"timezone": row["timezone"],
		"next_fire_at": _iso(row["fire_at"]) if row["status"] == "enabled" else None,
		"last_fire_at": _iso(row["last_fire_at"]),
		"status": row["status"],
		"problem_code": row["problem_code"],
		"last_error": row["last_error"],
		"fan_out_doctype": row["fan_out_doctype"] or None,
		"modified": str(row["modified"]),
	}


def get_schedule(host: Any, name: Any, values: bool = True) -> dict[str, Any]:
	"""`values`: whether the caller may see the payload and which documents it is for."""
	return {"schedule": described(host, host.schedules.store.get(read.needed(name, "name")), values)}


def described(host: Any, row: Mapping[str, Any], values: bool = True) -> dict[str, Any]:
	view = {key: row[key] for key in FIELDS}
	view["fan_out_filters"] = row["fan_out_filters"] or []
	view["fan_out_condition"] = row["fan_out_condition"] or ""
	for key in ("schedule_name", "cron", "holiday_list", "fan_out_doctype", "fan_out_order"):
		view[key] = row[key] or ""
	if not values:
		for key in ("payload", "fan_out_filters", "fan_out_condition"):
			del view[key]
	return {
		**view,
		"name": row["name"],
		"template_name": _flow_name(host, row["flow_template"]),
		"run_at": local_text(row["run_at"]),
		"next_fire_at": _iso(row["fire_at"]) if row["status"] == "enabled" else None,
		"last_fire_at": _iso(row["last_fire_at"]),
		"problem_code": row["problem_code"],
		"last_error": row["last_error"],
		"problems": row["problems"] or [],
		"set_by": row["set_by"],
		"modified": str(row["modified"]),
	}


def _flow_name(host: Any, template: str) -> str:
	try:
		return str(host.definitions.template(template)["template_name"] or template)
	except TransientDatabaseError:
		raise
	except FlowError:
		return template


def create(host: Any, values: Mapping[str, Any]) -> dict[str, Any]:
	"""Raises InvalidSchedule, BadInput."""
	given = _writable(values)
	return get_schedule(host, host.runs.transact(lambda: host.schedules.records.insert(given)))


def update(host: Any, name: Any, values: Mapping[str, Any], modified: Any = None) -> dict[str, Any]:
	"""Raises ScheduleNotFound, SaveConflict, InvalidSchedule, BadInput."""
	return _change(host, name, _writable(values), "", read.text(modified, "modified"))


def pause(host: Any, name: Any, reason: Any = None) -> dict[str, Any]:
	return _change(host, name, {"status": "paused"}, read.text(reason, "reason") or "")


def resume(host: Any, name: Any, reason: Any = None) -> dict[str, Any]:
	"""Goes on from now: what passed while it was paused is not made up for. Raises InvalidSchedule."""
	return _change(host, name, {"status": "enabled"}, read.text(reason, "reason") or "")


def _change(
	host: Any, name: Any, values: Mapping[str, Any], reason: str, modified: str | None = None
) -> dict[str, Any]:
	name = read.needed(name, "name")
	host.runs.transact(lambda: host.schedules.records.update(name, values, reason, modified))
	return get_schedule(host, name)


def delete(host: Any, name: Any, reason: Any = None) -> dict[str, Any]:
	name, why = read.needed(name, "name"), read.text(reason, "reason") or ""
	host.runs.transact(lambda: host.schedules.records.delete(name, why))
	return {"ok": True}


def fire_now(host: Any, name: Any, reason: Any = None, user: str | None = None) -> dict[str, Any]:
	"""Fire once more, now, whatever its next time; `{fire, run}`, the run None where documents are gone
	through. Raises ScheduleNotFound, InvalidPayload and what keeps the flow from being started."""
	name, why = read.needed(name, "name"), read.text(reason, "reason") or ""

	def work() -> dict[str, Any]:
		row = host.schedules.store.hold(name)
		made = fire_by_hand(host, row, user, why)
		audit(host, "schedule.fired", row, why, fire=made["fire"], run=made["run"])
		return made

	return host.runs.transact(work)


def list_fires(
	host: Any, name: Any, limit: Any = None, start: Any = None, values: bool = True
) -> dict[str, Any]:
	"""`{fires: […], more}`, the newest first. `values`: whether the caller may see which documents."""
	name = read.needed(name, "name")
	most = read.whole_number(limit, "limit", 20, 1, MAX_LIST)
	found = host.schedules.store.fires_of(name, most + 1, read.whole_number(start, "start", 0, 0, 10_000_000))
	return {"fires": [_fire(row, values) for row in found[:most]], "more": len(found) > most}


def _fire(row: Mapping[str, Any], values: bool) -> dict[str, Any]:
	return {
		"name": row["name"],
		"status": row["status"],
		"fire_at": _iso(row["fire_utc"]),
		"fired_at": _iso(row["fired_at"]),
		"ended_at": _iso(row["ended_at"]),
		"template_version": row["template_version"],
		"run": row["flow_run"],
		"skipped_because": row["reason_code"] if row["status"] == "skipped" else None,
		"error": {"code": row["reason_code"], "message": row["message"]}
		if row["status"] == "failed"
		else None,
		"message": row["message"],
		"missed_count": int(row["missed_count"] or 0),
		"missed_until": _iso(row["missed_until"]),
		"by_hand": bool(row["by_hand"]),
		"asked_by": row["asked_by"],
		"reason": row["reason"],
		"documents_total": int(row["total"] or 0),
		"documents_done": int(row["place"] or 0),
		"runs_started": int(row["started"] or 0),
		"passed_over": int(row["passed_over"] or 0),
		"refused": int(row["refused"] or 0),
		"refusals": row["refusals"] if values else [],
		"capped": bool(row["capped"]),
	}


def read_values(values: Any) -> dict[str, Any]:
	"""A schedule's fields as a caller sends them: an object, or its JSON text. Raises BadInput."""
	return read.json_object(values, "values")


def _writable(values: Mapping[str, Any]) -> dict[str, Any]:
	unknown = sorted(set(values) - set(WRITABLE))
	if unknown:
		raise BadInput(f"{unknown[0]!r} is not a field of a schedule that can be written.")
	return dict(values)


def local_text(when: datetime | None) -> str | None:
	"""What the wall shows, to the minute."""
	return when.isoformat(timespec="minutes") if when is not None else None


def _iso(when: datetime | None) -> str | None:
	return when.isoformat() if when is not None else None
