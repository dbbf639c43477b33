"""The audit trail on a site, as far as whoever asks may see it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import frappe

from flow_engine.frappe_host.host import get_host
from flow_engine.service.audit import AuditFilters, Batch, in_batches
from flow_engine.store.webhooks import TOLD, event_in

DOCTYPE = "Flow Audit Event"
_FIELDS = ["name", *TOLD, "happened_at", "details"]


def find(filters: AuditFilters, limit: int, start: int) -> list[dict[str, Any]]:
	"""Newest first. Raises frappe.PermissionError."""
	return _read(_conditions(filters), "happened_at desc, name desc", limit, start)


def batches(filters: AuditFilters) -> Iterator[Batch]:
	"""Oldest first, by name, which begins with the time. Raises frappe.PermissionError at once, and not where
	half of a file has been sent."""
	if not frappe.has_permission(DOCTYPE, "export"):
		raise frappe.PermissionError
	conditions = _conditions(filters)
	return in_batches(lambda after, limit: _read([*conditions, ("name", ">", after)], "name asc", limit))


def _conditions(filters: AuditFilters) -> list[tuple[str, str, str]]:
	return filters.conditions(get_host().runs.site_text)


def _read(
	conditions: Sequence[tuple[str, str, str]], order: str, limit: int, start: int = 0
) -> list[dict[str, Any]]:
	rows = frappe.get_list(
		DOCTYPE,
		filters=[list(condition) for condition in conditions],
		fields=_FIELDS,
		order_by=order,
		limit_start=start,
		limit_page_length=limit,
	)
	return [event_in(row, get_host().runs) for row in rows]
