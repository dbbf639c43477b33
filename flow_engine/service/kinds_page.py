"""docs/kinds.md, written from what the engine knows: `python -m flow_engine.service.kinds_page`.

Nothing in that page is kept by hand, so it cannot say something else than the editor and the validator do.
Decides only its shape: which tables there are and what an example looks like.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from inspect import cleandoc
from typing import Any

from flow_engine.engine import errors, inbound, payload_schema
from flow_engine.engine.definition import (
	COMPENSATE,
	DATE_TRIGGER_KEYS,
	FAILURE_BRANCHES,
	LATE_BRANCH,
	TRIGGER_FIELDS,
)
from flow_engine.engine.filters import FILTERS
from flow_engine.engine.kinds import AGENT_KINDS, PROJECT_KINDS
from flow_engine.engine.kinds.base import Effect, Field, Kind
from flow_engine.engine.predicates import PREDICATES
from flow_engine.engine.retry import DATABASE_POLICY, EXTERNAL_POLICY
from flow_engine.engine.schedules import cron, zones
from flow_engine.service import doors, receiving, schedule_values
from flow_engine.service.audit_events import EVENTS as AUDIT_EVENTS
from flow_engine.service.catalog import DOC_EVENTS
from flow_engine.service.events import BUSINESS_EVENTS
from flow_engine.store import schedules

EXAMPLES: Mapping[str, Mapping[str, Any]] = {
	"dispatch_job": {
		"subject": "Installation {{customer.customer_name}}",
		"job_type": "Installation",
		"priority": "medium",
		"duration_h": 2,
		"assigned_group": "{{variables.default_group}}",
		"merge_key": "install-{{customer.name}}",
	},
	"issue": {
		"subject": "Check the subscription of {{customer.customer_name}}",
		"description": "It could not be activated: {{steps.activate.error.message}}",
		"priority": "High",
	},
	"notify": {
		"channel": "email",
		"to": "{{customer.email_id}}",
		"subject": "Welcome, {{customer.customer_name}}",
		"body": "<p>Your installation is planned.</p>",
	},
	"webhook": {
		"url": "https://crm.example.com/customers/{{customer.name|url}}",
		"method": "PUT",
		"headers": {"Authorization": "Bearer {{secret.crm}}"},
		"body_template": {"name": "{{customer.customer_name}}", "total": "{{doc.grand_total}}"},
	},
	"erp_update": {
		"doctype": "Customer",
		"docname_ref": "{{customer.name}}",
		"fields_json": {"customer_details": "Installed on {{now|date}}"},
	},
	"wait": {},
	"condition": {"field": "doc.grand_total", "op": ">=", "value": 1000},
	"subscription_activate": {"subscription_ref": "{{variables.subscription}}"},
}
_EFFECTS = {
	Effect.NONE: "changes nothing",
	Effect.DATABASE: "writes to the database, in one transaction with its record",
	Effect.EXTERNAL: "reaches outside, with the same idempotency key on every attempt",
}
_TRIGGERS = {
	"on_flow_start": "At once, when the run starts. For steps without parent and dependencies.",
	"on_prev_complete": "As soon as the step is ready. The default.",
	"after_delay": "The delay after the step became ready. Numbers or templates of them, zero or more.",
	"on_date": "At `at` (ISO 8601 or a template) plus the offsets. A time in the past means at once. "
	"Times without an offset are in the site's time zone.",
	"on_webhook": "When the step's link is called. The posted body becomes `{{input}}`.",
	"manual": "When a permitted person fires it. Whoever may gets a ToDo and a notification.",
}
_OPERATORS = {
	"==": "equal",
	"!=": "not equal",
	"<": "less",
	">": "greater",
	"<=": "less or equal",
	">=": "greater or equal",
	"in": "one of a list, or of a comma-separated text",
	"not_in": "none of them",
	"empty": "missing, blank, or a list without members; `0` and `false` are not empty",
	"not_empty": "the opposite",
	"contains": "a text contains a text, a list contains a value",
	"starts_with": "a text begins with",
	"ends_with": "a text ends with",
}
_FILTERS = {
	"default": "the argument when the value is missing or an empty text",
	"upper": "in upper case",
	"lower": "in lower case",
	"title": "With Capitals",
	"trim": "without blanks at both ends",
	"date": "a date, `2026-11-20`, in the site's time zone",
	"datetime": "a time, `2026-11-20 14:05`, in the site's time zone",
	"money": "two decimals and thousands separators, with the currency if one is given",
	"number": "thousands separators, with as many decimals as given",
	"round": "rounded to as many decimals as given, still a number",
	"add_days": "a date or time so many days later; earlier when negative",
	"add_minutes": "a time so many minutes later in real time; earlier when negative",
	"url": "escaped for a URL",
	"json": "as JSON text",
	"count": "how many members a list or mapping has",
	"join": "a list as one text",
}

# Codes that no error class has: what became of an attempt is said by the engine or by a kind.
_OUTCOMES = {
	"timed_out": "Nobody answered within the step's time limit.",
	"worker_lost": "The worker disappeared five times in a row on this step.",
	"handler_error": "The kind's own code failed; the Error Log says where.",
	"http_status": "The other system answered with an error; its status and body are in the result.",
	"partly_sent": "Some of several numbers got the SMS, others did not; the result says which.",
}


def page() -> str:
	"""The whole page, Markdown, ending in a newline."""
	return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
	yield "# Kinds, triggers, operators, filters and codes"
	yield ""
	yield "Written by `make docs` from the engine's own tables. Do not edit."
	yield ""
	yield "## Kinds of steps"
	yield ""
	yield from _table(
		("kind", "label", "effect", "branches"),
		[(f"[`{k.name}`](#{k.name})", k.label, k.effect.value, _branches(k)) for k in PROJECT_KINDS.values()],
	)
	yield ""
	failures = " and ".join(f"`{name}`" for name in FAILURE_BRANCHES)
	yield f"Every kind also has the branches {failures}: their steps run when it failed or its wait ran out."
	yield f"Steps on `{LATE_BRANCH}` run when the step is late by its service level, still open or not."
	yield f"Steps on `{COMPENSATE}` run only when what the run did is undone."
	for kind in PROJECT_KINDS.values():
		yield from _kind(kind)
	yield from _agent_kinds()
	yield from _triggers()
	yield from _events()
	yield from _operators()
	yield from _filters()
	yield from _retries()
	yield from _audit_events()
	yield from _codes()


def _kind(kind: Kind) -> Iterator[str]:
	yield ""
	yield f"### {kind.name}"
	yield ""
	yield kind.help
	yield ""
	effects = {
		kind.effect,
		*(kind.effect_for({field.name: o}) for field in kind.fields for o in field.options),
	}
	yield f"Effect: {'; or '.join(_EFFECTS[e] for e in Effect if e in effects)}."
	if kind.branches:
		yield f"Branches: {_branches(kind)}."
	if kind.compensation:
		yield f"Undone: {kind.compensation}"
	yield ""
	if kind.fields:
		yield from _table(
			("field", "label", "type", "required", "default", "help"),
			[_field(field) for field in kind.fields],
		)
	else:
		yield "No fields."
	yield ""
	yield from _result(kind)
	yield "Example payload:"
	yield ""
	yield "```json"
	yield from json.dumps(EXAMPLES[kind.name], indent=2, ensure_ascii=False).splitlines()
	yield "```"


def _result(kind: Kind) -> Iterator[str]:
	said = [f"`{result.name}` ({result.label}, {result.type})" for result in kind.results]
	if kind.document or kind.document_field:
		said[:0] = ["`doctype`", "`name`"]
	if said:
		yield f"Result: {', '.join(said)}."
	made = kind.document or (
		f"document of the DocType in `{kind.document_field}`" if kind.document_field else ""
	)
	if made:
		yield f"`steps.<id>.document` is the {made}, as it is when it is read."
	if said:
		yield ""


def _field(field: Field) -> tuple[str, ...]:
	kind = field.type
	if field.type == "select":
		kind = " / ".join(f"`{option}`" for option in field.options)
	elif field.type in ("link", "links"):
		kind = f"{field.options[0]}"
	required = "yes" if field.required else ""
	if field.required and field.depends_on:
		required = "where shown"
	default = "" if field.default is None else f"`{field.default}`"
	remarks = [field.help] if field.help else []
	remarks += ["Secrets may stand here."] if field.secrets else []
	remarks += ["Line breaks are refused."] if field.single_line else []
	remarks += ["Values are HTML-escaped."] if field.html and "escaped" not in field.help else []
	return f"`{field.name}`", field.label, kind, required, default, " ".join(remarks)


def _agent_kinds() -> Iterator[str]:
	yield ""
	yield "### Conversation kinds"
	yield ""
	yield "In the catalog as data. They have no runtime: a flow that uses one cannot be published."
	yield ""
	yield from _table(
		("kind", "label", "what it is for"),
		[(f"`{kind.name}`", kind.label, kind.help) for kind in AGENT_KINDS.values()],
	)


def _triggers() -> Iterator[str]:
	yield ""
	yield "## When a step fires"
	yield ""
	yield from _table(
		("trigger type", "fields", "fires"),
		[
			(f"`{name}`", ", ".join(f"`{field}`" for field in fields), _TRIGGERS[str(name)])
			for name, fields in TRIGGER_FIELDS.items()
		],
	)


# Where errors of one subject stand beside what raises them.
_OTHERS = (payload_schema, inbound, receiving, cron, zones, schedules, schedule_values, doors)
_DATE_KEYS = {
	"offset_days": "calendar days after the date, negative before it: a whole number",
	"offset_hours": "hours of real time after that, negative before: a whole number",
	"time": "the time of day, `09:00`; without it a Datetime's own, midnight for a Date",
	"day_policy": "on a day off: `any` (as it falls), `skip`, `next` or `previous` working day",
	"holiday_list": "a Holiday List that says which days are off; without it Saturday and Sunday",
}


def _events() -> Iterator[str]:
	yield ""
	yield "## What starts a run"
	yield ""
	yield from _table(
		("event", "means", "`doc` is", "remarks", "variables"),
		[
			(
				f"`{event.name}`",
				event.label,
				event.doctype or "",
				event.description,
				", ".join(f"`{name}`" for name in event.variables),
			)
			for event in BUSINESS_EVENTS.values()
		],
	)
	yield ""
	yield "A trigger with the event `doc_event` names a `doctype` and one of these as `doc_event`:"
	yield ""
	yield from _table(
		("doc_event", "the document"), [(f"`{name}`", label) for name, label in DOC_EVENTS.items()]
	)
	yield ""
	yield "`field_change` needs a `field`. It and `workflow_transition` take `from` and `to`, either or both."
	yield ""
	yield "A trigger with the event `date` names a `doctype` and its `field`, a date. It may say more:"
	yield ""
	yield from _table(("key", "means"), [(f"`{key}`", _DATE_KEYS[key]) for key in DATE_TRIGGER_KEYS])


def _operators() -> Iterator[str]:
	yield ""
	yield "## Operators of conditions"
	yield ""
	yield from _table(("operator", "true when"), [(f"`{name}`", _OPERATORS[name]) for name in PREDICATES])


def _filters() -> Iterator[str]:
	yield ""
	yield "## Filters of templates"
	yield ""
	yield "There are no others. A filter that cannot handle a value leaves it as it is."
	yield ""
	yield "A path goes through mappings, lists and one link: `{{doc.contact_person.mobile_no}}`."
	yield ""
	yield from _table(
		("filter", "gives", "written"),
		[
			(f"`{name}`", _FILTERS[name], f"`{{{{value|{known.example or name}}}}}`")
			for name, known in FILTERS.items()
		],
	)


def _retries() -> Iterator[str]:
	yield ""
	yield "## Attempts, when the step says nothing"
	yield ""
	yield from _table(
		("effect", "attempts", "first pause", "each next", "at most"),
		[
			(
				name,
				str(policy.max_attempts),
				f"{policy.backoff_seconds:g} s",
				f"× {policy.backoff_rate:g}",
				f"{policy.max_delay_seconds:g} s",
			)
			for name, policy in (("none, database", DATABASE_POLICY), ("external", EXTERNAL_POLICY))
		],
	)


def _audit_events() -> Iterator[str]:
	yield ""
	yield "## Events of the audit trail"
	yield ""
	yield (
		"[Webhook endpoints](operators.md#webhook-endpoints) are told of those they name, or of all of a "
		"noun: `run.*`."
	)
	yield ""
	yield from _table(("event", "means"), [(f"`{event}`", text) for event, text in AUDIT_EVENTS.items()])


def _codes() -> Iterator[str]:
	yield ""
	yield "## Error codes"
	yield ""
	yield "Why a step failed:"
	yield ""
	steps = [error for error in _errors() if issubclass(error, errors.StepError)]
	raised = [(f"`{error.code}`", _said(error)) for error in steps]
	yield from _table(
		("code", "means"), [*raised, *((f"`{code}`", text) for code, text in _OUTCOMES.items())]
	)
	yield ""
	yield "Why a request was refused:"
	yield ""
	yield from _table(
		("code", "HTTP status", "means"),
		[(f"`{e.code}`", str(e.http_status), _said(e)) for e in _errors() if e not in steps],
	)


def _errors() -> list[type[errors.FlowError]]:
	"""In the order they stand in their modules; the base of all is left out."""
	found = []
	for module in (errors, *_OTHERS):
		own = [
			one
			for one in vars(module).values()
			if isinstance(one, type) and one.__module__ == module.__name__
		]
		found += [one for one in own if issubclass(one, errors.FlowError)]
	return [error for error in found if error is not errors.FlowError]


def _said(error: type[errors.FlowError]) -> str:
	return cleandoc(error.__doc__ or "").splitlines()[0]


def _branches(kind: Kind) -> str:
	return ", ".join(f"`{branch}`" for branch in kind.branches)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
	yield f"| {' | '.join(heads)} |"
	yield f"|{'|'.join(['---'] * len(heads))}|"
	for row in rows:
		yield f"| {' | '.join(_cell(cell) for cell in row)} |"


def _cell(text: str) -> str:
	return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
	sys.stdout.write(page())
