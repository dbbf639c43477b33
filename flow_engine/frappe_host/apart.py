"""Side work that may fail without harm: inside the transaction, behind a savepoint of its own."""

from __future__ import annotations

from collections.abc import Callable

import frappe

from flow_engine.engine.errors import TransientDatabaseError
from flow_engine.frappe_host.database_errors import is_transient


def do_apart(work: Callable[[], object], what: str) -> bool:
	"""Do it, or undo it and log why; False when it was undone.

	A deadlock or a lost connection is raised on: the transaction has gone, and whoever swallows that commits
	half of it.
	"""
	savepoint = f"apart_{frappe.generate_hash(length=12)}"
	messages = frappe.local.message_log
	frappe.local.message_log = []
	frappe.db.savepoint(savepoint)
	try:
		work()
	except Exception as error:
		if isinstance(error, TransientDatabaseError) or is_transient(error):
			raise
		frappe.db.rollback(save_point=savepoint)
		frappe.logger("flow_engine").error(f"{what}: {type(error).__name__}: {error}", exc_info=True)
		return False
	else:
		frappe.db.release_savepoint(savepoint)
		return True
	finally:
		frappe.local.message_log = messages
