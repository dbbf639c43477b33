"""How many runs each version of a flow has, and which of them still run: SQL that both hosts speak."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flow_engine.store.runs import SqlRuns
from flow_engine.store.standing import STATUSES


class VersionRuns:
	"""Questions along the index on (flow_template, template_version, status)."""

	def __init__(self, runs: SqlRuns):
		self._rows = runs._rows

	def count(self, template: str, versions: Sequence[int], most: int) -> dict[int, dict[str, int]]:
		"""Version → status → how many runs, each counted up to `most`; one question for all of them."""
		pairs = [(version, status) for version in versions for status in STATUSES]
		if not pairs:
			return {}
		one = (
			"SELECT %s AS version, %s AS status, COUNT(*) AS n FROM (SELECT 1 FROM `tabFlow Run` WHERE "
			f"flow_template = %s AND template_version = %s AND status = %s LIMIT {int(most)}) counted"
		)
		values: list[Any] = []
		for version, status in pairs:
			values += [version, status, template, version, status]
		found = self._rows(" UNION ALL ".join([one] * len(pairs)), values)
		counts: dict[int, dict[str, int]] = {version: {} for version in versions}
		for row in found:
			counts[int(row["version"])][row["status"]] = int(row["n"])
		return counts

	def running(self, template: str, version: int, limit: int) -> list[str]:
		"""Names of the version's running runs, oldest first."""
		rows = self._rows(
			"SELECT name FROM `tabFlow Run` WHERE flow_template = %s AND template_version = %s AND "
			f"status = 'running' ORDER BY name LIMIT {int(limit)}",
			[template, version],
		)
		return [row["name"] for row in rows]
