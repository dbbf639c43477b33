"""ERPNext's own promise about an Issue: its Service Level Agreement, as it stands now."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import frappe

from flow_engine.engine.sla.agreements import Agreement
from flow_engine.store.dialect import read_time

# Older ERPNext 15 calls the second column `resolution_by`.
RESOLUTION = ("sla_resolution_by", "resolution_by")
ENDED = ("Resolved", "Closed")


def agreement_of(doctype: str, name: str, zone: ZoneInfo) -> Agreement | None:
	"""None for other documents, and for an Issue under no agreement."""
	if doctype != "Issue":
		return None
	meta = frappe.get_meta("Issue")
	resolution = next((field for field in RESOLUTION if meta.has_field(field)), None)
	fields = ["service_level_agreement", "agreement_status", "status", "response_by"]
	row = frappe.db.get_value("Issue", name, [*fields, resolution] if resolution else fields, as_dict=True)
	if not row or not row.service_level_agreement:
		return None
	return Agreement(
		row.service_level_agreement,
		row.agreement_status or "",
		read_time(row.response_by, zone),
		read_time(row.get(resolution), zone) if resolution else None,
		row.status not in ENDED and row.agreement_status != "Fulfilled",
	)
