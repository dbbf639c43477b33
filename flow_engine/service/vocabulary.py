"""What operators call the parts of a flow: one label and one sentence for every name of the language.

Only words stand here; which names there are is decided where they mean something, and a test holds the two
together. Texts are English and pass through the reader's language on their way out (`service/catalog.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

from flow_engine.engine.kinds.base import Field

DOC_EVENTS: Mapping[str, str] = {
	"after_insert": "is created",
	"on_update": "is saved",
	"on_submit": "is submitted",
	"on_update_after_submit": "is changed after it was submitted",
	"on_cancel": "is cancelled",
	"on_trash": "is deleted",
	"field_change": "has a field changed",
	"workflow_transition": "moves in its workflow",
}

# Trigger type → (label, what it means); its fields follow below.
TRIGGER_TYPES: Mapping[str, tuple[str, str]] = {
	"on_flow_start": ("At once when the flow starts", "For steps that wait for no other step."),
	"on_prev_complete": ("As soon as it is its turn", "Right after the steps it waits for."),
	"after_delay": ("After a delay", "Counted from the moment the steps it waits for are done."),
	"on_date": ("On a date", "At a date of the document or one you choose; at once if it has passed."),
	"on_webhook": ("When another system calls", "Waits until the step's own link is called."),
	"manual": ("When a person confirms", "Waits until somebody who may do so fires it."),
}
_LIMIT = Field(
	"timeout_hours",
	"Wait at most (hours)",
	"number",
	help="Then the branch for too late is taken, or the step fails. Empty: wait as long as it takes.",
)
_ONLY = "Whoever is on neither list is refused, managers too. Empty: nobody in particular is meant."
TRIGGER_FIELDS: Mapping[str, tuple[Field, ...]] = {
	"after_delay": (
		Field("delay_days", "Days", "number"),
		Field("delay_hours", "Hours", "number"),
		Field("delay_minutes", "Minutes", "number"),
	),
	"on_date": (
		Field(
			"at",
			"Date",
			"datetime",
			required=True,
			help="A date and time, or a value of the document such as {{doc.start_date}}.",
		),
		Field("offset_days", "Days later", "number", help="Negative: so many days earlier."),
		Field("offset_hours", "Hours later", "number", help="Negative: so many hours earlier."),
	),
	"on_webhook": (_LIMIT,),
	"manual": (
		Field("role", "Role", "link", options=("Role",), help="Everybody with this role may fire it."),
		Field("assignee", "Person", "link", options=("User",), help="This person may fire it."),
		Field("users", "Only these people", "links", options=("User",)),
		Field("roles", "Only these roles", "links", options=("Role",), help=_ONLY),
		_LIMIT,
	),
}

ON_ERROR: Mapping[str, str] = {
	"fail": "Stop and wait for somebody",
	"continue": "Go on as if it were done",
	"branch": "Take the error branch",
}
CATEGORIES: Mapping[str, str] = {
	"residential": "Residential",
	"commercial": "Commercial",
	"incident": "Incident",
	"billing": "Billing",
	"other": "Other",
}
CONCURRENCY: Mapping[str, str] = {
	"allow": "Let runs for the same document go side by side",
	"skip": "Do not start while one is running",
	"replace": "Cancel the one that is running",
}
COMPENSATE: Mapping[str, str] = {
	"ask": "Undo nothing unless somebody asks for it",
	"on_failure": "Undo what was done when it fails",
	"on_cancel": "Undo what was done when it is cancelled",
	"both": "Undo what was done when it fails or is cancelled",
}
CATALOGS: Mapping[str, str] = {"project": "Business flows", "agent": "Conversations"}
BRANCHES: Mapping[str, str] = {
	"yes": "Yes",
	"no": "No",
	"error": "If it fails",
	"timeout": "If it takes too long",
	"sla_breach": "If it is late",
	"compensate": "To undo it",
	"understood": "Understood",
	"unclear": "Unclear",
	"found": "Found",
	"not_found": "Not found",
}

_NUMBERS = ("Int", "Long Int", "Float", "Currency", "Percent", "Duration", "Rating")
_TIMES = ("Date", "Datetime", "Time")
_TEXTS = (
	"Data",
	"Small Text",
	"Text",
	"Long Text",
	"Text Editor",
	"Markdown Editor",
	"HTML Editor",
	"Code",
	"Link",
	"Dynamic Link",
	"Select",
	"Autocomplete",
	"Phone",
	"Read Only",
	"Barcode",
	"Color",
	"Icon",
)
_LISTS = ("Table", "Table MultiSelect", "JSON")

# Operator → (label, how many values it takes, the field types it fits; none: every one of them).
OPERATORS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
	"==": ("is", "one", (*_TEXTS, *_NUMBERS, *_TIMES, "Check")),
	"!=": ("is not", "one", (*_TEXTS, *_NUMBERS, *_TIMES, "Check")),
	"<": ("is less than", "one", (*_NUMBERS, *_TIMES)),
	">": ("is more than", "one", (*_NUMBERS, *_TIMES)),
	"<=": ("is at most", "one", (*_NUMBERS, *_TIMES)),
	">=": ("is at least", "one", (*_NUMBERS, *_TIMES)),
	"in": ("is one of", "many", (*_TEXTS, *_NUMBERS, *_TIMES)),
	"not_in": ("is none of", "many", (*_TEXTS, *_NUMBERS, *_TIMES)),
	"empty": ("is empty", "none", ()),
	"not_empty": ("is not empty", "none", ()),
	"contains": ("contains", "one", (*_TEXTS, *_LISTS)),
	"starts_with": ("starts with", "one", _TEXTS),
	"ends_with": ("ends with", "one", _TEXTS),
}

FILTERS: Mapping[str, str] = {
	"default": "Something else when it is empty",
	"upper": "In capitals",
	"lower": "In small letters",
	"title": "With capital initials",
	"trim": "Without blanks at both ends",
	"date": "As a date",
	"datetime": "As a date and time",
	"money": "As an amount",
	"number": "As a number with separators",
	"round": "Rounded",
	"add_days": "So many days later",
	"add_minutes": "So many minutes later",
	"url": "For use in a link",
	"json": "As JSON",
	"count": "How many there are",
	"join": "As one text",
}

_MORE_THAN = {"field": "doc.grand_total", "op": ">", "value": 5000}
# DocType → conditions that people there ask for: `(label, condition)`.
CONDITION_EXAMPLES: Mapping[str, tuple[tuple[str, Mapping[str, object]], ...]] = {
	"Contract": (
		("It is signed", {"field": "doc.is_signed", "op": "==", "value": 1}),
		("It starts later", {"field": "doc.start_date", "op": ">", "value": "{{now|date}}"}),
		("It is with a customer", {"field": "doc.party_type", "op": "==", "value": "Customer"}),
	),
	"Customer": (
		("It is a company", {"field": "doc.customer_type", "op": "==", "value": "Company"}),
		("It has an email address", {"field": "doc.email_id", "op": "not_empty"}),
	),
	"Dispatch Job": (
		("It is urgent", {"field": "doc.priority", "op": "in", "value": ["High", "Urgent"]}),
		("It is an installation", {"field": "doc.job_type", "op": "==", "value": "Installation"}),
	),
	"Issue": (
		("Its priority is high", {"field": "doc.priority", "op": "==", "value": "High"}),
		("It comes from a customer", {"field": "doc.customer", "op": "not_empty"}),
	),
	"Payment Entry": (
		("It is money received", {"field": "doc.payment_type", "op": "==", "value": "Receive"}),
	),
	"Quotation": (
		("Its total is above 5,000", _MORE_THAN),
		(
			"It is a sales quotation to a customer",
			{
				"all": [
					{"field": "doc.quotation_to", "op": "==", "value": "Customer"},
					{"field": "doc.order_type", "op": "==", "value": "Sales"},
				]
			},
		),
	),
	"Sales Invoice": (
		("Its total is above 5,000", _MORE_THAN),
		("Something is still owed", {"field": "doc.outstanding_amount", "op": ">", "value": 0}),
	),
	"Sales Order": (("Its total is above 5,000", _MORE_THAN),),
	"Subscription": (("It is active", {"field": "doc.status", "op": "==", "value": "Active"}),),
}
