"""SQLite under the engine: connections, transactions and the run store's dialect.

One connection a thread; write-ahead logging; every transaction is `BEGIN IMMEDIATE`, so writers queue instead
of failing half-way. Foreign errors are translated here and nowhere else.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar

from flow_engine.engine.crash_points import reach
from flow_engine.engine.errors import DuplicateTrigger, StorageFailed, TransientDatabaseError
from flow_engine.engine.ports import Clock, NewRun
from flow_engine.engine.webhooks import Endpoint
from flow_engine.sqlite_host import schema
from flow_engine.store.runs import SqlRuns
from flow_engine.store.webhooks import SqlEndpoints

T = TypeVar("T")
BUSY_TIMEOUT_SECONDS = 5.0
# The log is put away when it has so many pages (16 MB): the pages of runs at work are then written to the
# file once and not again and again.
LOG_PAGES = 4_000
ATTEMPTS = 5
# Names the tenant in keys.
SITE = "standalone"
_PREFIX = {
	"Flow Template": "FT",
	"Flow Run": "FR",
	"Flow Step Pending": "FSP",
	"Flow Delivery": "FD",
	"Flow Schedule": "FS",
}
# Of commits in write-ahead mode: FULL waits for the disk each time, NORMAL when the log is put away.
_FLUSHED, _NOT_FLUSHED = "PRAGMA synchronous = FULL", "PRAGMA synchronous = NORMAL"


@lru_cache(maxsize=512)
def _dialect(sql: str) -> str:
	return sql.replace("%s", "?")


def _is_busy(error: sqlite3.OperationalError) -> bool:
	return "locked" in str(error) or "busy" in str(error)


# A disk that is full, broken, or not to be written to: nothing that a statement could be blamed for.
_STORAGE = (
	"is full",
	"disk I/O error",
	"readonly database",
	"unable to open database file",
	"malformed",
)


def _is_storage(error: sqlite3.DatabaseError) -> bool:
	return any(words in str(error) for words in _STORAGE)


class _Here(threading.local):
	"""What a thread has of its own."""

	def __init__(self) -> None:
		self.connection: sqlite3.Connection | None = None
		self.callbacks: list[Callable[[], None]] = []
		# In a transaction: the last time asked for in it.
		self.working = False
		self.now: datetime | None = None


class Database:
	"""A database file, or one in memory (then: one thread)."""

	def __init__(self, path: str = ":memory:"):
		self.path = path
		self.here = _Here()
		self._in_memory = path == ":memory:"
		self._connection = self._connect() if self._in_memory else None
		for statement in schema.tables():
			self.execute(statement)
		for statement in list(schema.missing_columns(self._columns)):
			self.execute(statement)
		for statement in schema.indexes():
			self.execute(statement)

	def _columns(self, table: str) -> set[str]:
		return {row["name"] for row in self.rows(f"PRAGMA table_info(`{table}`)")}

	def _connect(self) -> sqlite3.Connection:
		connection = sqlite3.connect(
			self.path, isolation_level=None, timeout=BUSY_TIMEOUT_SECONDS, cached_statements=512
		)
		connection.row_factory = sqlite3.Row
		if not self._in_memory:
			connection.execute("PRAGMA journal_mode = WAL")
			connection.execute(_FLUSHED)
			connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
		return connection

	@property
	def connection(self) -> sqlite3.Connection:
		if self._connection is not None:
			return self._connection
		if self.here.connection is None:
			self.here.connection = self._connect()
		return self.here.connection

	def execute(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
		try:
			return (self.here.connection or self.connection).execute(_dialect(sql), values)
		except sqlite3.OperationalError as error:
			# Here, so that a step's handler does not take it for a failure of its own.
			if _is_busy(error) and self.in_transaction:
				raise TransientDatabaseError(f"The database is busy: {error}") from error
			if _is_storage(error):
				raise StorageFailed(f"The database file cannot be used: {error}") from error
			raise

	def rows(self, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
		return [dict(row) for row in self.execute(sql, values)]

	@property
	def in_transaction(self) -> bool:
		return self.connection.in_transaction

	def after_commit(self, callback: Callable[[], None]) -> None:
		"""Run `callback` once the open transaction has committed; at once when none is open."""
		if not self.in_transaction:
			callback()
			return
		if callback not in self.here.callbacks:
			self.here.callbacks.append(callback)

	def transact(self, work: Callable[[], T], flushed: bool = True) -> T:
		"""Inside an open transaction: a part of it. Else: one of its own, repeated when the file was busy.

		flushed: the commit waits for the disk. Without it, it survives the process and not the machine: with
		the machine, it and all that was committed since the last one that waited are gone together.
		"""
		if self.in_transaction:
			return work()
		for attempt in range(1, ATTEMPTS + 1):
			try:
				return self._once(work, flushed)
			except TransientDatabaseError:
				if attempt == ATTEMPTS:
					raise
			except sqlite3.OperationalError as error:
				if not _is_busy(error):
					raise StorageFailed(f"The database file cannot be used: {error}") from error
				if attempt == ATTEMPTS:
					raise TransientDatabaseError(f"The database stayed busy: {error}") from error
			except sqlite3.DatabaseError as error:
				raise StorageFailed(f"The database file cannot be used: {error}") from error
		raise AssertionError("unreachable")

	def _once(self, work: Callable[[], T], flushed: bool) -> T:
		connection, here = self.connection, self.here
		callbacks = here.callbacks
		callbacks.clear()
		here.now, here.working = None, True
		if not flushed:
			connection.execute(_NOT_FLUSHED)
		try:
			connection.execute("BEGIN IMMEDIATE")
			reach("transaction.begun")
			result = work()
			reach("transaction.before_commit")
			connection.execute("COMMIT")
		except BaseException:
			if connection.in_transaction:
				connection.execute("ROLLBACK")
			callbacks.clear()
			raise
		finally:
			here.now, here.working = None, False
			if not flushed:
				connection.execute(_FLUSHED)
		reach("transaction.after_commit")
		if callbacks:
			told = list(callbacks)
			callbacks.clear()
			for callback in told:
				callback()
		return result

	def next_value(self, series: str) -> int:
		known = self.execute("UPDATE series SET value = value + 1 WHERE name = %s RETURNING value", [series])
		for row in known.fetchall():
			return row[0]
		self.execute("INSERT INTO series (name, value) VALUES (%s, 1)", [series])
		return 1

	def close(self) -> None:
		self.connection.close()


class SqliteRuns(SqlRuns):
	"""`ports.Runs` on SQLite."""

	def __init__(self, database: Database, clock: Clock, user: Callable[[], str]):
		self.database = database
		self.clock = clock
		self.zone = clock.time_zone
		self._acting_user = user
		# Wakes the worker, where there is one.
		self.hint: Callable[[], None] = lambda: None

	def transact(self, work: Callable[[], T]) -> T:
		return self.database.transact(work)

	def lend(self, work: Callable[[], T]) -> T:
		# The log is written in order: whatever is done under this lease and flushed takes the lease with it.
		return self.database.transact(work, flushed=False)

	def look(self, work: Callable[[], T]) -> T:
		return work()

	def now(self) -> datetime:
		now, here = self.clock.now(), self.database.here
		if here.working:
			here.now = now
		return now

	def _stamp(self) -> str:
		return self.site_text(self.database.here.now or self.now()) or ""

	def insert(self, new: NewRun) -> str:
		try:
			return super().insert(new)
		except sqlite3.IntegrityError as error:
			raise DuplicateTrigger(trigger_key=new.trigger_key) from error

	def _endpoints(self) -> Sequence[Endpoint]:
		return SqlEndpoints(self).active()

	def _site(self) -> str:
		return SITE

	def _hint(self) -> None:
		self.hint()

	def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[Mapping[str, Any]]:
		return self.database.rows(sql, values)

	def _change(self, sql: str, values: Sequence[Any] = ()) -> int:
		return self.database.execute(sql, values).rowcount

	def _name(self, doctype: str) -> str:
		return f"{_PREFIX[doctype]}-{self.database.next_value(doctype):05d}"

	def _token(self) -> str:
		return self.clock.token()

	def _user(self) -> str:
		return self._acting_user()
