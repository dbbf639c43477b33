"""How far the tick has looked for dates, one row per active flow: SQL that both hosts speak."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flow_engine.store.dialect import Dialect, assignments, places, storable

_TABLE = "`tabFlow Date Scan`"


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
			f"SELECT name, scanned_to, begins_at, last_error FROM {_TABLE} WHERE name = %s"
			f"{self.database.skip_locked}",
			[template],
		)
		if not rows:
			return None
		times = {key: self.database.from_utc(rows[0][key]) for key in ("scanned_to", "begins_at")}
		return {**rows[0], **times}

	def write(self, template: str, last_error: str | None, scanned_to: datetime | None = None) -> None:
		columns: dict[str, Any] = {"last_error": storable((last_error or "")[:500]) or None}
		if scanned_to is not None:
			columns["scanned_to"] = self.database.utc_text(scanned_to)
		self.database._change(
			f"UPDATE {_TABLE} SET {assignments(tuple(columns))} WHERE name = %s",
			[*columns.values(), template],
		)

	def started(self, keys: Sequence[str]) -> set[str]:
		"""Those of these trigger keys that have started a run."""
		if not keys:
			return set()
		rows = self.database._rows(
			f"SELECT trigger_key FROM `tabFlow Run` WHERE trigger_key IN ({places(keys)})", keys
		)
		return {row["trigger_key"] for row in rows}
