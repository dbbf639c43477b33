"""The DocTypes that flows are most often about, as far as a flow is likely to ask for them.

There is no ERP here to ask. A field that is missing can still be read, and is offered as soon as a stored
document has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from flow_engine.sqlite_host import schema

# name, label, type, and for a Select its choices, for a Link its DocType, for a Table its rows' fields.
Row = tuple[str, str, str] | tuple[str, str, str, object]

_CUSTOMER: Row = ("customer", "Customer", "Link", "Customer")
_TERRITORY: Row = ("territory", "Territory", "Link", "Territory")
_COMPANY: Row = ("company", "Company", "Link", "Company")
_TOTAL: Row = ("grand_total", "Grand Total", "Currency")
_CURRENCY: Row = ("currency", "Currency", "Link", "Currency")
_CONTACT: Sequence[Row] = (
	("contact_person", "Contact Person", "Link", "Contact"),
	("contact_email", "Contact Email", "Data"),
	("contact_mobile", "Contact Mobile No", "Data"),
)
_ITEMS: Row = (
	"items",
	"Items",
	"Table",
	(
		("item_code", "Item Code", "Link", "Item"),
		("item_name", "Item Name", "Data"),
		("qty", "Quantity", "Float"),
		("rate", "Rate", "Currency"),
		("amount", "Amount", "Currency"),
	),
)

DOCTYPES: Mapping[str, Sequence[Row]] = {
	"Contact": (
		("first_name", "First Name", "Data"),
		("last_name", "Last Name", "Data"),
		("email_id", "Email Address", "Data"),
		("mobile_no", "Mobile No", "Data"),
	),
	"Contract": (
		("party_type", "Party Type", "Select", ("Customer", "Supplier", "Employee")),
		("party_name", "Party Name", "Dynamic Link", "party_type"),
		("status", "Status", "Select", ("Unsigned", "Active", "Inactive")),
		("is_signed", "Signed", "Check"),
		("signee", "Signee", "Data"),
		("signed_on", "Signed On", "Datetime"),
		("start_date", "Start Date", "Date"),
		("end_date", "End Date", "Date"),
		("contract_template", "Contract Template", "Link", "Contract Template"),
		(
			"document_type",
			"Document Type",
			"Select",
			("Quotation", "Project", "Sales Order", "Sales Invoice"),
		),
		("document_name", "Document Name", "Dynamic Link", "document_type"),
	),
	"Customer": (
		("customer_name", "Customer Name", "Data"),
		("customer_type", "Customer Type", "Select", ("Company", "Individual", "Partnership")),
		("customer_group", "Customer Group", "Link", "Customer Group"),
		_TERRITORY,
		("email_id", "Email Id", "Data"),
		("mobile_no", "Mobile No", "Data"),
		("customer_primary_address", "Customer Primary Address", "Link", "Address"),
		("customer_primary_contact", "Customer Primary Contact", "Link", "Contact"),
		("customer_details", "Customer Details", "Text"),
		("language", "Print Language", "Link", "Language"),
	),
	"Issue": (
		("subject", "Subject", "Data"),
		_CUSTOMER,
		("raised_by", "Raised By (Email)", "Data"),
		("status", "Status", "Select", ("Open", "Replied", "On Hold", "Resolved", "Closed")),
		("priority", "Priority", "Link", "Issue Priority"),
		("issue_type", "Issue Type", "Link", "Issue Type"),
		("description", "Description", "Text Editor"),
		("opening_date", "Opening Date", "Date"),
		("contact", "Contact", "Link", "Contact"),
	),
	"Payment Entry": (
		("payment_type", "Payment Type", "Select", ("Receive", "Pay", "Internal Transfer")),
		("party_type", "Party Type", "Link", "DocType"),
		("party", "Party", "Dynamic Link", "party_type"),
		("posting_date", "Posting Date", "Date"),
		("paid_amount", "Paid Amount", "Currency"),
		("mode_of_payment", "Mode of Payment", "Link", "Mode of Payment"),
	),
	"Quotation": (
		("quotation_to", "Quotation To", "Link", "DocType"),
		("party_name", "Party", "Dynamic Link", "quotation_to"),
		("customer_name", "Customer Name", "Data"),
		(
			"status",
			"Status",
			"Select",
			("Draft", "Open", "Replied", "Partially Ordered", "Ordered", "Lost", "Cancelled", "Expired"),
		),
		("order_type", "Order Type", "Select", ("Sales", "Maintenance", "Shopping Cart")),
		("transaction_date", "Date", "Date"),
		("valid_till", "Valid Till", "Date"),
		_TOTAL,
		_CURRENCY,
		_COMPANY,
		*_CONTACT,
		_ITEMS,
	),
	"Sales Invoice": (
		_CUSTOMER,
		("customer_name", "Customer Name", "Data"),
		("status", "Status", "Select", ("Draft", "Unpaid", "Paid", "Partly Paid", "Overdue", "Cancelled")),
		("posting_date", "Date", "Date"),
		("due_date", "Payment Due Date", "Date"),
		_TOTAL,
		("outstanding_amount", "Outstanding Amount", "Currency"),
		_CURRENCY,
		_COMPANY,
		*_CONTACT,
		_ITEMS,
	),
	"Sales Order": (
		_CUSTOMER,
		("customer_name", "Customer Name", "Data"),
		("status", "Status", "Data"),
		("transaction_date", "Date", "Date"),
		("delivery_date", "Delivery Date", "Date"),
		_TOTAL,
		_CURRENCY,
		_COMPANY,
		*_CONTACT,
		_ITEMS,
	),
	"Subscription": (
		("party_type", "Party Type", "Link", "DocType"),
		("party", "Party", "Dynamic Link", "party_type"),
		(
			"status",
			"Status",
			"Select",
			("Trialling", "Active", "Past Due Date", "Cancelled", "Unpaid", "Completed"),
		),
		("start_date", "Subscription Start Date", "Date"),
		("end_date", "Subscription End Date", "Date"),
		("trial_period_start", "Trial Period Start Date", "Date"),
		("trial_period_end", "Trial Period End Date", "Date"),
		("current_invoice_start", "Current Invoice Start Date", "Date"),
		("current_invoice_end", "Current Invoice End Date", "Date"),
	),
}

OWN = ("Dispatch Job",)


@cache
def _links(doctype: str) -> Mapping[str, tuple[str, str]]:
	"""Field → (Link or Dynamic Link, its DocType or the field that holds it)."""
	if doctype in OWN:
		fields = [
			(f["fieldname"], f["fieldtype"], f.get("options")) for f in schema.meta_of(doctype)["fields"]
		]
	else:
		fields = [(row[0], row[2], row[3]) for row in DOCTYPES.get(doctype, ()) if len(row) > 3]
	return {name: (kind, str(options)) for name, kind, options in fields if kind in ("Link", "Dynamic Link")}


def link_target(doctype: str, values: Mapping[str, Any], field: str) -> str | None:
	"""The DocType that the field names a document of, where that is described; `customer` names one
	everywhere."""
	kind, options = _links(doctype).get(field, ("Link", "Customer") if field == "customer" else ("", ""))
	if kind == "Dynamic Link":
		return str(values.get(options) or "") or None
	return options or None
