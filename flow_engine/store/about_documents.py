"""What runs know about the document they are about, in SQL that both hosts speak."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any


class AboutDocuments:
	"""Part of `SqlRuns`: finding runs by their document, along the index on its DocType and name."""

	skip_locked: str

	def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[Mapping[str, Any]]:
		raise NotImplementedError

	def _change(self, sql: str, values: Sequence[Any] = ()) -> int:
		raise NotImplementedError

	def was_started(self, event: str, doctype: str, name: str) -> bool:
		"""Has this event started a run about this document before?"""
		rows = self._rows(
			"SELECT name FROM `tabFlow Run` WHERE context_doctype = %s AND context_docname = %s "
			"AND trigger_event = %s LIMIT 1",
			[doctype, name, event],
		)
		return bool(rows)

	def keep_last_values(self, runs: Sequence[str], values: Mapping[str, Any]) -> list[str]:
		"""Keep the values of a document that is being deleted as `doc` of these runs, in the current
		transaction.

		Returns the runs that somebody holds at this moment. They are not waited for: whoever deletes holds
		the document, and a worker that holds the run may want the document.
		"""
		if not runs:
			return []
		places = ", ".join(["%s"] * len(runs))
		rows = self._rows(
			f"SELECT name, trigger_data FROM `tabFlow Run` WHERE name IN ({places}) ORDER BY name"
			f"{self.skip_locked}",
			runs,
		)
		for row in rows:
			data = json.loads(row["trigger_data"] or "{}")
			data["doc"] = dict(values)
			self._change(
				"UPDATE `tabFlow Run` SET trigger_data = %s, revision = revision + 1 WHERE name = %s",
				[json.dumps(data, ensure_ascii=False, default=str), row["name"]],
			)
		locked = {row["name"] for row in rows}
		return [run for run in runs if run not in locked]
