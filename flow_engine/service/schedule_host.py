"""What a host composes for schedules: their store, how people's changes are written, what documents say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from flow_engine.store.date_scans import SqlDateScans
from flow_engine.store.schedules import SqlSchedules


class Records(Protocol):
	"""People's writes, inside the current transaction; each goes through `schedules.prepare` and is audited.
	Raises ScheduleNotFound, SaveConflict, InvalidSchedule, NotAllowed."""

	def insert(self, values: Mapping[str, Any]) -> str: ...

	def update(
		self, name: str, values: Mapping[str, Any], reason: str = "", modified: str | None = None
	) -> None: ...

	def delete(self, name: str, reason: str = "") -> None: ...


@dataclass(frozen=True)
class Schedules:
	"""`sources`: `schedule_values.Sources`."""

	store: SqlSchedules
	date_scans: SqlDateScans
	records: Records
	sources: Any
