"""Two versions of a flow beside each other, in the reader's words: labels instead of ids, one line for each
difference, and as data for whoever draws it.

Decides the words; what differs is decided by `engine/diff.py`. `say` puts an English text into the reader's
language; values that operators wrote stay as they are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from flow_engine.engine.definition import as_json
from flow_engine.engine.diff import DEFAULTS, Change, FieldChange, How, Place, What, compare, merged, steps_of
from flow_engine.engine.errors import InvalidDefinition
from flow_engine.service import arguments as read
from flow_engine.service import vocabulary as words
from flow_engine.service.templates import TemplateStore
from flow_engine.service.versions import SETTINGS, settings_of, version_number

Say = Callable[[str], str]
DRAFT = "draft"
LONGEST_VALUE = 200

# What a step says beside its kind's own fields, by path.
_STEP_LABELS: Mapping[tuple[str, ...], str] = {
	("label",): "Name",
	("kind",): "Kind of step",
	("depends_on",): "Waits for",
	("trigger", "type"): "When",
	("retry", "max_attempts"): "Attempts at most",
	("retry", "backoff_seconds"): "First wait (seconds)",
	("retry", "backoff_rate"): "Each wait times",
	("retry", "max_delay_seconds"): "Longest wait (seconds)",
	("retry", "jitter"): "Waits shortened by chance",
	("timeout_seconds",): "Wait for an answer (seconds)",
	("sla", "warn"): "Warn after",
	("sla", "breach"): "Late after",
	("sla", "calendar"): "Counted in",
	("sla", "from"): "By when",
	("sla", "notify", "user"): "Tell this user",
	("sla", "notify", "role"): "Tell everybody with the role",
	("sla", "escalate", "user"): "When late, ask this user",
	("sla", "escalate", "role"): "When late, ask everybody with the role",
	("sla", "escalate", "keep"): "Besides whoever was asked before, not instead",
	("on_error",): "When it has failed for good",
	("disabled",): "Left out",
	("note",): "Note",
	("compensate",): "When what the run did is undone",
}
_TRIGGER_LABELS: Mapping[tuple[str, ...], str] = {
	("event",): "Event",
	("doctype",): "Document type",
	("doc_event",): "What happens",
	("field",): "Field",
	("from",): "From",
	("to",): "To",
	("condition",): "Condition",
	("on_import",): "Also for documents that are imported",
	("offset_days",): "Days after the date",
	("offset_hours",): "Hours after the date",
	("time",): "Time of day",
	("day_policy",): "On a day off",
	("holiday_list",): "Holiday list",
}
_SETTING_LABELS: Mapping[str, str] = {
	"run_as": "Runs as",
	"run_as_triggering_user": "Also need the permission of whoever triggered it",
	"concurrency": "While a run for the same document is running",
	"recursion_limit": "At most this often in one chain",
}
# What a flow says beside its steps, by key; below it by path, where the editor has a field for it.
_FLOW_LABELS: Mapping[str, str] = {
	"sla": "By when a run has to be done",
	"payload_schema": "What it wants to be given",
	"starters": "Who may start it by hand",
	"compensate": "When a run ends before its time",
}
_OWN_LABELS: Mapping[tuple[str, ...], str] = {
	("starters", "users"): "Only these people",
	("starters", "roles"): "Only these roles",
}
_WHAT_LABELS: Mapping[What, str] = {
	What.TRIGGER: "Trigger",
	What.VARIABLE: "Variable “{0}”",
	What.FLOW: "{0}",
	What.STEP: "Step “{0}”",
	What.SETTING: "{0}",
}
_HOW: Mapping[How, str] = {
	How.ADDED: "{0}: added",
	How.REMOVED: "{0}: removed",
	How.MOVED: "{0}: moved, {1}",
}
SENTENCES = (
	*_WHAT_LABELS.values(),
	*_HOW.values(),
	"{0}: {1} is now {2} (was {3})",
	"{0}: is now {1} (was {2})",
	"nothing",
	"“{0}”",
	"from {0} to {1}",
	"the start",
	"behind “{0}”",
	"under “{0}”",
	"under “{0}”, branch “{1}”",
	"{0}, behind “{1}”",
	"Nothing differs.",
)


def diff(
	store: TemplateStore,
	name: Any,
	before: Any = None,
	after: Any = None,
	definition: Any = None,
	say: Say = str,
) -> dict[str, Any]:
	"""What differs between two versions of a flow, each a number or `draft`: by default from what is
	published to the draft. `definition`: the draft as an editor has it now, instead of the stored one.

	`{before, after: {version, published_on, published_by, note}, changes, lines, counts, merged}`; see
	`describe`. Raises TemplateNotFound, InvalidDefinition (not JSON), BadInput.
	"""
	template = store.get(read.needed(name, "name"))
	draft = template["flow_definition"]
	if definition not in (None, ""):
		draft = read.json_value(definition, "definition")
	published = int(template["published_version"] or 0)
	one = _side(store, template, before or published or DRAFT, draft)
	other = _side(store, template, after or DRAFT, draft)
	settings = _settings(template, one), _settings(template, other)
	told = describe(one["definition"], other["definition"], store.kinds, store.events, say, settings)
	told["before"], told["after"] = (
		{key: side[key] for key in ("version", "published_on", "published_by", "note")}
		for side in (one, other)
	)
	return told


def _side(store: TemplateStore, template: Mapping[str, Any], which: Any, draft: Any) -> dict[str, Any]:
	if which == DRAFT:
		nothing = dict.fromkeys(("version", "published_on", "published_by", "note", "settings"))
		return {**nothing, "definition": readable(draft)}
	number = version_number(which, "version")
	row = store.version(template["name"], number)
	return {
		"version": number,
		"published_on": str(row["published_on"]) if row["published_on"] else None,
		"published_by": row["published_by"],
		"note": row["note"] or None,
		"settings": row,
		"definition": readable(row["definition"]),
	}


def _settings(template: Mapping[str, Any], side: Mapping[str, Any]) -> dict[str, Any]:
	"""A version's settings; for the draft, those that publishing it now would give it."""
	row = side["settings"]
	if row is None:
		row = {key: template[key] for key in SETTINGS}
		# Nobody named: whoever publishes, which is nobody's change yet.
		row["run_as"] = row["run_as"] or template["published_by"]
	return {key: value for key, (value, _now) in settings_of(template, row).items()}


def readable(definition: Any) -> dict[str, Any]:
	"""A definition as text or data → an object to compare. Raises InvalidDefinition."""
	data = as_json("{}" if definition in (None, "") else definition)
	if not isinstance(data, dict):
		problem = {
			"path": "",
			"step": None,
			"code": "bad_value",
			"message": "A flow definition is an object.",
		}
		raise InvalidDefinition("A flow definition is an object.", problems=[problem])
	return data


def describe(
	before: Mapping[str, Any],
	after: Mapping[str, Any],
	kinds: Mapping[str, Any],
	events: Mapping[str, Any],
	say: Say = str,
	settings: tuple[Mapping[str, Any], Mapping[str, Any]] = ({}, {}),
) -> dict[str, Any]:
	"""`{changes: [{what, how, moved, name, label, fields: [{path, label, before, after, before_text,
	after_text}], place: {before, after} | null}], lines: [text], counts: {added, removed, moved, changed},
	merged}`.

	`merged`: the later definition with the removed steps where they stood. `counts`: of steps.
	"""
	changes = compare(before, after, settings)
	telling = _Telling(before, after, kinds, events, say)
	steps = [change for change in changes if change.what is What.STEP]
	counts = {how.value: sum(change.how is how for change in steps) for how in How}
	counts[How.MOVED.value] = sum(change.moved for change in steps)
	lines = [line for change in changes for line in telling.lines(change)]
	return {
		"changes": [telling.as_data(change) for change in changes],
		"lines": lines or [say("Nothing differs.")],
		"counts": counts,
		"merged": merged(before, after),
	}


class _Telling:
	"""The words of one comparison."""

	def __init__(
		self,
		before: Mapping[str, Any],
		after: Mapping[str, Any],
		kinds: Mapping[str, Any],
		events: Mapping[str, Any],
		say: Say,
	):
		self.steps = {**steps_of(before), **steps_of(after)}
		self.kinds, self.events, self.say = kinds, events, say

	def as_data(self, change: Change) -> dict[str, Any]:
		return {
			"what": change.what.value,
			"how": change.how.value,
			"moved": change.moved,
			"name": change.name,
			"label": self.subject(change),
			"fields": [self._field(change, one) for one in change.fields],
			"place": {
				side: self._place(place)
				for side, place in zip(("before", "after"), change.places, strict=True)
			}
			if change.places
			else None,
		}

	def _field(self, change: Change, field: FieldChange) -> dict[str, Any]:
		return {
			"path": list(field.path),
			"label": self.label(change, field.path),
			"before": field.before,
			"after": field.after,
			"before_text": self.value(change, field.path, field.before),
			"after_text": self.value(change, field.path, field.after),
		}

	def lines(self, change: Change) -> Iterator[str]:
		subject = self.subject(change)
		if change.how in (How.ADDED, How.REMOVED) and change.what is not What.SETTING:
			yield self.say(_HOW[change.how]).format(subject)
			return
		if change.places:
			were, are = (self._place(place) for place in change.places)
			way = self.say("from {0} to {1}").format(were, are)
			yield self.say(_HOW[How.MOVED]).format(subject, way)
		for field in change.fields:
			label = self.label(change, field.path)
			old, new = (self.value(change, field.path, value) for value in (field.before, field.after))
			if label:
				yield self.say("{0}: {1} is now {2} (was {3})").format(subject, label, new, old)
			else:
				yield self.say("{0}: is now {1} (was {2})").format(subject, new, old)

	def subject(self, change: Change) -> str:
		name = change.name
		if change.what is What.STEP:
			name = self.step(name)
		elif change.what is What.SETTING:
			name = self.say(_SETTING_LABELS.get(name, name))
		elif change.what is What.FLOW:
			name = self.say(_FLOW_LABELS.get(name) or _title(name))
		return self.say(_WHAT_LABELS[change.what]).format(name)

	def step(self, step_id: str | None) -> str:
		"""A step by its label; by its id where it has none, or is not there."""
		step = self.steps.get(step_id or "") or {}
		label = step.get("label")
		return label if isinstance(label, str) and label else str(step_id or "")

	def label(self, change: Change, path: tuple[str, ...]) -> str:
		"""What the editor calls the field at a path; what is deeper is called by its keys."""
		if not path:
			return ""
		if change.what is What.TRIGGER:
			return self._known(_TRIGGER_LABELS, path)
		if change.what is What.FLOW:
			label = {**_STEP_LABELS, **_OWN_LABELS}.get((change.name, *path))
			return self.say(label) if label else " → ".join(path)
		if change.what is not What.STEP:
			return " → ".join(path)
		if path[0] == "payload" and len(path) > 1:
			return self._in(self._payload_fields(change.name), path[1], path[2:])
		if path[0] == "trigger" and path[1:] != ("type",):
			fields = {field.name: field.label for group in words.TRIGGER_FIELDS.values() for field in group}
			return self._in(fields, path[1], path[2:])
		return self._known(_STEP_LABELS, path)

	def _payload_fields(self, step_id: str) -> dict[str, str]:
		kind = self.kinds.get((self.steps.get(step_id) or {}).get("kind"))
		return {field.name: field.label for field in (kind.fields if kind else ())}

	def _in(self, labels: Mapping[str, str], name: str, deeper: tuple[str, ...]) -> str:
		label = labels.get(name)
		return " → ".join((self.say(label) if label else name, *deeper))

	def _known(self, labels: Mapping[tuple[str, ...], str], path: tuple[str, ...]) -> str:
		return (
			self.say(labels[path]) if path in labels else " → ".join((self.say(_title(path[0])), *path[1:]))
		)

	def value(self, change: Change, path: tuple[str, ...], value: Any) -> str:
		"""A value as people read it, one line, not endless."""
		if value is None and change.what is What.STEP:
			value = DEFAULTS.get(path)
		if value is None or value == "":
			return self.say("nothing")
		found = self._named(change, path, value)
		if found is None:
			if isinstance(value, bool):
				found = self.say("Yes" if value else "No")
			elif isinstance(value, str):
				found = self.say("“{0}”").format(value)
			elif isinstance(value, list) and value and all(isinstance(one, str) for one in value):
				found = ", ".join(self.say("“{0}”").format(one) for one in value)
			else:
				found = json.dumps(value, ensure_ascii=False, default=str)
		found = " ".join(found.split())
		return found if len(found) <= LONGEST_VALUE else found[: LONGEST_VALUE - 1] + "…"

	def _named(self, change: Change, path: tuple[str, ...], value: Any) -> str | None:
		"""The word for a value that is a name of the language or a step's id."""
		if change.what is What.STEP:
			if path == ("depends_on",) and isinstance(value, list):
				quoted = self.say("“{0}”")
				return ", ".join(
					quoted.format(self.step(one if isinstance(one, str) else None)) for one in value
				)
			if not isinstance(value, str):
				return None
			if path == ("kind",) and value in self.kinds:
				return self.say(self.kinds[value].label)
			if path == ("trigger", "type") and value in words.TRIGGER_TYPES:
				return self.say(words.TRIGGER_TYPES[value][0])
			return (
				self.say(words.ON_ERROR[value]) if path == ("on_error",) and value in words.ON_ERROR else None
			)
		if not isinstance(value, str):
			return None
		if change.what is What.TRIGGER and path == ("event",) and value in self.events:
			return self.say(self.events[value].label)
		if change.what is What.TRIGGER and path == ("doc_event",) and value in words.DOC_EVENTS:
			return self.say(words.DOC_EVENTS[value])
		if change.what is What.FLOW and change.name == "compensate" and value in words.COMPENSATE:
			return self.say(words.COMPENSATE[value])
		if change.what is What.SETTING and change.name == "concurrency" and value in words.CONCURRENCY:
			return self.say(words.CONCURRENCY[value])
		return None

	def _place(self, place: Place) -> str:
		if place.parent_id:
			if place.branch:
				branch = self.say(words.BRANCHES.get(place.branch, place.branch))
				at = self.say("under “{0}”, branch “{1}”").format(self.step(place.parent_id), branch)
			else:
				at = self.say("under “{0}”").format(self.step(place.parent_id))
			return self.say("{0}, behind “{1}”").format(at, self.step(place.after)) if place.after else at
		if place.after:
			return self.say("behind “{0}”").format(self.step(place.after))
		return self.say("the start")


def _title(name: str) -> str:
	return name.replace("_", " ").capitalize()
