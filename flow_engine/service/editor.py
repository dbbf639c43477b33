"""What the editor asks about documents: which DocTypes there are, their fields, and one to look at.

Decides the shape of the answers, the same on every host; what a host knows about a DocType comes through
`DocumentTypes`, permissions included.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from flow_engine.engine.condition_checks import condition_problems
from flow_engine.engine.condition_places import normalise_condition, place_of_step, place_of_trigger
from flow_engine.engine.condition_text import MAX_TEXT, Strategy
from flow_engine.engine.errors import BadInput, DocumentNotFound, PermissionDenied
from flow_engine.engine.party import customer_of
from flow_engine.engine.ports import Host
from flow_engine.service import arguments as read

MAX_FOUND = 50


class DocumentTypes(Protocol):
	"""What a host knows about kinds of documents, as the caller may know it. Raises UnknownDocType,
	PermissionDenied."""

	def fields(self, doctype: str) -> dict[str, Any]:
		"""`{doctype, label, fields: [{name, label, type, options, link, reqd, children}]}`. type: the
		framework's field types; options: the choices of a Select; link: the DocType that the value names;
		children: the fields of a table's rows, in the same shape."""
		...

	def search(self, doctype: str, text: str, limit: int) -> list[dict[str, str]]:
		"""`{name, label}` of documents that match, best first."""
		...

	def doctypes(self, text: str, limit: int) -> list[dict[str, str]]:
		"""`{name, label}` of DocTypes that flows may be about, by name or label."""
		...


def fields(types: DocumentTypes, doctype: Any) -> dict[str, Any]:
	return types.fields(read.needed(doctype, "doctype"))


def search(types: DocumentTypes, doctype: Any, text: Any = None, limit: Any = None) -> dict[str, Any]:
	found = types.search(
		read.needed(doctype, "doctype"),
		read.text(text, "text") or "",
		read.whole_number(limit, "limit", 20, 1, MAX_FOUND),
	)
	return {"documents": found}


def doctypes(types: DocumentTypes, text: Any = None, limit: Any = None) -> dict[str, Any]:
	wanted = read.text(text, "text") or ""
	return {"doctypes": types.doctypes(wanted, read.whole_number(limit, "limit", MAX_FOUND, 1, 500))}


def sample(host: Host, doctype: Any, docname: Any) -> dict[str, Any]:
	"""`{doc, customer}`: a document as the caller may see it, and the customer a run about it would be for.

	The customer is None where the document names none, or one that the caller may not see.
	"""
	doctype, docname = read.needed(doctype, "doctype"), read.needed(docname, "docname")
	doc = host.documents.get(doctype, docname)
	name = customer_of(doctype, doc)
	try:
		if doctype == "Customer":
			customer: Any = doc
		else:
			customer = host.documents.get("Customer", name) if name else None
	except (DocumentNotFound, PermissionDenied):
		customer = None
	return {"doc": doc, "customer": customer}


def condition(strategy: Strategy, text: Any, definition: Any = None, step_id: Any = None) -> dict[str, Any]:
	"""A condition written on a line, read as saving it there would: `{condition, problems: [{path, code,
	message}]}`, the condition None where there are problems. definition: the flow it stands in; step_id: the
	step, the flow's trigger without one. Raises BadInput."""
	text = read.needed(text, "text")
	if len(text) > MAX_TEXT:
		raise BadInput(f"`text` has at most {MAX_TEXT} characters.")
	data = read.json_object(definition, "definition")
	step_id = read.text(step_id, "step_id")
	listed = data.get("steps")
	steps = {
		step["id"]: step
		for step in (listed if isinstance(listed, list) else ())
		if isinstance(step, Mapping) and isinstance(step.get("id"), str)
	}
	trigger = data.get("trigger")
	if step_id is not None:
		place = place_of_step(steps.get(step_id, {}), steps)
	else:
		place = place_of_trigger(trigger if isinstance(trigger, Mapping) else {})
	made = normalise_condition(text, place, strategy)
	problems = [
		{"path": path, "code": code, "message": message} for path, code, message in condition_problems(made)
	]
	return {"condition": None if problems else made, "problems": problems}
