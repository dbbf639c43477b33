"""Where business events come from in ERPNext: what a document's rows before and after say has happened.

Decides, from values alone, which business events a change is and which payments a Payment Entry makes. How
changes are noticed is `field_changes.py`, what they start is `events.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import frappe
from frappe.utils import cint, flt

Row = Mapping[str, Any]

ORDERED = ("Partially Ordered", "Ordered")
RESOLVED = ("Resolved", "Closed")

# The DocType whose saves tell of each event; other apps' events are told by `dispatch_event`.
SOURCE: Mapping[str, str] = {
	"on_contract_signed": "Contract",
	"on_payment_received": "Payment Entry",
	"on_subscription_active": "Subscription",
	"on_quotation_created": "Quotation",
	"on_quotation_accepted": "Quotation",
	"on_issue_opened": "Issue",
	"on_customer_created": "Customer",
	"on_dispatch_completed": "Dispatch Job",
	"on_ticket_resolved": "Issue",
}
ON_INSERT: Mapping[str, str] = {
	"Quotation": "on_quotation_created",
	"Issue": "on_issue_opened",
	"Customer": "on_customer_created",
}


@dataclass(frozen=True, slots=True)
class Becomes:
	"""An event that is a condition coming true: it held not before, and it holds now."""

	event: str
	field: str
	holds: Callable[[Row], bool]
	# An event that counts once in a document's life, however often its condition comes and goes.
	once: bool = False
	# What was not there before did not become something; it was made so.
	from_nothing: bool = True

	def comes_true(self, before: Row, after: Row) -> bool:
		"""`before` is empty for a new document."""
		if not before and not self.from_nothing:
			return False
		return self.holds(after) and not (before and self.holds(before))


BECOMES: Mapping[str, tuple[Becomes, ...]] = {
	"Contract": (
		Becomes(
			"on_contract_signed",
			"is_signed",
			lambda row: cint(row.get("docstatus")) == 1 and bool(cint(row.get("is_signed"))),
			once=True,
		),
	),
	"Subscription": (Becomes("on_subscription_active", "status", lambda row: row.get("status") == "Active"),),
	"Quotation": (
		Becomes("on_quotation_accepted", "status", lambda row: row.get("status") in ORDERED, once=True),
	),
	"Issue": (
		Becomes("on_ticket_resolved", "status", lambda row: row.get("status") in RESOLVED),
		# Opened again; opened for the first time is its insert.
		Becomes(
			"on_issue_opened", "status", lambda row: row.get("status") not in RESOLVED, from_nothing=False
		),
	),
	"Dispatch Job": (
		Becomes("on_dispatch_completed", "status", lambda row: row.get("status") == "Completed"),
	),
}


def was_accepted_before(quotation: str) -> bool:
	"""Was there an order for it that has been cancelled since?"""
	return bool(frappe.db.exists("Sales Order Item", {"prevdoc_docname": quotation, "docstatus": 2}))


@dataclass(frozen=True, slots=True)
class Payment:
	"""What a Payment Entry pays, in the currency of the party's account; `invoice`: None on account."""

	invoice: str | None
	amount: float


def payments_at_submit(entry: Any) -> list[Payment]:
	"""One payment per Sales Invoice, its rows summed; the entry itself when it names no invoice."""
	if entry.payment_type != "Receive":
		return []
	return _per_invoice(entry.get("references")) or [Payment(None, flt(entry.paid_amount))]


def payments_since(entry: Any, before: Any) -> list[Payment]:
	"""What was reconciled after the submission: rows that were not there before."""
	if entry.payment_type != "Receive" or before is None:
		return []
	known = {row.name for row in before.get("references") or ()}
	return _per_invoice([row for row in entry.get("references") or () if row.name not in known])


def _per_invoice(rows: Any) -> list[Payment]:
	amounts: dict[str, float] = {}
	for row in rows or ():
		if row.reference_doctype == "Sales Invoice" and row.reference_name:
			amounts[row.reference_name] = amounts.get(row.reference_name, 0.0) + flt(row.allocated_amount)
	# A credit note that is offset here has a negative amount: nobody paid it.
	return [Payment(name, flt(amount, 9)) for name, amount in amounts.items() if amount > 0]
