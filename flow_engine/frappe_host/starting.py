"""Starting flows inside the transaction of the document that triggers them.

Each start happens behind a savepoint of its own, taken only when a flow listens. What goes wrong is undone to
that point, recorded and alerted, and the document is saved all the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import frappe

from flow_engine.engine.errors import EngineDisabled, FlowError
from flow_engine.engine.party import PARTY_NAMES
from flow_engine.engine.ports import Host
from flow_engine.frappe_host.document_values import plain_document, plain_fields
from flow_engine.frappe_host.harmless import ends_transaction, raised_as_the_database_did, record_failure
from flow_engine.frappe_host.start_alerts import alert_not_started
from flow_engine.frappe_host.trigger_cache import current_map
from flow_engine.service.events import Answer, Occurrence, Trigger, matches, refusal, start_one
from flow_engine.service.lineage import Cause, record_cut

# Kept values travel with the run for as long as it lives.
MAX_KEPT_BYTES = 64_000
MAX_KEPT_TEXT = 1_000


@dataclass(frozen=True)
class Happening:
	"""An occurrence with the documents it is about, before anybody's permissions are applied to them."""

	occurrence: Occurrence
	doc: Any = None
	before: Any = None
	_seen_by: dict[tuple[str, bool], Occurrence] = field(default_factory=dict)

	def seen_by(self, user: str | None, whole: bool = True) -> Occurrence:
		"""The occurrence with the values that this user may see. Not `whole`: of the document no more than
		what is kept or says whom it is about.

		What the run will keep (the values before, those of a deleted document) is kept only for somebody who
		may read the document: later it could not be refused any more.
		"""
		user = user or "Administrator"
		key = (user, whole)
		if key not in self._seen_by:
			self._seen_by[key] = self._as_seen_by(user, whole)
		return self._seen_by[key]

	def _as_seen_by(self, user: str, whole: bool) -> Occurrence:
		if self.doc is None:
			return self.occurrence
		changed, keep_doc = self.occurrence.changed, self.occurrence.keep_doc
		if whole or changed or keep_doc:
			doc = plain_document(self.doc, user)
		else:
			doc = plain_fields(self.doc, user, PARTY_NAMES)
		seen = replace(self.occurrence, doc=doc)
		if self.before is None and not changed and not keep_doc:
			return seen
		if user != "Administrator" and not frappe.has_permission(
			self.doc.doctype, "read", doc=self.doc, user=user
		):
			return replace(seen, keep_doc=False, before=None, changed=None)
		before = bounded(plain_document(self.before, user)) if self.before is not None else None
		if changed and changed["field"] not in seen.doc:
			changed = None
		if seen.keep_doc:
			seen = replace(seen, doc=bounded(seen.doc))
		return replace(seen, before=before, changed=changed)


def bounded(values: Mapping[str, Any]) -> dict[str, Any]:
	"""Values small enough to keep; too large ones lose their child tables, then the ends of long texts."""
	if _size(values) <= MAX_KEPT_BYTES:
		return dict(values)
	kept = {key: value for key, value in values.items() if not isinstance(value, list | Mapping)}
	if _size(kept) > MAX_KEPT_BYTES:
		kept = {
			key: value[:MAX_KEPT_TEXT] if isinstance(value, str) else value for key, value in kept.items()
		}
	return kept


def _size(values: Mapping[str, Any]) -> int:
	return len(json.dumps(values, default=str, ensure_ascii=False).encode())


def start_flows(triggers: Iterable[Trigger], happening: Happening) -> list[Answer]:
	"""Start what listens to this and whose condition holds; an answer for each flow that listens.

	Raises only what has ended the transaction.
	"""
	listening = [trigger for trigger in triggers if matches(trigger, happening.occurrence)]
	if not listening:
		return []
	if is_switched_off():
		_log_switched_off(listening, happening.occurrence)
		return [refusal(trigger, EngineDisabled()) for trigger in listening]
	return [_attempt(trigger, happening) for trigger in listening]


def is_switched_off() -> bool:
	return bool(frappe.conf.get("flow_engine_disabled")) or current_map().disabled


def cause_of_now() -> Cause | None:
	"""The run whose step is being executed, if one is: what happens now is its doing."""
	run = frappe.flags.flow_engine_run
	if not run:
		return None
	return Cause(run["name"], run.get("root_run") or run["name"], int(run.get("depth") or 0))


def _attempt(trigger: Trigger, happening: Happening) -> Answer:
	savepoint = "flow_engine_start"
	messages = list(frappe.local.message_log or ())
	frappe.db.savepoint(savepoint)
	try:
		# Not released: the next of the same name takes its place, the commit the last, and a save is spared
		# a statement.
		return _start(trigger, happening)
	except Exception as error:
		if ends_transaction(error):
			raise raised_as_the_database_did(error) from error
		# Nobody at a screen asked for this, so what documents said meanwhile is not for them.
		frappe.local.message_log = messages
		frappe.db.rollback(save_point=savepoint)
		_report(trigger, happening.occurrence, error)
		if isinstance(error, FlowError):
			return refusal(trigger, error)
		return Answer(trigger.template, trigger.title, reason=f"unexpected_error: {type(error).__name__}")


def _start(trigger: Trigger, happening: Happening) -> Answer:
	from flow_engine.frappe_host.host import get_host

	host: Host = get_host()
	return start_one(host, trigger, happening.seen_by(trigger.run_as, whole=bool(trigger.condition)))


def _report(trigger: Trigger, occurrence: Occurrence, error: Exception) -> None:
	about = f"{occurrence.doctype} {occurrence.docname}" if occurrence.doctype else "no document"
	code = error.code if isinstance(error, FlowError) else "unexpected_error"
	reason = error.message if isinstance(error, FlowError) else repr(error)
	message = (
		f"{trigger.title or trigger.template} ({trigger.template}) was not started by {occurrence.event} of "
		f"{about}: {reason}"
	)
	record_failure(
		f"{message}\n\n{frappe.get_traceback()}",
		trigger.template,
		lambda: _tell(trigger, occurrence, error, code, message),
	)


def _tell(trigger: Trigger, occurrence: Occurrence, error: Exception, code: str, message: str) -> None:
	from flow_engine.frappe_host.host import get_host

	if isinstance(error, FlowError):
		record_cut(get_host(), trigger.template, occurrence.cause, error)
	alert_not_started(trigger, code, message)


def _log_switched_off(listening: list[Trigger], occurrence: Occurrence) -> None:
	"""Once per request: a log line for every save would bury what it says."""
	if getattr(frappe.local, "flow_engine_said_off", False):
		return
	frappe.local.flow_engine_said_off = True
	flows = ", ".join(trigger.template for trigger in listening)
	frappe.logger("flow_engine").warning(
		f"The flow engine is switched off: {occurrence.event} of {occurrence.doctype} {occurrence.docname} "
		f"starts nothing ({flows}), nor does anything else in this request."
	)
