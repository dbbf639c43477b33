"""What MariaDB's errors mean for a transaction: one table."""

from __future__ import annotations

import frappe
import pymysql

DEADLOCK, LOCK_TIMEOUT, SNAPSHOT_LOST = 1213, 1205, 1020
GONE, LOST, NOT_CONNECTED, KILLED = 2006, 2013, 0, 1927
# Nobody answers where the server was, or it is about to go.
NO_SOCKET, NO_SERVER, SHUTTING_DOWN = 2002, 2003, 1053
_AWAY = (NO_SOCKET, NO_SERVER, SHUTTING_DOWN)
_LOST = (GONE, LOST, KILLED, *_AWAY)
DUPLICATE = 1062
NO_TABLE, NO_COLUMN, NO_SEQUENCE = 1146, 1054, 4091
_TRANSIENT = (DEADLOCK, LOCK_TIMEOUT, SNAPSHOT_LOST, *_LOST)


def code_of(error: BaseException) -> int | None:
	"""MariaDB's error number, also where Frappe has wrapped the error in its own."""
	for candidate in (error, *getattr(error, "args", ()), error.__cause__):
		if isinstance(candidate, pymysql.err.Error) and candidate.args and isinstance(candidate.args[0], int):
			return candidate.args[0]
	if isinstance(error, frappe.QueryDeadlockError):
		return DEADLOCK
	if isinstance(error, frappe.QueryTimeoutError):
		return LOCK_TIMEOUT
	return None


def is_transient(error: BaseException) -> bool:
	"""Has the transaction ended through nobody's fault, so that repeating it may work?"""
	return code_of(error) in _TRANSIENT or is_lost(error)


def is_lost(error: BaseException) -> bool:
	"""Is the connection gone, or the server?"""
	if isinstance(error, pymysql.err.InterfaceError):
		return True
	return code_of(error) in _LOST


def is_away(error: BaseException) -> bool:
	"""Is there no server to connect to? Then it is no use to ask again at once."""
	return code_of(error) in _AWAY


def is_timeout(error: BaseException) -> bool:
	return code_of(error) == LOCK_TIMEOUT


def is_duplicate(error: BaseException) -> bool:
	return code_of(error) == DUPLICATE


def is_not_migrated(error: BaseException) -> bool:
	"""Does the database lack what this version's code asks for: workers restarted before `migrate` ran?"""
	return code_of(error) in (NO_TABLE, NO_COLUMN, NO_SEQUENCE)
