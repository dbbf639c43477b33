"""What Frappe and its database raise while a flow works on documents, in the engine's words: one table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import frappe
import pymysql
from frappe.utils import strip_html

from flow_engine.engine.errors import (
	Conflict,
	DocumentNotFound,
	FlowError,
	HandlerCommitted,
	PermissionDenied,
	TransientDatabaseError,
	UnknownDocType,
	ValidationFailed,
)
from flow_engine.frappe_host.database_errors import code_of, is_duplicate, is_transient
from flow_engine.frappe_host.refusals import Refused

LONGEST_MESSAGE = 1_000
_NO_SUCH_TABLE = 1146

# The first match counts, so subclasses stand before what they are made from.
_ENGINE_ERROR_OF: tuple[tuple[type[Exception], type[FlowError]], ...] = (
	(frappe.exceptions.ImplicitCommitError, HandlerCommitted),
	(frappe.TimestampMismatchError, Conflict),
	(frappe.DocumentLockedError, Conflict),
	(frappe.UniqueValidationError, Conflict),
	(frappe.DuplicateEntryError, Conflict),
	(frappe.DoesNotExistError, DocumentNotFound),
	(frappe.PermissionError, PermissionDenied),
	(frappe.ValidationError, ValidationFailed),
	(frappe.exceptions.NameError, ValidationFailed),
	(frappe.exceptions.TooManyWritesError, ValidationFailed),
	(frappe.OutgoingEmailError, ValidationFailed),
)
_FOREIGN = (
	*(foreign for foreign, _ours in _ENGINE_ERROR_OF),
	frappe.QueryDeadlockError,
	frappe.QueryTimeoutError,
	pymysql.err.Error,
)


@contextmanager
def translated(about: str) -> Iterator[None]:
	"""Foreign errors raised inside come out as the engine's; `about` stands where an error says nothing.

	What documents have said to a person at a screen meanwhile becomes the error's message and is taken back.
	Errors that are in no table are bugs of a controller and come out as they are.
	"""
	said, reason = frappe.local.message_log, frappe.flags.error_message
	frappe.local.message_log = []
	frappe.flags.error_message = None
	try:
		yield
	except FlowError:
		raise
	except Refused as refused:
		raise refused.flow_error from None
	except _FOREIGN as error:
		raise _translate(error, about) from error
	finally:
		frappe.local.message_log, frappe.flags.error_message = said, reason


def _translate(error: Exception, about: str) -> FlowError:
	if is_transient(error):
		# MariaDB has thrown the transaction away already; nothing may go on as if it were there.
		return TransientDatabaseError(f"The database gave the transaction up: {_plain(error)}")
	for foreign, ours in _ENGINE_ERROR_OF:
		if isinstance(error, foreign):
			return ours(_message(error, about))
	if code_of(error) == _NO_SUCH_TABLE:
		return UnknownDocType(f"{about}: its table does not exist on this site.")
	if is_duplicate(error):
		return Conflict(f"{about}: a value that must be unique exists already.")
	return ValidationFailed(f"{about}: the database refused it: {_plain(error)}")


def _message(error: Exception, about: str) -> str:
	"""What the document told its user; else what the error says; else what was attempted."""
	told = [str(entry.get("message") or "") for entry in frappe.local.message_log]
	texts = [text for text in dict.fromkeys(_clean(text) for text in told) if text]
	if texts:
		return "; ".join(texts)[:LONGEST_MESSAGE]
	if isinstance(error, frappe.PermissionError) and frappe.flags.error_message:
		return _clean(frappe.flags.error_message)
	return _plain(error) or about


def _plain(error: Exception) -> str:
	texts = [arg for arg in error.args if isinstance(arg, str)]
	nested = next((arg for arg in error.args if isinstance(arg, Exception)), None)
	if not texts and nested is not None:
		return _plain(nested)
	return _clean("; ".join(texts))


def _clean(text: str) -> str:
	"""Plain text in one line."""
	return " ".join(strip_html(str(text).replace("<br>", " ")).split())[:LONGEST_MESSAGE]
