"""Templates as every door sees them: create, change, duplicate, publish, pause, export, import, seed.

Works on a `TemplateStore`; the store calls `definitions.project` on every write, so no door can go around it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from flow_engine.engine.condition_places import normalise_conditions
from flow_engine.engine.condition_text import Strategy
from flow_engine.engine.definition import as_json
from flow_engine.engine.errors import BadInput, InvalidDefinition, SaveConflict
from flow_engine.engine.validation import Problem, validate_definition
from flow_engine.service.definitions import definition_hash, definition_text, read_definition
from flow_engine.service.template_events import importing

LIBRARY = Path(__file__).parent.parent / "library"
EXPORT_FIELDS = (
	"template_name",
	"category",
	"applies_to",
	"icon",
	"description",
	"tags",
	"notes",
	"concurrency",
)
# How it runs here: copied with a duplicate, left behind by an export.
LOCAL_FIELDS = ("run_as_triggering_user", "recursion_limit", "failure_limit")
WRITABLE = (
	"template_name",
	"category",
	"applies_to",
	"icon",
	"description",
	"is_active",
	"trigger_event",
	"trigger_condition",
	"flow_definition",
	"tags",
	"notes",
	"run_as",
	"run_as_triggering_user",
	"concurrency",
	"recursion_limit",
	"failure_limit",
	"paused_reason",
)


class TemplateStore(Protocol):
	"""Where templates live. Values are the Flow Template's columns; raises TemplateNotFound, NameTaken,
	TemplateProtected, InvalidDefinition, NotAllowed."""

	kinds: Mapping[str, Any]
	events: Mapping[str, Any]
	context: Collection[str]
	condition_strategy: Strategy

	def get(self, name: str) -> dict[str, Any]: ...

	def find(self, filters: Mapping[str, Any]) -> list[dict[str, Any]]: ...

	def insert(self, values: Mapping[str, Any], seeding: bool = False) -> dict[str, Any]: ...

	def update(
		self,
		name: str,
		values: Mapping[str, Any],
		seeding: bool = False,
		modified: str | None = None,
		publish: bool = False,
	) -> dict[str, Any]:
		"""`modified`: what the caller last saw; raises SaveConflict when the template was saved since,
		decided under the lock of the write. `publish`: the draft too; without it only switching on a flow
		that has no published version publishes. Raises TemplateRetired for either."""
		...

	def delete(self, name: str) -> None: ...

	def publish(self, name: str, note: str = "") -> dict[str, Any]: ...

	def roll_back(
		self,
		name: str,
		version: int,
		note: str = "",
		draft: str | None = None,
		modified: str | None = None,
	) -> dict[str, Any]: ...

	def retire(self, name: str, reason: str = "") -> dict[str, Any]: ...

	def bring_back(self, name: str, reason: str = "") -> dict[str, Any]: ...

	def version(self, name: str, version: int) -> dict[str, Any]:
		"""`{definition, note, published_on, published_by, restored_from, run_as, …}` of a published version;
		the definition as text. Raises TemplateNotFound."""
		...

	def versions(self, name: str, limit: int, start: int) -> list[dict[str, Any]]:
		"""The same of many, newest first, without their definitions."""
		...


def list_templates(store: TemplateStore, **filters: Any) -> list[dict[str, Any]]:
	"""Templates that match; definitions are left out."""
	found = store.find({key: value for key, value in filters.items() if value not in (None, "")})
	return [{key: value for key, value in row.items() if key != "flow_definition"} for row in found]


def with_problems(store: TemplateStore, template: Mapping[str, Any]) -> dict[str, Any]:
	"""A template as the doors give it: its definition as data, its problems beside it."""
	data = as_json(template.get("flow_definition") or "{}")
	problems = _problems_of(store, data)
	return {**template, "flow_definition": data, "problems": [problem.as_dict() for problem in problems]}


def create_template(store: TemplateStore, values: Mapping[str, Any]) -> dict[str, Any]:
	return with_problems(store, store.insert(_writable(values)))


def update_template(
	store: TemplateStore,
	name: str,
	values: Mapping[str, Any],
	modified: str | None = None,
	publish: bool = False,
) -> dict[str, Any]:
	"""Change some fields, and publish when asked to. `modified`: what the caller last saw; another's save
	since then is SaveConflict."""
	return with_problems(store, store.update(name, _writable(values), modified=modified, publish=publish))


def check_unchanged(stored: Any, seen: str | None) -> None:
	"""Was the record, whose `modified` is `stored`, last saved when the caller says it was? To the
	microsecond: two people can save within one second. Raises SaveConflict, BadInput."""
	if not seen:
		return
	try:
		last_seen = datetime.fromisoformat(seen)
	except ValueError:
		raise BadInput("`modified` is the time that was read with the template.") from None
	if datetime.fromisoformat(str(stored)) != last_seen:
		raise SaveConflict()


def duplicate_template(
	store: TemplateStore, name: str, new_name: str | None = None, version: int | None = None
) -> dict[str, Any]:
	"""A copy that is inactive, unpublished and nobody's system template: of the draft, or of a version."""
	source = store.get(name)
	values = {key: source.get(key) for key in (*EXPORT_FIELDS, *LOCAL_FIELDS, "flow_definition")}
	if version is not None:
		values["flow_definition"] = store.version(source["name"], version)["definition"]
	values["template_name"] = new_name or _free_name(store, source)
	return with_problems(store, store.insert(values))


def _free_name(store: TemplateStore, source: Mapping[str, Any]) -> str:
	taken = {row["template_name"] for row in store.find({"category": source["category"]})}
	base = f"{source['template_name']} (copy)"
	names = (base, *(f"{source['template_name']} (copy {n})" for n in range(2, 10_000)))
	return next(name for name in names if name not in taken)


def validate(store: TemplateStore, definition: Any) -> list[dict[str, Any]]:
	"""Every problem of a definition that need not be stored anywhere."""
	return [problem.as_dict() for problem in _problems_of(store, definition)]


def _problems_of(store: TemplateStore, definition: Any) -> list[Problem]:
	return validate_definition(
		definition,
		store.kinds,
		events=store.events,
		context=store.context,
		strategy=store.condition_strategy,
	)


def export_template(store: TemplateStore, name: str) -> dict[str, Any]:
	"""What travels between sites: no names, no users, no secrets, no state."""
	source = store.get(name)
	data = {key: source.get(key) for key in EXPORT_FIELDS if source.get(key)}
	data["definition"] = as_json(source["flow_definition"])
	return data


def import_templates(store: TemplateStore, payload: Any) -> list[dict[str, str]]:
	"""Create or update by (category, name) what `export_template` gave, one or a list; inactive until
	published.

	Returns `{template_name, name, outcome: created | updated | unchanged}` each. Raises BadInput,
	InvalidDefinition.
	"""
	entries = payload if isinstance(payload, list) else [payload]
	for entry in entries:
		if not isinstance(entry, Mapping) or not isinstance(entry.get("definition"), Mapping):
			raise BadInput("An exported template is an object with a `definition`.")
	with importing():
		return [_put(store, entry, system=False) for entry in entries]


def library() -> list[dict[str, Any]]:
	"""The flows that ship, in name order."""
	return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(LIBRARY.glob("*.json"))]


def seed(
	store: TemplateStore, entries: Iterable[Mapping[str, Any]] | None = None, language: str = "en"
) -> list[dict[str, str]]:
	"""Put the shipped flows in as system templates, their labels in `language` where they have it (French),
	else in English. Repeating it in the same language changes nothing that is the same already."""
	found = library() if entries is None else entries
	with importing():
		return [_put(store, in_language(entry, language), system=True) for entry in found]


def in_language(entry: Mapping[str, Any], language: str) -> dict[str, Any]:
	"""A library entry with its description, notes and step labels in a language it is translated into. Names
	stay: they are what people and programs call the flow by."""
	words = (entry.get("translations") or {}).get(language.lower().replace("_", "-").split("-")[0])
	if not words:
		return dict(entry)
	labels = words.get("labels") or {}
	definition = dict(entry["definition"])
	definition["steps"] = [
		{**step, "label": labels.get(step["id"], step.get("label"))} for step in definition["steps"]
	]
	texts = {key: words[key] for key in ("description", "notes") if words.get(key)}
	return {**entry, **texts, "definition": definition}


def title_of(entry: Mapping[str, Any], language: str = "en") -> str:
	"""What a library entry is called to people; its name is what programs call it by."""
	words = (entry.get("translations") or {}).get(language.lower().replace("_", "-").split("-")[0]) or {}
	name = str(entry["template_name"]).replace("_", " ").strip()
	return str(words.get("title") or name[:1].upper() + name[1:])


def _put(store: TemplateStore, entry: Mapping[str, Any], system: bool) -> dict[str, str]:
	values = {key: entry[key] for key in EXPORT_FIELDS if entry.get(key)}
	# As it would be stored, so that a condition written as text is no change each time.
	values["flow_definition"] = definition_text(
		normalise_conditions(dict(entry["definition"]), store.kinds, store.condition_strategy)
	)
	values["is_system"] = int(system)
	values.setdefault("category", "other")
	existing = store.find({"template_name": values.get("template_name"), "category": values["category"]})
	if not existing:
		made = store.insert(values, seeding=system)
		return {"template_name": made["template_name"], "name": made["name"], "outcome": "created"}
	current = store.get(existing[0]["name"])
	same_definition = definition_hash(definition_text(read_definition(current))) == definition_hash(
		values["flow_definition"]
	)
	# What the definition decides is compared through it; a projection cannot differ on its own.
	compared = [k for k in values if k not in ("flow_definition", "applies_to")]
	if same_definition and all((current.get(k) or "") == (values[k] or "") for k in compared):
		outcome = "unchanged"
	else:
		store.update(current["name"], values, seeding=system)
		outcome = "updated"
	return {"template_name": current["template_name"], "name": current["name"], "outcome": outcome}


def _writable(values: Mapping[str, Any]) -> dict[str, Any]:
	unknown = sorted(set(values) - set(WRITABLE))
	if unknown:
		raise BadInput(f"{unknown[0]!r} is not a field of a flow template that can be written.")
	values = dict(values)
	if "flow_definition" in values and not isinstance(values["flow_definition"], str):
		if not isinstance(values["flow_definition"], Mapping):
			problem = {
				"path": "",
				"step": None,
				"code": "bad_value",
				"message": "A flow definition is an object.",
			}
			raise InvalidDefinition("A flow definition is an object.", problems=[problem])
		values["flow_definition"] = definition_text(values["flow_definition"])
	return values
