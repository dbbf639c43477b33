"""How far the tick has looked for dates, one row per active flow: SQL that both hosts speak."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flow_engine.store.dialect import Dialect, assignments, places, storable

_TABLE = "`tabFlow Date Scan`"
_COLUMNS = "name, scanned_to, begins_at, window_to, after_value, after_name, last_error"
_TIMES = ("scanned_to", "begins_at", "window_to")


class SqlDateScans:
	"""Times are aware UTC."""

	def __init__(self, database: Dialect):
		self.database = database

	def known(self) -> list[str]:
		"""Names of the flows that have a row."""
		return [row["name"] for row in self.database._rows(f"SELECT name FROM {_TABLE}")]

	def begin(self, template: str) -> None:
		"""From now on; what has passed before is not made up for."""
		if self.lock(template) is not None:
			return
		now, stamp = self.database.utc_text(self.database.now()), self.database._stamp()
		user = self.database._user()
		row = {"creation": stamp, "modified": stamp, "owner": user, "modified_by": user, "docstatus": 0}
		self.database._insert(
			"Flow Date Scan",
			[
				{
					"name": template,
					**row,
					"idx": 0,
					"flow_template": template,
					"scanned_to": now,
					"begins_at": now,
				}
			],
		)

	def end(self, templates: Sequence[str]) -> None:
		self.database._change(f"DELETE FROM {_TABLE} WHERE name IN ({places(templates)})", templates)

	def lock(self, template: str) -> dict[str, Any] | None:
		"""The row, locked; None where there is none or another tick has it."""
		rows = self.database._rows(
			f"SELECT {_COLUMNS} FROM {_TABLE} WHERE name = %s{self.database.skip_locked}", [template]
		)
		if not rows:
			return None
		return {**rows[0], **{key: self.database.from_utc(rows[0][key]) for key in _TIMES}}

	def write(self, template: str, **columns: Any) -> None:
		values = {
			key: self.database.utc_text(value) if isinstance(value, datetime) else storable(value)
			for key, value in columns.items()
		}
		self.database._change(
			f"UPDATE {_TABLE} SET {assignments(tuple(values))} WHERE name = %s", [*values.values(), template]
		)

	def restart(self, template: str) -> None:
		"""Go through the documents of the present look from the beginning."""
		self.write(template, window_to=None, after_value=None, after_name=None)

	def started(self, keys: Sequence[str]) -> set[str]:
		"""Those of these trigger keys that have started a run."""
		if not keys:
			return set()
		rows = self.database._rows(
			f"SELECT trigger_key FROM `tabFlow Run` WHERE trigger_key IN ({places(keys)})", keys
		)
		return {row["trigger_key"] for row in rows}
