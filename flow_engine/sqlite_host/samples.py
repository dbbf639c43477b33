"""Sample documents: what the demonstration runs on, and what the page offers to start from."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

CUSTOMER: Mapping[str, Any] = {
	"doctype": "Customer",
	"name": "Ann Tremblay",
	"customer_name": "Ann Tremblay",
	"email_id": "ann@example.com",
	"mobile_no": "+15145550142",
}
SUBSCRIPTION: Mapping[str, Any] = {
	"doctype": "Subscription",
	"name": "SUB-0001",
	"party_type": "Customer",
	"party": "Ann Tremblay",
	"status": "Trialling",
	"trial_period_start": "2020-01-01",
	"trial_period_end": "2099-12-31",
}
_DOCUMENTS: Mapping[str, Mapping[str, Any]] = {
	"Contract": {
		"doctype": "Contract",
		"name": "CON-0001",
		"party_type": "Customer",
		"party_name": "Ann Tremblay",
		"status": "Active",
		"is_signed": 1,
		"docstatus": 1,
	},
	"Issue": {
		"doctype": "Issue",
		"name": "ISS-0001",
		"customer": "Ann Tremblay",
		"subject": "No connection since this morning",
		"priority": "High",
		"status": "Open",
	},
	"Quotation": {
		"doctype": "Quotation",
		"name": "QTN-0001",
		"quotation_to": "Customer",
		"party_name": "Ann Tremblay",
		"contact_email": "ann@example.com",
		"status": "Open",
		"grand_total": 1290.5,
		"docstatus": 1,
	},
	"Sales Invoice": {
		"doctype": "Sales Invoice",
		"name": "INV-0001",
		"customer": "Ann Tremblay",
		"grand_total": 79.9,
		"status": "Paid",
		"docstatus": 1,
	},
}


def sample_documents(doctype: str | None) -> list[dict[str, Any]]:
	"""The document a flow for this DocType could run on, first, and those it leans on."""
	if not doctype or doctype == "Customer":
		documents = [CUSTOMER, SUBSCRIPTION]
	elif doctype == "Subscription":
		documents = [SUBSCRIPTION, CUSTOMER]
	else:
		named = {"doctype": doctype, "name": "SAMPLE-0001", "customer": CUSTOMER["name"]}
		documents = [_DOCUMENTS.get(doctype, named), CUSTOMER, SUBSCRIPTION]
	return copy.deepcopy([dict(document) for document in documents])
