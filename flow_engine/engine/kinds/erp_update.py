"""erp_update: changes fields of one document through the Document API, with all its rules."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flow_engine.engine.errors import BadTemplate, DocumentNotFound, GuardRefused
from flow_engine.engine.kinds import subject
from flow_engine.engine.kinds.base import Effect, Field, Kind, StepContext
from flow_engine.engine.outcomes import Done
from flow_engine.engine.standard_fields import STANDARD_FIELDS

# Whatever begins with an underscore (tags, assignments, likes) is refused as well. The host refuses more:
# DocTypes a flow may not touch, and fields above the user's permission level.
NEVER_WRITTEN = STANDARD_FIELDS | {"amended_from", "naming_series", "workflow_state"}


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
	ctx.documents.update(doctype, name, dict(values))
	result = {"doctype": doctype, "name": name, "fields": sorted(values)}
	return Done(result, ((doctype, name, "updated"),))


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
		if not isinstance(name, str) or not name.strip() or "{{" in name:
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
