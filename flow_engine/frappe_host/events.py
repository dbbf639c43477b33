"""What happens to documents on a site, told to the flows that listen.

Decides what each of Frappe's document events means for flows; which flows listen is `trigger_cache.py`, what
a change of a row means is `field_changes.py` and `event_sources.py`, how a flow starts is `starting.py`. A
document that no flow watches costs a dictionary lookup per event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any

import frappe

from flow_engine.frappe_host import event_sources, field_changes
from flow_engine.frappe_host.harmless import (
	ends_transaction,
	harmless,
	raised_as_the_database_did,
	record_failure,
)
from flow_engine.frappe_host.last_values import keep_last_values
from flow_engine.frappe_host.starting import Happening, cause_of_now, start_flows
from flow_engine.frappe_host.trigger_cache import (
	Watch,
	current_map,
	forget_triggers,
	is_unwatched,
	triggers_for,
	watches_insert,
)
from flow_engine.service.events import Occurrence, Trigger

__all__ = ["dispatch_event", "forget_triggers", "observe_rows"]

# The engine's own records, written by every run: nobody automates on them.
OWN_RECORDS = frozenset(
	(
		"Flow Run",
		"Flow Run Document",
		"Flow Step Pending",
		"Flow Step Log",
		"Flow Template Version",
	)
)
# Started by a person, the clock or a document: never by telling that they happened.
NOT_TOLD = ("manual", "doc_event", "date", "schedule")


def is_quiet() -> bool:
	"""While an app is installed, migrated or patched, documents are written that nobody acted on."""
	# Once out of the thread's locals, not for each flag: this runs several times in every save of the site.
	flags = frappe.local.flags
	return bool(
		flags.in_install
		or flags.in_migrate
		or flags.in_patch
		or flags.in_uninstall
		or flags.flow_engine_recording
	)


def _watch(doc: Any) -> Watch | None:
	if doc.doctype in OWN_RECORDS or is_quiet():
		return None
	return triggers_for(doc.doctype)


def _when_watched(handler: Callable[..., None]) -> Callable[..., None]:
	"""Most saves are of documents that no flow watches: they go no further than this."""

	@wraps(handler)
	def quick(doc: Any, method: str | None = None, *args: Any, **kwargs: Any) -> None:
		if not is_unwatched(doc.doctype):
			handler(doc, method)

	return quick


# --- document events, as hooks.py names them ------------------------------------------------------------


@_when_watched
@harmless
def before_save(doc: Any, method: str | None = None) -> None:
	"""`before_validate`, `before_cancel` or `before_update_after_submit`: whichever a save begins with."""
	watch = _watch(doc)
	if watch is not None and watch.tracks_changes:
		field_changes.before_save(doc)


@_when_watched
@harmless
def before_change(doc: Any, method: str | None = None) -> None:
	"""`db_set` is about to write."""
	watch = _watch(doc)
	if watch is not None and watch.tracks_changes:
		field_changes.before_db_set(doc)


@_when_watched
@harmless
def on_event(doc: Any, method: str | None = None) -> None:
	"""after_insert, on_update, on_submit, on_cancel, on_update_after_submit."""
	watch = _watch(doc)
	if watch is None:
		return
	if method == "after_insert":
		_tell_inserted(doc, watch)
	elif doc.doctype == "Payment Entry" and "on_payment_received" in watch.business:
		_tell_payments(doc, method, watch.business["on_payment_received"])
	triggers = watch.doc_events.get(method or "")
	if triggers:
		occurrence = _occurrence(doc, "doc_event", doc_event=method)
		start_flows(triggers, Happening(occurrence, doc, doc.get_doc_before_save()))


@harmless
def on_trash(doc: Any, method: str | None = None) -> None:
	"""A document is being deleted: flows that listen start, and those under way keep its last values."""
	if doc.doctype in OWN_RECORDS or is_quiet():
		return
	keep_last_values(doc)
	watch = triggers_for(doc.doctype)
	triggers = watch.doc_events.get("on_trash") if watch is not None else None
	if triggers:
		start_flows(
			triggers, Happening(_occurrence(doc, "doc_event", doc_event="on_trash", keep_doc=True), doc)
		)


@_when_watched
@harmless
def on_change(doc: Any, method: str | None = None) -> None:
	"""A save, or a `db_set`, has been written."""
	watch = _watch(doc)
	if watch is not None and watch.tracks_changes:
		change = field_changes.take_change(doc)
		if change is not None:
			_tell_changes(doc, watch, change)


@harmless
def on_configuration_change(doc: Any, method: str | None = None) -> None:
	"""What the map of triggers is made from has changed: settings, versions, workflows."""
	forget_triggers()


@contextmanager
def observe_rows(doctype: str, names: Iterable[Any]) -> Iterator[None]:
	"""Tell flows of changes that are written past the Document API inside this block.

	For code that uses `frappe.db.set_value` or SQL on documents that people automate.
	"""
	names = [str(name) for name in names]
	watch = None
	try:
		watch = None if is_quiet() else triggers_for(doctype)
		if watch is not None and watch.tracks_changes:
			for name in names:
				field_changes.observe_row(doctype, name)
	except Exception as error:
		_swallow(error, f"{doctype}: {', '.join(names)}")
	yield
	if watch is None or not watch.tracks_changes:
		return
	for name in names:
		if frappe.db.exists(doctype, name):
			on_change(frappe.get_doc(doctype, name), "on_change")


# --- what has happened ----------------------------------------------------------------------------------


def _tell_inserted(doc: Any, watch: Watch) -> None:
	triggers = watches_insert(doc.doctype, watch)
	if triggers:
		start_flows(triggers, Happening(_occurrence(doc, event_sources.ON_INSERT[doc.doctype]), doc))


def _tell_payments(entry: Any, method: str | None, triggers: list[Trigger]) -> None:
	if method == "on_submit":
		payments = event_sources.payments_at_submit(entry)
	elif method == "on_update_after_submit":
		payments = event_sources.payments_since(entry, entry.get_doc_before_save())
	else:
		return
	customer = entry.party if entry.party_type == "Customer" else None
	for payment in payments:
		about = frappe.get_doc("Sales Invoice", payment.invoice) if payment.invoice else entry
		occurrence = _occurrence(
			about,
			"on_payment_received",
			customer=customer,
			variables={"amount": payment.amount, "payment_entry": entry.name},
		)
		start_flows(triggers, Happening(occurrence, about))


def _tell_changes(doc: Any, watch: Watch, change: field_changes.Change) -> None:
	rows = _Rows(doc, change)
	for rule in event_sources.BECOMES.get(doc.doctype, ()):
		triggers = watch.business.get(rule.event)
		if not triggers or not rule.comes_true(change.before, change.after):
			continue
		if rule.once and _happened_before(rule.event, doc):
			continue
		start_flows(triggers, rows.happening(rule.event, rule.field))
	if watch.changes:
		_tell_field_changes(watch, change, rows)


def _tell_field_changes(watch: Watch, change: field_changes.Change, rows: _Rows) -> None:
	by_field: dict[str, dict[str, list[Trigger]]] = {}
	for trigger in watch.changes:
		name = trigger.field if trigger.doc_event == "field_change" else watch.state_field
		# A document that is made has no state to come from, so it makes no transition.
		if name and (trigger.doc_event == "field_change" or change.before.get(name)):
			by_field.setdefault(name, {}).setdefault(trigger.doc_event or "", []).append(trigger)
	for name, _before, _after in change.fields(set(by_field)):
		for doc_event, triggers in by_field[name].items():
			start_flows(triggers, rows.happening("doc_event", name, doc_event))


def _happened_before(event: str, doc: Any) -> bool:
	from flow_engine.frappe_host.host import get_host

	if get_host().runs.was_started(event, doc.doctype, doc.name):
		return True
	return event == "on_quotation_accepted" and event_sources.was_accepted_before(doc.name)


class _Rows:
	"""The two rows of a change as documents, made when a flow may want them. The object at hand may be stale
	in what it did not write itself; its child tables are as good as any."""

	def __init__(self, doc: Any, change: field_changes.Change):
		self.doc = doc
		self.change = change
		self._documents: tuple[Any, Any] | None = None

	def happening(self, event: str, field: str, doc_event: str | None = None) -> Happening:
		before, after = self.documents()
		values = {
			key: row.get(field) if row is not None else None for key, row in (("from", before), ("to", after))
		}
		changed = {"field": field, **{key: _plain(value) for key, value in values.items()}}
		occurrence = _occurrence(self.doc, event, doc_event=doc_event, field=field, changed=changed)
		return Happening(occurrence, after, before)

	def documents(self) -> tuple[Any, Any]:
		if self._documents is None:
			previous = self.doc.get_doc_before_save() or self.doc
			before = _with_row(previous, self.change.before) if self.change.before else None
			self._documents = before, _with_row(self.doc, self.change.after)
		return self._documents


def _with_row(doc: Any, row: Mapping[str, Any]) -> Any:
	tables = {table.fieldname: doc.get(table.fieldname) for table in doc.meta.get_table_fields()}
	values = {key: value for key, value in row.items() if key not in tables}
	made = frappe.get_doc({**values, "doctype": doc.doctype})
	for fieldname, rows in tables.items():
		# Set past the Document's own setter, which would make these rows children of the copy.
		made.__dict__[fieldname] = list(rows or ())
	return made


def _plain(value: Any) -> Any:
	from flow_engine.engine.plain import as_text

	return value if value is None or isinstance(value, str | int | float) else as_text(value)


def _occurrence(doc: Any, event: str, **facts: Any) -> Occurrence:
	return Occurrence(
		event=event,
		doctype=doc.doctype,
		docname=str(doc.name),
		user=frappe.session.user,
		importing=bool(frappe.flags.in_import),
		cause=cause_of_now(),
		**facts,
	)


# --- for other apps -------------------------------------------------------------------------------------


def dispatch_event(
	event: str,
	doctype: str | None = None,
	docname: str | None = None,
	customer: str | None = None,
	variables: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
	"""Tell flows that a business event has happened, in the current transaction.

	One answer per active flow that listens: `{template, template_name, run, started, reason, read}`. Never
	raises into its caller, except what has ended the caller's transaction already: swallowing that would let
	half of it be committed.
	"""
	try:
		if event in NOT_TOLD or is_quiet():
			return []
		triggers = current_map().by_event.get(event)
		if not triggers:
			return []
		doc = frappe.get_doc(doctype, docname) if doctype and docname else None
		occurrence = Occurrence(
			event=event,
			doctype=doctype if doc is not None else None,
			docname=str(doc.name) if doc is not None else None,
			customer=customer,
			variables=dict(frappe.parse_json(variables) or {}),
			user=frappe.session.user,
			importing=bool(frappe.flags.in_import),
			cause=cause_of_now(),
		)
		return [answer.as_dict() for answer in start_flows(triggers, Happening(occurrence, doc))]
	except Exception as error:
		_swallow(error, f"dispatch_event({event!r}, {doctype!r}, {docname!r})")
		reason = f"unexpected_error: {type(error).__name__}: {error}"
		return [
			{
				"template": None,
				"template_name": None,
				"run": None,
				"started": False,
				"reason": reason,
				"read": None,
			}
		]


def _swallow(error: Exception, where: str) -> None:
	if ends_transaction(error):
		raise raised_as_the_database_did(error) from error
	record_failure(f"{where}: {error!r}\n\n{frappe.get_traceback()}")
