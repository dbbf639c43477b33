"""erp_update: changes fields of one document through the Document API, with all its rules."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flow_engine.engine.errors import BadTemplate, DocumentNotFound, GuardRefused
from flow_engine.engine.kinds import subject
from flow_engine.engine.kinds.base import DoneStep, Effect, Field, Kind, StepContext
from flow_engine.engine.kinds.undone import NOTHING, SOME, nothing_to_undo, undone
from flow_engine.engine.outcomes import Done
from flow_engine.engine.outside import unchanged
from flow_engine.engine.standard_fields import STANDARD_FIELDS

# Whatever begins with an underscore (tags, assignments, likes) is refused as well. The host refuses more:
# DocTypes a flow may not touch, and fields above the user's permission level.
NEVER_WRITTEN = STANDARD_FIELDS | {"amended_from", "naming_series", "workflow_state"}
MAX_KEPT_CHARACTERS = 5_000


def update(ctx: StepContext) -> Done:
	"""Write the fields. Raises GuardRefused, BadTemplate, DocumentNotFound and what the port raises."""
	doctype = str(ctx.payload.get("doctype") or "").strip()
	values = ctx.payload.get("fields_json")
	if not isinstance(values, Mapping):
		raise BadTemplate("The fields are not a JSON object.")
	refused = refusals(values)
	if refused:
		raise GuardRefused(refused[0])
	name = str(ctx.payload.get("docname_ref") or "").strip() or _default_name(ctx, doctype)
	if not name:
		raise DocumentNotFound(f"The step does not say which {doctype} to update.")
	before, after = ctx.documents.exchange(doctype, name, dict(values))
	result = {"doctype": doctype, "name": name, "fields": sorted(values)}
	return Done(result, ((doctype, name, "updated"),), _kept(values, before, after))


def _kept(
	values: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
	"""What the fields held and hold now, as far as whoever acts may read it. Rows have names that cannot be
	given again, and a text as long as a book is not kept twice."""
	fields = [field for field in values if field in after and _is_kept(before.get(field), after[field])]
	return {
		"before": {field: before.get(field) for field in fields},
		"after": {field: after[field] for field in fields},
	}


def _is_kept(*values: Any) -> bool:
	return all(
		not isinstance(value, list | Mapping) and len(str(value)) <= MAX_KEPT_CHARACTERS for value in values
	)


def restore(ctx: StepContext, done: DoneStep) -> Done:
	"""Put back what the fields held, but only where nobody has changed them since."""
	fields = done.result.get("fields") or []
	doctype, name = done.result.get("doctype"), done.result.get("name")
	before = dict((done.kept or {}).get("before") or {})
	after = (done.kept or {}).get("after") or {}
	if not (doctype and name and before):
		return nothing_to_undo(done.result, "What the fields held before is not kept.")
	try:
		found, _now = ctx.documents.exchange(doctype, name, before, after)
	except DocumentNotFound:
		return nothing_to_undo(done.result, "The document is gone.")
	restored = sorted(unchanged(before, found, after))
	left = sorted(set(fields) - set(restored))
	more = {"restored": restored, "left": left}
	if not left:
		return undone(doctype, name, **more)
	changed = sorted(set(left) & before.keys())
	why = "These fields have been changed since: " if changed else "What these fields held is not kept: "
	why += ", ".join(changed or left) + "."
	return undone(doctype, name, SOME if restored else NOTHING, why, **more)


def _default_name(ctx: StepContext, doctype: str) -> str | None:
	if doctype == ctx.run.get("context_doctype"):
		return ctx.run.get("context_docname")
	return subject.customer_name(ctx) if doctype == "Customer" else None


def refusals(values: Mapping[str, Any]) -> list[str]:
	"""Why these fields may not be written, one sentence each."""
	if not values:
		return ["The step names no field to update."]
	reasons = []
	for name in values:
		if isinstance(name, str) and not name.strip():
			reasons.append("Choose the field that is to be written.")
		elif not isinstance(name, str) or "{{" in name:
			reasons.append(f"{str(name)[:100]!r} is not the name of a field.")
		elif name in NEVER_WRITTEN or name.startswith("_"):
			reasons.append(f"A flow may not write the field {name[:100]}.")
	return reasons


def check(payload: Mapping[str, Any]) -> list[tuple[str, str, str]]:
	"""The fields are an object with something to write in it, and nothing that Frappe keeps itself."""
	fields = payload.get("fields_json")
	if isinstance(fields, str):
		try:
			fields = json.loads(fields)
		except (ValueError, RecursionError):
			return []  # said already, as bad_json or missing_field
	if fields is None:
		return []
	if not isinstance(fields, Mapping):
		return [("fields_json", "bad_value", "The fields are a JSON object of field names and values.")]
	return [("fields_json", "bad_value", reason) for reason in refusals(fields)]


KIND = Kind(
	name="erp_update",
	label="Update document",
	icon="edit",
	colour="#059669",
	effect=Effect.DATABASE,
	handle=update,
	check=check,
	needs=subject.NEEDS,
	document_field="doctype",
	compensate=restore,
	compensation="Puts back what the fields held, where nobody has changed them since.",
	help="Changes fields of a document with the permissions of the flow's user and the document's own rules.",
	fields=(
		Field(
			"doctype", "DocType", "link", required=True, options=("DocType",), help="The kind of document."
		),
		Field(
			"docname_ref",
			"Document",
			"template",
			help=(
				"Its name, e.g. {{doc.sales_order}}. Empty: the document the flow runs on, or its customer, "
				"when it is of this DocType."
			),
		),
		Field(
			"fields_json",
			"Fields",
			"json",
			required=True,
			help='A JSON object, e.g. {"status": "Resolved", "resolution_details": "{{input.notes}}"}.',
		),
	),
)
