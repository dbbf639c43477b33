"""Keeping a flow's trouble away from whoever saves a document.

Decides which errors may be swallowed: all but those that have ended the transaction already (the database has
thrown the document away too, and going on would commit half a save) and the signal that a job's time is up.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import frappe
from rq.timeouts import BaseTimeoutException

from flow_engine.engine.errors import TransientDatabaseError
from flow_engine.frappe_host.database_errors import DEADLOCK, SNAPSHOT_LOST, code_of, is_lost

FAILURE_TITLE = "Flow could not start"


def ends_transaction(error: BaseException) -> bool:
	"""A lock wait timeout does not: it undoes one statement."""
	if isinstance(error, BaseTimeoutException):
		return True
	if isinstance(error, TransientDatabaseError):
		return error.__cause__ is None or ends_transaction(error.__cause__)
	return code_of(error) in (DEADLOCK, SNAPSHOT_LOST) or is_lost(error)


def raised_as_the_database_did(error: Exception) -> Exception:
	"""The error that Frappe itself knows how to answer to."""
	if isinstance(error, TransientDatabaseError) and isinstance(error.__cause__, Exception):
		return error.__cause__
	return error


def harmless(handler: Callable[..., Any]) -> Callable[..., Any]:
	"""A handler of a document event, made so that no ordinary error of it reaches the document."""

	@wraps(handler)
	def guarded(doc: Any, method: str | None = None, *args: Any, **kwargs: Any) -> None:
		try:
			handler(doc, method)
		except Exception as error:
			if ends_transaction(error):
				raise raised_as_the_database_did(error) from error
			record_failure(f"{doc.doctype} {doc.name}, {method}: {error!r}\n\n{frappe.get_traceback()}")

	return guarded


def record_failure(message: str, template: str | None = None, then: Callable[[], None] | None = None) -> None:
	"""Write an Error Log in the current transaction, and do what follows from it (`then`).

	Raises only what has ended the transaction.
	"""
	if frappe.flags.flow_engine_recording:
		return
	# A report is a document too: while one is written nothing is watched, or it would report itself.
	frappe.flags.flow_engine_recording = True
	messages = list(frappe.local.message_log or ())
	savepoint = "flow_engine_report"
	try:
		frappe.logger("flow_engine").error(message)
		frappe.db.savepoint(savepoint)
		try:
			frappe.log_error(
				title=FAILURE_TITLE,
				message=message,
				reference_doctype="Flow Template" if template else None,
				reference_name=template,
			)
			if then is not None:
				then()
		except Exception:
			frappe.db.rollback(save_point=savepoint)
			raise
		frappe.db.release_savepoint(savepoint)
	except Exception as error:
		if ends_transaction(error):
			raise
		frappe.logger("flow_engine").error(f"Not recorded: {error!r}")
	finally:
		frappe.local.message_log = messages
		frappe.flags.flow_engine_recording = False
