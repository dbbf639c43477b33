"""What the definition says about its template: text as stored, problems, and the columns projected from it.

The definition is the one truth. Both hosts call `project` on every write, whatever the door.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from typing import Any

from flow_engine.engine.condition_places import normalise_conditions
from flow_engine.engine.condition_text import Strategy
from flow_engine.engine.definition import as_json, upgrade_definition
from flow_engine.engine.errors import BadInput, InvalidDefinition, TemplateProtected
from flow_engine.engine.validation import has_errors, validate_definition

CATEGORIES = ("residential", "commercial", "incident", "billing", "other")
CONCURRENCY = ("allow", "skip", "replace")
# How often a flow may occur in one chain of flows that start one another, where it does not say itself.
MAX_RECURRENCES = 3
MAX_DIGITS = 6
# What may still change on a system template: whether and how it runs here, never what it does.
SYSTEM_EDITABLE = ("is_active", "run_as", "run_as_triggering_user", "concurrency", "notes", "tags")
PROTECTED = ("template_name", "category", "flow_definition", "is_system", "description", "icon")

EMPTY_DEFINITION: Mapping[str, Any] = {
	"version": 1,
	"trigger": {"event": "manual", "condition": ""},
	"variables": {},
	"steps": [],
}


def definition_text(data: Any) -> str:
	"""A definition as it is stored: readable, keys in the order they were given."""
	return json.dumps(data, indent=1, ensure_ascii=False)


def definition_hash(text: str) -> str:
	"""Of the meaning, not of the spacing."""
	return hashlib.sha256(json.dumps(json.loads(text), sort_keys=True).encode()).hexdigest()[:40]


def project(
	values: Mapping[str, Any],
	kinds: Mapping[str, Any],
	events: Mapping[str, Any],
	before: Mapping[str, Any] | None = None,
	seeding: bool = False,
	context: Collection[str] = (),
	strategy: Strategy = Strategy.STRICT,
) -> dict[str, Any]:
	"""The columns a template gets on this write. Raises BadInput, InvalidDefinition (unreadable),
	TemplateProtected.

	A draft may have problems; `draft_state` says so. Conditions written as text become data, `strategy` says
	what becomes of text that is none.
	"""
	name = str(values.get("template_name") or "").strip()
	if not name:
		raise BadInput("A flow template needs a name.")
	category = values.get("category") or "other"
	if category not in CATEGORIES:
		raise BadInput(f"{category!r} is not a category; choose one of {', '.join(CATEGORIES)}.")
	concurrency = values.get("concurrency") or "allow"
	if concurrency not in CONCURRENCY:
		raise BadInput(f"{concurrency!r} is not a concurrency rule; choose {', '.join(CONCURRENCY)}.")
	recursion_limit = _whole(values.get("recursion_limit"), "recursion_limit") or MAX_RECURRENCES
	failure_limit = _whole(values.get("failure_limit"), "failure_limit")
	data = normalise_conditions(read_definition(values), kinds, strategy)
	text = definition_text(data)
	if before is not None and before.get("is_system") and not seeding:
		_protect(values, before, text)
	problems = validate_definition(data, kinds, events=events, context=context)
	trigger = data.get("trigger") if isinstance(data.get("trigger"), dict) else {}
	event = trigger.get("event") if isinstance(trigger.get("event"), str) else ""
	steps = data.get("steps") if isinstance(data.get("steps"), list) else []
	return {
		"template_name": name,
		"category": category,
		"concurrency": concurrency,
		"recursion_limit": recursion_limit,
		"failure_limit": "" if failure_limit is None else str(failure_limit),
		"paused_reason": "" if values.get("is_active") else values.get("paused_reason") or "",
		"flow_definition": text,
		"trigger_event": event or "manual",
		"applies_to": _applies_to(trigger, events.get(event), values),
		"trigger_condition": _condition_text(trigger.get("condition")),
		"step_count": len(steps),
		"version": int((before or {}).get("version") or 0) + 1,
		"draft_state": draft_state(text, (before or {}).get("published_hash"), problems),
	}


def _whole(value: Any, name: str) -> int | None:
	"""A whole number that is not negative; None when nothing is given. Raises BadInput."""
	if value is None or str(value).strip() == "":
		return None
	text = str(value).strip()
	if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS):
		raise BadInput(f"`{name}` must be a whole number, 0 or more.")
	return int(text)


def draft_state(text: str, published_hash: str | None, problems: Collection[Any]) -> str:
	"""How the draft stands to what is published."""
	if published_hash and definition_hash(text) == published_hash:
		return "published"
	if has_errors(problems):
		return "invalid"
	return "changed" if published_hash else ""


def read_definition(values: Mapping[str, Any]) -> dict[str, Any]:
	"""The definition among a template's values; made from `trigger_event` and friends where there is none
	yet."""
	raw = values.get("flow_definition")
	if raw is None or raw == "":
		data = json.loads(json.dumps(EMPTY_DEFINITION))
		if values.get("trigger_event"):
			data["trigger"]["event"] = values["trigger_event"]
		if values.get("trigger_condition"):
			data["trigger"]["condition"] = values["trigger_condition"]
		if values.get("applies_to") and data["trigger"]["event"] in ("manual", "doc_event"):
			data["trigger"]["doctype"] = values["applies_to"]
		return data
	return upgrade_definition(as_json(raw))


def check_publishable(text: Any, kinds: Mapping[str, Any], events: Mapping[str, Any]) -> dict[str, Any]:
	"""The definition's data, if it may be published. Raises InvalidDefinition with every problem."""
	data = upgrade_definition(as_json(text))
	problems = validate_definition(data, kinds, events=events)
	if has_errors(problems):
		errors = [p for p in problems if p.severity == "error"]
		first = errors[0]
		raise InvalidDefinition(
			f"The flow has {len(errors)} problem{'s' if len(errors) > 1 else ''}; the first: "
			f"{first.path}: {first.message}",
			problems=problems,
		)
	return data


def _protect(values: Mapping[str, Any], before: Mapping[str, Any], text: str) -> None:
	for field in PROTECTED:
		if field == "flow_definition":
			changed = definition_hash(text) != definition_hash(definition_text(read_definition(before)))
		elif field not in values:
			continue
		else:
			changed = (values.get(field) or "") != (before.get(field) or "")
		if changed:
			raise TemplateProtected(
				f"{before.get('template_name')} is a system template: its {field.replace('_', ' ')} cannot "
				"be "
				"changed. Duplicate it and change the copy.",
				field=field,
			)


def _applies_to(trigger: Mapping[str, Any], event: Any, values: Mapping[str, Any]) -> str | None:
	doctype = trigger.get("doctype")
	if isinstance(doctype, str) and doctype:
		return doctype
	return getattr(event, "doctype", None)


def _condition_text(condition: Any) -> str:
	if condition in (None, "", {}):
		return ""
	return condition if isinstance(condition, str) else json.dumps(condition, ensure_ascii=False)
