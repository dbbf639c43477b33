"""Runs outlive the documents they are about: of a deleted one they keep the last values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import frappe

from flow_engine.frappe_host.document_values import plain_document
from flow_engine.frappe_host.starting import bounded


def keep_last_values(doc: Any) -> None:
	"""For running runs about this document; one indexed query when there are none.

	A run that a worker holds at this moment is written after the commit, in a transaction of its own: waiting
	for it here, with the document locked, is how two that want both would wait for each other.
	"""
	runs = frappe.get_all(
		"Flow Run",
		{"context_doctype": doc.doctype, "context_docname": str(doc.name), "status": "running"},
		["name", "run_as"],
		order_by=None,
	)
	if not runs:
		return
	readers = {run.name: _reader(doc, run.run_as or "Administrator") for run in runs}
	values = {user: bounded(plain_document(doc, user)) for user in set(readers.values()) if user}
	held = _keep(_store(), readers, values)
	if held:
		frappe.db.after_commit.add(lambda: _keep_later({run: readers[run] for run in held}, values))


def _reader(doc: Any, user: str) -> str | None:
	"""The user, if they may read the document: what is kept could not be refused later."""
	if user == "Administrator" or frappe.has_permission(doc.doctype, "read", doc=doc, user=user):
		return user
	return None


def _store() -> Any:
	from flow_engine.frappe_host.host import get_host

	return get_host().runs


def _keep(
	store: Any, readers: Mapping[str, str | None], values: Mapping[str, Mapping[str, Any]]
) -> list[str]:
	held = []
	for user, kept in values.items():
		held += store.keep_last_values(sorted(run for run in readers if readers[run] == user), kept)
	return held


def _keep_later(readers: Mapping[str, str | None], values: Mapping[str, Mapping[str, Any]]) -> None:
	store = _store()

	def work() -> None:
		for run in sorted(readers):
			store.lock(run)
		_keep(store, readers, values)

	try:
		store.transact(work)
	except Exception as error:
		# The deletion is committed; the run's step will say that the document is gone.
		frappe.logger("flow_engine").warning(f"Last values not kept for {', '.join(readers)}: {error!r}")
