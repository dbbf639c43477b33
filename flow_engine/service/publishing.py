"""When a flow is published, what exactly, and what follows: the same on both hosts, whatever the door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flow_engine.engine.definition import as_json, upgrade_definition
from flow_engine.engine.errors import BadInput, DraftUnpublished, TemplateRetired
from flow_engine.engine.ports import AuditEvent, Host
from flow_engine.service.definitions import definition_hash, definition_text
from flow_engine.service.schedules import revalidate

KEEP, REPLACE = "keep", "replace"


@dataclass(frozen=True, slots=True)
class Publication:
	"""What is asked to be published. Without `text` the draft; with it an old version's definition, which
	came from `restored_from`. `replace`: the draft becomes what is published."""

	note: str = ""
	text: str | None = None
	restored_from: int | None = None
	replace: bool = False


def publishes(before: Mapping[str, Any] | None, active: bool, asked: bool) -> bool:
	"""Does this save publish? Switching on does where nothing is published yet: the version that people
	trust, and whose user it runs as, stays what it is until somebody publishes. Raises TemplateRetired."""
	switched_on = active and not (before or {}).get("is_active")
	if (before or {}).get("is_retired") and (asked or switched_on):
		raise TemplateRetired()
	return asked or (switched_on and not (before or {}).get("published_version"))


def roll_back(
	template: Mapping[str, Any], old: Mapping[str, Any], number: int, note: str, draft: str | None
) -> Publication:
	"""Publish an old version of a template again. `draft`: what becomes of one with changes that are not
	published; without such changes it follows what is published. Raises DraftUnpublished, BadInput."""
	if draft not in (None, KEEP, REPLACE):
		raise BadInput(f"`draft` must be `{KEEP}` or `{REPLACE}`.")
	# In the language's format of today: what is published is read as such.
	text = definition_text(upgrade_definition(as_json(old["definition"])))
	differs = definition_hash(template["flow_definition"]) not in (
		template["published_hash"],
		definition_hash(text),
	)
	if differs and draft is None:
		raise DraftUnpublished()
	return Publication(note, text, number, replace=draft == REPLACE or not differs)


def after_publish(
	host: Host, template: str, version: int, note: str = "", restored_from: int | None = None
) -> None:
	"""Called once for each published version, in the transaction that wrote it: after its row and the
	template's, so that both can be read. What raises here takes the publication back with it."""
	details = {"version": version}
	if restored_from:
		details["restored_from"] = restored_from
	host.runs.audit(AuditEvent("template.published", flow_template=template, reason=note, details=details))
	revalidate(host, template, version)
