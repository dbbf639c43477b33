"""A job of several parts, of which one may fail and the others still have to be done.

Above all where workers were restarted before `bench migrate`: a table that is not there yet must not keep
runs from being woken.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import frappe

from flow_engine.frappe_host.database_errors import is_lost, is_not_migrated

T = TypeVar("T")


class PartsFailed(Exception):
	"""Names what could not be done, why, and the remedy where it is known."""


class Parts:
	"""`problems`: one sentence for each part that failed, as an administrator reads it."""

	def __init__(self) -> None:
		self.problems: list[str] = []
		self._first: Exception | None = None

	def attempt(self, name: str, work: Callable[[], T], otherwise: T) -> T:
		"""What `work` gives; `otherwise` when it fails, its transaction rolled back. A lost connection is
		raised: it takes every part along."""
		try:
			return work()
		except Exception as error:
			if is_lost(error):
				raise
			frappe.db.rollback()
			self._first = self._first or error
			self.problems.append(f"{name}: {explained(error)}")
			frappe.logger("flow_engine").error(f"{name} failed", exc_info=True)
			return otherwise

	def raise_failed(self, job: str) -> None:
		if self.problems:
			raise PartsFailed(f"{job} is incomplete. " + " ".join(self.problems)) from self._first


def explained(error: Exception) -> str:
	if is_not_migrated(error):
		return f"the site is older than the app ({error}): bench --site {frappe.local.site} migrate."
	return f"{type(error).__name__}: {error}."
