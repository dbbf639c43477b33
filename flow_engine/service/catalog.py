"""What the editor may offer, as data: kinds with their fields, events, trigger types, operators, filters.

Decides the shape of the catalog; the names come from the tables that the engine itself works by, the words
from `vocabulary.py`, and the reader's language from the door.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from flow_engine.engine.definition import MAX_BYTES, MAX_STEPS, Compensate, OnError, TriggerType
from flow_engine.engine.filters import FILTERS
from flow_engine.engine.interventions import MAX_INPUT_BYTES
from flow_engine.engine.predicates import PREDICATES
from flow_engine.engine.retry import DATABASE_POLICY, DEFAULT_TIMEOUT_SECONDS, EXTERNAL_POLICY
from flow_engine.engine.step_checks import MAX_TIMEOUT_SECONDS, RETRY_RANGES
from flow_engine.service import vocabulary as words
from flow_engine.service.definitions import CATEGORIES, CONCURRENCY

DOC_EVENTS = words.DOC_EVENTS
Say = Callable[[str], str]
# What people read in a kind, an event or a field; everything else is a name or data.
_SPOKEN = ("label", "help", "description", "compensation")


def catalog(
	kinds: Mapping[str, Any],
	events: Mapping[str, Any],
	roots: Iterable[str] = (),
	say: Say = str,
	secrets: Iterable[str] = (),
) -> dict[str, Any]:
	"""Everything a front end needs to draw the editor; nothing is kept in sync by hand.

	roots: context roots of other apps. say: a text in the reader's language. secrets: names of those the
	reader may know of; never values.
	"""
	return {
		"kinds": [_spoken(kind.as_dict(), say) for kind in kinds.values()],
		"events": [_spoken(event.as_dict(), say) for event in events.values()],
		"doc_events": _named(words.DOC_EVENTS, words.DOC_EVENTS, say),
		"trigger_types": [_trigger_type(str(name), say) for name in TriggerType],
		"operators": [_operator(name, say) for name in PREDICATES],
		"filters": [
			{"name": name, "label": say(words.FILTERS[name]), "example": found.example or name}
			for name, found in FILTERS.items()
		],
		"on_error": _named([item.value for item in OnError], words.ON_ERROR, say),
		"categories": _named(CATEGORIES, words.CATEGORIES, say),
		"concurrency": _named(CONCURRENCY, words.CONCURRENCY, say),
		"compensate": _named([item.value for item in Compensate], words.COMPENSATE, say),
		"catalogs": _named(words.CATALOGS, words.CATALOGS, say),
		"branch_labels": {name: say(label) for name, label in words.BRANCHES.items()},
		"condition_examples": {
			doctype: [{"label": say(label), "condition": condition} for label, condition in examples]
			for doctype, examples in words.CONDITION_EXAMPLES.items()
		},
		"roots": [{"name": root, "label": say(_title(root))} for root in roots],
		"secrets": list(secrets),
		"limits": {
			"max_steps": MAX_STEPS,
			"max_bytes": MAX_BYTES,
			"max_input_bytes": MAX_INPUT_BYTES,
			"timeout_seconds": {"default": DEFAULT_TIMEOUT_SECONDS, "most": MAX_TIMEOUT_SECONDS},
			"retry": {"database": asdict(DATABASE_POLICY), "external": asdict(EXTERNAL_POLICY)},
			"retry_ranges": {name: list(bounds) for name, bounds in RETRY_RANGES.items()},
		},
	}


def _named(names: Iterable[str], labels: Mapping[str, str], say: Say) -> list[dict[str, str]]:
	return [{"name": name, "label": say(labels[name])} for name in names]


def _trigger_type(name: str, say: Say) -> dict[str, Any]:
	label, text = words.TRIGGER_TYPES[name]
	fields = [_spoken(field.as_dict(), say) for field in words.TRIGGER_FIELDS.get(name, ())]
	return {"name": name, "label": say(label), "help": say(text), "fields": fields}


def _operator(name: str, say: Say) -> dict[str, Any]:
	label, value, types = words.OPERATORS[name]
	return {"name": name, "label": say(label), "value": value, "types": list(types)}


def _title(name: str) -> str:
	return name.replace("_", " ").capitalize()


def _spoken(entry: dict[str, Any], say: Say) -> dict[str, Any]:
	"""The entry with what people read of it, of its fields and results, in their language."""
	told = {key: say(entry[key]) for key in _SPOKEN if entry.get(key)}
	for parts in ("fields", "results"):
		if parts in entry:
			told[parts] = [_spoken(part, say) for part in entry[parts]]
	return {**entry, **told}
