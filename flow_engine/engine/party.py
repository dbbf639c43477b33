"""Whom a document is about: the rule by which a flow finds its customer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# (field that says what the party is, field that names it), as ERPNext's documents carry them.
PARTY_FIELDS = (
	("quotation_to", "party_name"),
	("opportunity_from", "party_name"),
	("party_type", "party_name"),
	("party_type", "party"),
)
# All fields that the rule reads.
PARTY_NAMES = tuple({"name", "customer", *(field for pair in PARTY_FIELDS for field in pair)})


def customer_of(doctype: str | None, doc: Mapping[str, Any]) -> str | None:
	"""Name of the Customer a document belongs to, or None.

	Its own `customer`, else the party where the party is a Customer, else the document itself when it is one.
	"""
	if doctype == "Customer":
		return doc.get("name")
	if doc.get("customer"):
		return str(doc["customer"])
	for type_field, name_field in PARTY_FIELDS:
		if doc.get(type_field) == "Customer" and doc.get(name_field):
			return str(doc[name_field])
	return None
