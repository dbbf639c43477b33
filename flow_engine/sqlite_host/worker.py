"""The standalone server's one worker: a thread that drains when it is told to or when something is due."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any

from flow_engine.engine.draining import drain
from flow_engine.engine.errors import RunNotFound, StorageFailed
from flow_engine.engine.reconciling import reconcile
from flow_engine.engine.running import Advanced
from flow_engine.engine.state import RunStatus
from flow_engine.service.deliveries import send_due
from flow_engine.service.schedule_firing import fire_due
from flow_engine.sqlite_host.host import StandaloneHost
from flow_engine.sqlite_host.ticking import look_after

TICK_SECONDS = 30.0
RECONCILE_SECONDS = 600.0
DRAIN_SECONDS = 1.0
FIRING_SECONDS = 1.0
# A run whose lease has yet to run out stays due all the while: look again after this, not at once.
LEAST_WAIT_SECONDS = 0.5
# A full disk is looked at again after this: each look is a line in the log.
STORAGE_SECONDS = 5.0
REMEMBERED = 5_000
_ENDED = tuple(status for status in RunStatus if status is not RunStatus.RUNNING)


class Worker:
	"""Drains the host's runs until stopped. Requests change state and hint; only this executes steps."""

	def __init__(self, host: StandaloneHost):
		self.host = host
		self.thread = threading.Thread(target=self._work, name="flow-engine-worker", daemon=True)
		self._stopping = threading.Event()
		self._after = ""
		# What follows is changed and read under this lock.
		self._lock = threading.Lock()
		self._draining = False
		self._count = 0
		self._done: deque[tuple[int, Advanced]] = deque(maxlen=REMEMBERED)
		# Whoever waits for a run is woken when that one has moved, not whenever something has.
		self._followers: dict[str, list[threading.Event]] = {}

	def start(self) -> None:
		self.thread.start()

	def stop(self, seconds: float = 10.0) -> None:
		"""Finish what is being done, for at most this long. An external call that takes longer is left
		behind: its run's lease runs out and its outcome counts as unknown, as after a crash."""
		self._stopping.set()
		self.host.jobs.event.set()
		if self.thread.is_alive():
			self.thread.join(seconds)

	def mark(self) -> int:
		"""A place in the worker's work so far, for `follow`."""
		with self._lock:
			return self._count

	def follow(self, run: str, mark: int, seconds: float) -> dict[str, Any]:
		"""Wait until nothing of the run is due, at most this long; `{executed, scheduled}` since the mark."""
		until, moved = time.monotonic() + seconds, threading.Event()
		with self._lock:
			self._followers.setdefault(run, []).append(moved)
		try:
			while not self._is_through(run, mark):
				left = until - time.monotonic()
				if left <= 0:
					break
				moved.wait(min(left, 1.0))
				moved.clear()
		finally:
			with self._lock:
				self._followers[run].remove(moved)
				if not self._followers[run]:
					del self._followers[run]
		mine = self._since(mark, run)
		return {
			"executed": [step for done in mine for step in done.executed],
			"scheduled": [step for done in mine for step in done.scheduled],
		}

	def _since(self, mark: int, run: str) -> list[Advanced]:
		found = []
		with self._lock:
			for count, done in reversed(self._done):
				if count <= mark:
					break
				if done.run == run:
					found.append(done)
		return found[::-1]

	def _is_through(self, run: str, mark: int) -> bool:
		told = self._since(mark, run)
		if told and told[-1].status in _ENDED:
			return True
		# While it drains, or is about to, what it does is told, at the latest when the draining ends.
		if self._draining or self.host.jobs.event.is_set() or not self._at_rest(run):
			return False
		with self._lock:
			return not self._draining

	def _at_rest(self, run: str) -> bool:
		try:
			record = self.host.runs.read(run)
		except RunNotFound:
			return True
		if record.status != RunStatus.RUNNING:
			return True
		due = record.wake_at is not None and record.wake_at <= self.host.clock.now()
		return not due and record.lease_token is None

	def _work(self) -> None:
		ticked_at, reconciled_at = -TICK_SECONDS, -RECONCILE_SECONDS
		while not self._stopping.is_set():
			self.host.jobs.event.clear()
			wait = TICK_SECONDS
			try:
				if time.monotonic() - ticked_at >= TICK_SECONDS:
					ticked_at = time.monotonic()
					look_after(self.host)
				if time.monotonic() - reconciled_at >= RECONCILE_SECONDS:
					reconciled_at = time.monotonic()
					self._after = reconcile(self.host, self._after).after
				fire_due(self.host, FIRING_SECONDS, self._stopping.is_set)
				self._drain()
				send_due(self.host, DRAIN_SECONDS, self._stopping.is_set)
				if self.host.jobs.event.is_set():
					continue
				wait = self._until_next()
			except StorageFailed as error:
				self.host.report(error, "the worker")
				wait = STORAGE_SECONDS
			except Exception as error:  # nothing must end the only worker
				self.host.report(error, "the worker")
				wait = LEAST_WAIT_SECONDS
			self.host.jobs.event.wait(wait)

	def _drain(self) -> None:
		with self._lock:
			self._draining = True
		try:
			drain(self.host, DRAIN_SECONDS, tell=self._tell)
		finally:
			with self._lock:
				self._draining = False
				waiting = [event for events in self._followers.values() for event in events]
			for event in waiting:
				event.set()

	def _tell(self, advanced: list[Advanced]) -> None:
		waiting: list[threading.Event] = []
		with self._lock:
			for done in advanced:
				self._count += 1
				self._done.append((self._count, done))
				waiting += self._followers.get(done.run, ())
		for event in waiting:
			event.set()

	def _until_next(self) -> float:
		"""Seconds until something falls due, as far as is known."""
		host = self.host
		known = [host.runs.next_wake(), host.deliveries.next_wake(), host.schedules.store.next_wake()]
		next_at = min((when for when in known if when is not None), default=None)
		if next_at is None:
			return TICK_SECONDS
		seconds = (next_at - self.host.clock.now()).total_seconds()
		return min(max(seconds, LEAST_WAIT_SECONDS), TICK_SECONDS)
