"""Schedules and their fires in SQL that both hosts speak, on the connection and dialect of the run store.

What people change of a schedule goes through the host's records; here stands what the clock changes: the next
time, the last one, a problem, and a row for each fire. Due rows are found along the index on `wake_at`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from flow_engine.engine.errors import FlowError
from flow_engine.engine.problems import quoted
from flow_engine.store.dialect import Dialect, assignments, from_json, storable, to_json

_TABLE, _FIRES = "`tabFlow Schedule`", "`tabFlow Schedule Fire`"
_UTC = ("fire_at", "wake_at")
_SITE = ("next_fire_at", "last_fire_at", "creation", "modified")
_FIRE_UTC = ("fire_utc", "wake_at")
_FIRE_SITE = ("fire_at", "fired_at", "ended_at", "missed_until", "creation")
_LISTED = (
	"s.name, s.schedule_name, s.flow_template, s.schedule_type, s.run_at, s.cron, s.timezone, s.fire_at, "
	"s.last_fire_at, s.status, s.last_error, s.problem_code, s.fan_out_doctype, s.modified, "
	"t.template_name, t.is_active AS flow_is_active, t.name AS flow_name"
)
_FIRE_LISTED = (
	"name, flow_schedule, flow_template, template_version, status, fire_at, fired_at, ended_at, flow_run, "
	"reason_code, message, missed_count, missed_until, by_hand, asked_by, reason, total, place, started, "
	"passed_over, refused, capped, refusals, fire_utc"
)
_JSON = ("payload", "fan_out_filters", "fan_out_condition", "problems")
OPEN = ("queued", "running")


class ScheduleNotFound(FlowError):
	"""There is no such schedule."""

	code = "schedule_not_found"
	http_status = 404


class SqlSchedules:
	"""Rows come back with times aware UTC and JSON parsed; written times may be given so."""

	def __init__(self, database: Dialect):
		self.database = database

	# --- schedules ------------------------------------------------------------------------------------------

	def due(self, limit: int) -> list[str]:
		"""Names of schedules whose time has come, the longest due first."""
		return self._due(_TABLE, limit)

	def lock(self, name: str) -> dict[str, Any] | None:
		"""The row, locked; None where it is gone or another scheduler has it."""
		return self._one(f"SELECT * FROM {_TABLE} WHERE name = %s{self.database.skip_locked}", name)

	def hold(self, name: str) -> dict[str, Any]:
		"""The row, locked, waiting for whoever has it. Raises ScheduleNotFound."""
		found = self._one(f"SELECT * FROM {_TABLE} WHERE name = %s{self.database.for_update}", name)
		if found is None:
			raise ScheduleNotFound(f"There is no schedule {quoted(name)}.", schedule=name)
		return found

	def get(self, name: str) -> dict[str, Any]:
		"""Raises ScheduleNotFound."""
		found = self._one(f"SELECT * FROM {_TABLE} WHERE name = %s", name)
		if found is None:
			raise ScheduleNotFound(f"There is no schedule {quoted(name)}.", schedule=name)
		return found

	def write(self, name: str, **columns: Any) -> None:
		"""What the clock changes. `modified` stays: nobody who has the form open is told of a conflict."""
		values = self.columns(columns)
		self.database._change(
			f"UPDATE {_TABLE} SET {assignments(tuple(values))} WHERE name = %s", [*values.values(), name]
		)

	def columns(self, values: Mapping[str, Any]) -> dict[str, Any]:
		"""As the table holds them."""
		made = dict(values)
		if "fire_at" in made:
			made["next_fire_at"] = made["fire_at"]
		for key, value in made.items():
			if isinstance(value, datetime) and value.tzinfo is not None:
				utc = key in _UTC
				made[key] = self.database.utc_text(value) if utc else self.database.site_text(value)
			elif isinstance(value, datetime):
				made[key] = value.isoformat(" ")
			elif isinstance(value, str):
				made[key] = storable(value)
			elif isinstance(value, Mapping | list | tuple):
				made[key] = to_json(value)
		return made

	def of_flow(self, template: str) -> list[str]:
		rows = self.database._rows(
			f"SELECT name FROM {_TABLE} WHERE flow_template = %s ORDER BY name", [template]
		)
		return [row["name"] for row in rows]

	def find(
		self, filters: Mapping[str, Any], search: str | None, limit: int, start: int
	) -> list[dict[str, Any]]:
		"""What lists show: those that fire next first."""
		where = "".join(f" AND s.`{column}` = %s" for column in filters)
		values = list(filters.values())
		if search:
			where += " AND (s.schedule_name LIKE %s ESCAPE '!' OR t.template_name LIKE %s ESCAPE '!'"
			where += " OR s.name = %s)"
			like = "".join(f"!{letter}" if letter in "!%_" else letter for letter in search)
			values += [f"%{like}%", f"%{like}%", search]
		rows = self.database._rows(
			f"SELECT {_LISTED} FROM {_TABLE} s LEFT JOIN `tabFlow Template` t ON t.name = s.flow_template "
			f"WHERE 1 = 1{where} ORDER BY s.fire_at IS NULL, s.fire_at, s.name "
			f"LIMIT {int(limit)} OFFSET {int(start)}",
			values,
		)
		return [self._row(row) for row in rows]

	def next_wake(self) -> datetime | None:
		"""When the next schedule or open fire falls due."""
		found = []
		for table in (_TABLE, _FIRES):
			rows = self.database._rows(
				f"SELECT wake_at FROM {table} WHERE wake_at IS NOT NULL ORDER BY wake_at LIMIT 1"
			)
			found += [self.database.from_utc(row["wake_at"]) for row in rows]
		return min((when for when in found if when is not None), default=None)

	# --- fires ----------------------------------------------------------------------------------------------

	def is_fired(self, fire: str) -> bool:
		return bool(self.database._rows(f"SELECT 1 AS n FROM {_FIRES} WHERE name = %s", [fire]))

	def insert_fire(self, name: str, **columns: Any) -> None:
		stamp, user = self.database._stamp(), self.database._user()
		values = self._fire_columns(columns)
		standard = {"creation": stamp, "modified": stamp, "owner": user, "modified_by": user}
		self.database._insert(
			"Flow Schedule Fire", [{"name": name, **standard, "docstatus": 0, "idx": 0, **values}]
		)

	def write_fire(self, name: str, **columns: Any) -> None:
		values = self._fire_columns({**columns, "modified": self.database._stamp()})
		self.database._change(
			f"UPDATE {_FIRES} SET {assignments(tuple(values))} WHERE name = %s", [*values.values(), name]
		)

	def due_fires(self, limit: int) -> list[str]:
		return self._due(_FIRES, limit)

	def lock_fire(self, name: str) -> dict[str, Any] | None:
		"""The row, locked; None where it is gone or another worker has it."""
		rows = self.database._rows(
			f"SELECT * FROM {_FIRES} WHERE name = %s{self.database.skip_locked}", [name]
		)
		return self._fire(rows[0]) if rows else None

	def fires_of(self, schedule: str, limit: int, start: int) -> list[dict[str, Any]]:
		"""The schedule's fires, newest first."""
		rows = self.database._rows(
			f"SELECT {_FIRE_LISTED} FROM {_FIRES} WHERE flow_schedule = %s "
			f"ORDER BY fire_utc DESC, name DESC LIMIT {int(limit)} OFFSET {int(start)}",
			[schedule],
		)
		return [self._fire(row) for row in rows]

	def open_fires(self, schedule: str) -> list[dict[str, Any]]:
		"""`{name, status}` of fires that are queued or under way, in their order."""
		rows = self.database._rows(
			f"SELECT name, status FROM {_FIRES} WHERE flow_schedule = %s AND wake_at IS NOT NULL "
			"ORDER BY fire_utc, name",
			[schedule],
		)
		return [dict(row) for row in rows]

	def is_running(self, schedule: str, template: str) -> bool:
		"""Is a run that this schedule started still going?"""
		# Along the index on (flow_template, status): what goes on of one flow, not all that ever was.
		rows = self.database._rows(
			"SELECT 1 AS n FROM `tabFlow Run` WHERE flow_template = %s AND status = 'running' "
			"AND trigger_key >= %s AND trigger_key < %s LIMIT 1",
			[template, f"schedule:{schedule}:", f"schedule:{schedule};"],
		)
		return bool(rows)

	# --- rows -----------------------------------------------------------------------------------------------

	def _due(self, table: str, limit: int) -> list[str]:
		now = self.database.utc_text(self.database.now())
		rows = self.database._rows(
			f"SELECT name FROM {table} WHERE wake_at <= %s ORDER BY wake_at LIMIT {int(limit)}", [now]
		)
		return [row["name"] for row in rows]

	def _one(self, sql: str, name: str) -> dict[str, Any] | None:
		rows = self.database._rows(sql, [name])
		return self._row(rows[0]) if rows else None

	def _row(self, row: Mapping[str, Any]) -> dict[str, Any]:
		found = self._times(row, _UTC, _SITE)
		for key in _JSON:
			if key in found:
				found[key] = from_json(found[key])
		if isinstance(found.get("run_at"), str):
			found["run_at"] = datetime.fromisoformat(found["run_at"])
		return found

	def _fire(self, row: Mapping[str, Any]) -> dict[str, Any]:
		found = self._times(row, _FIRE_UTC, _FIRE_SITE)
		found["refusals"] = from_json(found.get("refusals")) or []
		if "documents" in found:
			found["documents"] = from_json(found["documents"]) if found["documents"] else None
		return found

	def _times(self, row: Mapping[str, Any], utc: Sequence[str], site: Sequence[str]) -> dict[str, Any]:
		found = dict(row)
		for key in utc:
			if key in found:
				found[key] = self.database.from_utc(found[key])
		for key in site:
			# `modified` is compared to the microsecond with what callers saw: it stays as it is.
			if key in found and key != "modified":
				found[key] = self.database.from_site(found[key])
		return found

	def _fire_columns(self, columns: Mapping[str, Any]) -> dict[str, Any]:
		made = dict(columns)
		if "fire_utc" in made:
			made["fire_at"] = made["fire_utc"]
		for key, value in made.items():
			if isinstance(value, datetime):
				utc = key in _FIRE_UTC
				made[key] = self.database.utc_text(value) if utc else self.database.site_text(value)
			elif isinstance(value, list):
				made[key] = to_json(value)
			elif isinstance(value, str):
				made[key] = storable(value)
		return made
