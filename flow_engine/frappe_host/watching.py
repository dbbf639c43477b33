"""Who is looking at a run: an open form says so when it reads it, and workers tell it of changes.

Runs that nobody looks at cost their workers nothing but one read of the cache a second, whatever their
number. What is told is only that there is something new: the form reads it itself, with its user's rights.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

import frappe

from flow_engine.engine.advanced import Advanced

EVENT = "flow_run_changed"
# A form that is open reads its run again well within this time.
WATCHED_SECONDS = 120
_READ_SECONDS = 1.0


def watch(run: str) -> None:
	"""Somebody is looking at this run. Never an error: without it the form asks again by itself."""
	try:
		key = _key()
		frappe.cache.zadd(key, {run: time.time() + WATCHED_SECONDS})
		frappe.cache.expire(key, 2 * WATCHED_SECONDS)
	except Exception as error:
		frappe.logger("flow_engine").warning(f"Nobody is told of changes to {run}: {error}")


class Watchers:
	"""What one worker knows of who is looking."""

	def __init__(self) -> None:
		self._read_at = float("-inf")
		self._runs: frozenset[str] = frozenset()

	def tell(self, advanced: Iterable[Advanced]) -> None:
		"""Tell those who look at these runs, which are committed. Never an error in whoever advanced them."""
		try:
			if time.monotonic() - self._read_at > _READ_SECONDS:
				self._runs = _watched()
				self._read_at = time.monotonic()
			for run in {each.run for each in advanced} & self._runs:
				frappe.publish_realtime(EVENT, {"run": run}, doctype="Flow Run", docname=run)
		except Exception as error:
			frappe.logger("flow_engine").warning(f"Nobody was told of changed runs: {error}")


def _watched() -> frozenset[str]:
	now = time.time()
	key = _key()
	frappe.cache.zremrangebyscore(key, "-inf", now)
	return frozenset(name.decode() for name in frappe.cache.zrangebyscore(key, now, "+inf"))


def _key() -> bytes:
	return frappe.cache.make_key("flow_engine_watched")
