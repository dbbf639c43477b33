"""What MariaDB's errors mean for a transaction: one table."""

from __future__ import annotations

import frappe
import pymysql

DEADLOCK, LOCK_TIMEOUT, SNAPSHOT_LOST = 1213, 1205, 1020
GONE, LOST, NOT_CONNECTED, KILLED = 2006, 2013, 0, 1927
DUPLICATE = 1062
NO_TABLE, NO_COLUMN, NO_SEQUENCE = 1146, 1054, 4091
_TRANSIENT = (DEADLOCK, LOCK_TIMEOUT, SNAPSHOT_LOST, GONE, LOST, KILLED)


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
	"""Is the connection gone?"""
	if isinstance(error, pymysql.err.InterfaceError):
		return True
	return code_of(error) in (GONE, LOST, KILLED)


def is_timeout(error: BaseException) -> bool:
	return code_of(error) == LOCK_TIMEOUT


def is_duplicate(error: BaseException) -> bool:
	return code_of(error) == DUPLICATE


def is_not_migrated(error: BaseException) -> bool:
	"""Does the database lack what this version's code asks for: workers restarted before `migrate` ran?"""
	return code_of(error) in (NO_TABLE, NO_COLUMN, NO_SEQUENCE)
