"""MariaDB under the engine: transactions on Frappe's connection, and the run store's dialect.

The store commits and rolls back the connection it shares with the site's code, so it runs only where nothing
else is pending: in jobs, and in requests that do nothing but this. Foreign database errors are translated in
`database_errors.py`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import frappe

from flow_engine.engine.crash_points import reach
from flow_engine.engine.errors import DuplicateTrigger, RunBusy, StorageFailed, TransientDatabaseError
from flow_engine.engine.ports import AuditEvent, NewRun, RunRecord
from flow_engine.engine.webhooks import Endpoint
from flow_engine.frappe_host.acting import asking_once, check_publisher, forbid_commit
from flow_engine.frappe_host.database_errors import is_away, is_duplicate, is_lost, is_timeout, is_transient
from flow_engine.frappe_host.names import next_name
from flow_engine.frappe_host.new_runs import SITE_TIMES, insert_run
from flow_engine.frappe_host.templates import published_by
from flow_engine.frappe_host.trigger_cache import current_map
from flow_engine.store.dialect import assignments
from flow_engine.store.runs import SqlRuns

T = TypeVar("T")
ATTEMPTS = 6
# A worker waits this long for a database that restarts: less than what a lease leaves after a call, so that
# the call's outcome is still written by whoever made it.
OUTAGE_SECONDS = 20.0
OUTAGE_PAUSE_SECONDS = 0.5
LOCK_SECONDS = 5
_START = "START TRANSACTION"


class FrappeRuns(SqlRuns):
	"""`ports.Runs` on a site's MariaDB."""

	# A request waits this long for a lock and then says so; a worker asks again.
	for_update = f" FOR UPDATE WAIT {LOCK_SECONDS}"
	skip_locked = " FOR UPDATE SKIP LOCKED"
	# The database's own: the machines of a bench need not agree about the time.
	clock = "UTC_TIMESTAMP(6)"

	def __init__(self, zone: ZoneInfo, patient: bool):
		self.zone = zone
		self.patient = patient
		self._now: datetime | None = None
		self._together = False

	def transact(self, work: Callable[[], T]) -> T:
		attempt, until = 0, time.monotonic() + OUTAGE_SECONDS
		while True:
			attempt += 1
			try:
				return self._once(work)
			except Exception as error:
				if not isinstance(error, TransientDatabaseError) and not is_transient(error):
					raise
				if is_timeout(error) and not self.patient:
					raise RunBusy() from error
				if is_away(error):
					if not self.patient or time.monotonic() > until:
						raise StorageFailed(f"The database cannot be reached: {error}") from error
					time.sleep(OUTAGE_PAUSE_SECONDS)
					continue
				if attempt >= ATTEMPTS:
					if isinstance(error, TransientDatabaseError):
						# A part of the work has translated it already.
						raise
					raise TransientDatabaseError(
						f"The database kept asking for a repetition: {error}"
					) from error
			# Two that met once should not meet again at the same moment.
			time.sleep(random.uniform(0, 0.02 * 2**attempt))

	def _once(self, work: Callable[[], T]) -> T:
		self._now = None
		# A request that has asked the database nothing yet has no last query at all.
		if str(getattr(frappe.db, "last_query", None) or "").strip().upper() != _START:
			# What was read before would keep its old snapshot, and the locking read has to come first.
			self._roll_back()
		try:
			reach("transaction.begun")
			with asking_once():
				result = work()
			reach("transaction.before_commit")
			frappe.db.commit()  # a crash before this line leaves nothing, after it everything of this turn
			reach("transaction.after_commit")
			return result
		except BaseException:
			self._roll_back()
			raise

	def _roll_back(self) -> None:
		try:
			frappe.db.rollback()
		except Exception as error:
			if not is_lost(error):
				raise
			# The server went away: it has rolled back by itself.
			frappe.db.close()
			frappe.db.connect()
			frappe.db.begin()

	def now(self) -> datetime:
		self._now = frappe.db.sql(f"SELECT {self.clock}")[0][0].replace(tzinfo=timezone.utc)
		return self._now

	def _stamp(self) -> str:
		return self.site_text(self._now or self.now()) or ""

	def insert(self, new: NewRun) -> str:
		offset = self._offset_seconds(datetime.now(timezone.utc))
		try:
			name, self._now = insert_run(self._new_columns(new), new.trigger_data, self.clock, offset)
		except Exception as error:
			if is_duplicate(error):
				raise DuplicateTrigger(trigger_key=new.trigger_key) from error
			raise
		if self._offset_seconds(self._now) != offset:
			# Clocks were put forward or back between the database's time and this machine's.
			values = dict.fromkeys(SITE_TIMES, self.site_text(self._now))
			self._change(
				f"UPDATE `tabFlow Run` SET {assignments(tuple(values))} WHERE name = %s",
				[*values.values(), name],
			)
		return name

	def _offset_seconds(self, when: datetime) -> int:
		offset = when.astimezone(self.zone).utcoffset()
		return int(offset.total_seconds()) if offset is not None else 0

	@contextmanager
	def guarded(self, record: RunRecord) -> Iterator[None]:
		before = frappe.flags.flow_engine_run
		frappe.flags.flow_engine_run = {
			"name": record.name,
			"root_run": record.root_run or record.name,
			"depth": record.depth,
		}
		try:
			with _transient_as_ours():
				if (
					record.run_as
					and published_by(record.flow_template, record.template_version) == record.run_as
				):
					check_publisher(record.run_as)
				with nullcontext() if self._together else forbid_commit():
					yield
		finally:
			frappe.flags.flow_engine_run = before

	@contextmanager
	def together(self) -> Iterator[None]:
		self._together = True
		try:
			with super().together(), _transient_as_ours(), forbid_commit():
				yield
		finally:
			self._together = False

	def audit(self, *events: AuditEvent) -> None:
		bulk = frappe.flags.flow_engine_bulk
		if bulk:
			# By this a bulk operation that lost its worker knows what it has done already.
			events = tuple(replace(event, details={**event.details, "bulk": bulk}) for event in events)
		super().audit(*events)

	def _endpoints(self) -> Sequence[Endpoint]:
		return current_map().endpoints

	def _site(self) -> str:
		return frappe.local.site

	def _hint(self) -> None:
		from flow_engine.frappe_host.jobs import DrainHints

		DrainHints().hint()

	def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[Mapping[str, Any]]:
		return frappe.db.sql(sql, list(values), as_dict=True)

	def _change(self, sql: str, values: Sequence[Any] = ()) -> int:
		frappe.db.sql(sql, list(values))
		return frappe.db._cursor.rowcount

	def _name(self, doctype: str) -> str:
		return next_name(doctype)

	def _token(self) -> str:
		return frappe.generate_hash(length=32)

	def _user(self) -> str:
		return frappe.session.user


@contextmanager
def _transient_as_ours() -> Iterator[None]:
	"""Wherever it came up, it is nobody's failure: the transaction is gone and is repeated."""
	try:
		yield
	except Exception as error:
		if is_transient(error):
			raise TransientDatabaseError(f"The database gave the transaction up: {error}") from error
		raise
