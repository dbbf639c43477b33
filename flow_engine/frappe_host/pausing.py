"""Pausing flows on a site: the circuit breaker's numbers and switch, and what is written down about it."""

from __future__ import annotations

import frappe
from frappe.utils import cint, get_datetime, now_datetime

from flow_engine.engine.breaker import DEFAULT_LIMIT
from flow_engine.engine.ports import AuditEvent, Breaker
from flow_engine.service.template_events import saved_event

ACTIVE, PAUSED, RETIRED = "active", "paused", "retired"


def breaker_of(template: str) -> Breaker:
	"""Failures count from the last publication or switching on: whoever switches a flow on again has
	looked."""
	from flow_engine.frappe_host.host import get_host

	row = frappe.db.get_value(
		"Flow Template",
		template,
		["is_active", "failure_limit", "published_on", "activated_on"],
		as_dict=True,
	)
	if not row or not row.is_active:
		return Breaker(0)
	own = str(row.failure_limit or "").strip()
	limit = int(own) if own.isdigit() else settings_limit()
	since = [get_datetime(when) for when in (row.published_on, row.activated_on) if when]
	return Breaker(limit, get_host().runs.from_site(max(since, default=None)))


def settings_limit() -> int:
	rows = frappe.db.sql(
		"select value from tabSingles where doctype = 'Flow Engine Settings' and field = 'failure_limit'"
	)
	# Never saved is not the same as 0, which switches the breaker off.
	return DEFAULT_LIMIT if not rows or rows[0][0] in (None, "") else cint(rows[0][0])


def pause(template: str, reason: str) -> bool:
	"""Past the Document API: whoever published the flow need not be whoever's worker this is."""
	from flow_engine.frappe_host.events import forget_triggers

	row = frappe.db.sql("select is_active from `tabFlow Template` where name = %s for update", template)
	if not row or not row[0][0]:
		return False
	frappe.db.set_value(
		"Flow Template",
		template,
		{"is_active": 0, "paused_reason": reason, "modified": now_datetime()},
		update_modified=False,
	)
	frappe.clear_document_cache("Flow Template", template)
	forget_triggers()
	return True


def record_save(doc) -> None:
	"""That it was made or changed: told before what else this save does."""
	saved = saved_event(doc.get_doc_before_save(), doc)
	if saved:
		write_event(doc, saved[0], **saved[1])


def record_changes(doc) -> None:
	"""After a template's row is written: what people did to it, in the same transaction."""
	before = doc.get_doc_before_save()
	was_active = bool(before and before.is_active)
	if bool(before and before.is_retired) != bool(doc.is_retired):
		states = (ACTIVE if was_active else PAUSED, RETIRED) if doc.is_retired else (RETIRED, PAUSED)
		event = "template.retired" if doc.is_retired else "template.brought_back"
		write_event(doc, event, doc.flags.flow_retiring, *states)
	elif bool(doc.is_active) != was_active:
		event = "template.activated" if doc.is_active else "template.paused"
		states = (PAUSED, ACTIVE) if doc.is_active else (ACTIVE, PAUSED)
		write_event(doc, event, doc.paused_reason, *states)
	doc.flags.flow_retiring = None


def write_event(
	doc,
	event: str,
	reason: str | None = None,
	from_status: str | None = None,
	to_status: str | None = None,
	**details,
) -> None:
	from flow_engine.frappe_host.host import get_host

	get_host().runs.audit(
		AuditEvent(
			event,
			flow_template=doc.name,
			reason=reason or "",
			from_status=from_status,
			to_status=to_status,
			details=details,
		)
	)
