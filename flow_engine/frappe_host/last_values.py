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
	from flow_engine.frappe_host.host import get_host

	store = get_host().runs
	running = store.running_about(doc.doctype, str(doc.name))
	if not running:
		return
	readers = _readers(doc, running)
	values = {user: bounded(plain_document(doc, user)) for user in set(readers.values()) if user}
	held = _keep(store, readers, values)
	if held:
		frappe.db.after_commit.add(lambda: _keep_later({run: readers[run] for run in held}, values))


def _readers(doc: Any, runs: list[str]) -> dict[str, str | None]:
	"""Run → whom its steps act as, if they may read the document: what is kept cannot be refused later."""
	rows = frappe.get_all("Flow Run", {"name": ("in", runs)}, ["name", "run_as"])
	found: dict[str, str | None] = {}
	for row in rows:
		user = row.run_as or "Administrator"
		allowed = user == "Administrator" or frappe.has_permission(doc.doctype, "read", doc=doc, user=user)
		found[row.name] = user if allowed else None
	return found


def _keep(
	store: Any, readers: Mapping[str, str | None], values: Mapping[str, Mapping[str, Any]]
) -> list[str]:
	held = []
	for user, kept in values.items():
		held += store.keep_last_values(sorted(run for run in readers if readers[run] == user), kept)
	return held


def _keep_later(readers: Mapping[str, str | None], values: Mapping[str, Mapping[str, Any]]) -> None:
	from flow_engine.frappe_host.host import get_host

	store = get_host().runs

	def work() -> None:
		for run in sorted(readers):
			store.lock(run)
		_keep(store, readers, values)

	try:
		store.transact(work)
	except Exception as error:
		# The deletion is committed; the run's step will say that the document is gone.
		frappe.logger("flow_engine").warning(f"Last values not kept for {', '.join(readers)}: {error!r}")
