"""What the editor may offer, as data: kinds with their fields, events, trigger types, operators, filters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flow_engine.engine.definition import TRIGGER_FIELDS, OnError
from flow_engine.engine.filters import FILTERS
from flow_engine.engine.predicates import PREDICATES
from flow_engine.service.definitions import CATEGORIES, CONCURRENCY

DOC_EVENTS = {
	"after_insert": "is created",
	"on_update": "is saved",
	"on_submit": "is submitted",
	"on_update_after_submit": "is changed after it was submitted",
	"on_cancel": "is cancelled",
	"on_trash": "is deleted",
	"field_change": "has a field changed",
	"workflow_transition": "moves in its workflow",
}


def catalog(kinds: Mapping[str, Any], events: Mapping[str, Any]) -> dict[str, Any]:
	"""Everything a front end needs to draw the editor; nothing is kept in sync by hand."""
	return {
		"kinds": [kind.as_dict() for kind in kinds.values()],
		"events": [event.as_dict() for event in events.values()],
		"doc_events": [{"name": name, "label": label} for name, label in DOC_EVENTS.items()],
		"trigger_types": [
			{"name": str(name), "fields": list(fields)} for name, fields in TRIGGER_FIELDS.items()
		],
		"operators": list(PREDICATES),
		"filters": list(FILTERS),
		"on_error": [item.value for item in OnError],
		"categories": list(CATEGORIES),
		"concurrency": list(CONCURRENCY),
	}
