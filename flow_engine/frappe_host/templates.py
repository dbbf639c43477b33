"""Templates on a site: the Document API in front, the shared rules behind every write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import frappe
from frappe.utils import cint, now_datetime

from flow_engine.engine.condition_text import Strategy
from flow_engine.engine.definition import FlowDefinition, parse_definition
from flow_engine.engine.errors import (
	NameTaken,
	NotAllowed,
	SaveConflict,
	TemplateNotFound,
	TemplateNotPublished,
	TemplateProtected,
	TemplateRetired,
)
from flow_engine.engine.ports import Breaker
from flow_engine.frappe_host import pausing
from flow_engine.frappe_host.extensions import context_providers, events, kinds
from flow_engine.frappe_host.refusals import Refused
from flow_engine.frappe_host.versions import FrappeVersions
from flow_engine.service.definitions import MAX_RECURRENCES, check_publishable, definition_hash, project
from flow_engine.service.events import Trigger
from flow_engine.service.publishing import Publication, after_publish, publishes
from flow_engine.service.templates import check_unchanged

_READ = (
	"name",
	"template_name",
	"category",
	"applies_to",
	"icon",
	"description",
	"is_active",
	"is_system",
	"version",
	"trigger_event",
	"trigger_condition",
	"flow_definition",
	"step_count",
	"tags",
	"notes",
	"run_as",
	"run_as_triggering_user",
	"concurrency",
	"recursion_limit",
	"failure_limit",
	"paused_reason",
	"is_retired",
	"retired_reason",
	"retired_on",
	"retired_by",
	"activated_on",
	"published_version",
	"published_hash",
	"published_by",
	"published_on",
	"draft_state",
	"owner",
	"modified",
	"modified_by",
)

# What templates of text see of their flow, as `template`.
_SEEN = ("name", "template_name", "category", "version", "description", "is_active")
_RETIRED = ("is_retired", "retired_reason", "retired_on", "retired_by")


# --- what the controller calls: every door goes through here ------------------------------------------------


def prepare_template(doc) -> None:
	"""Set everything that follows from the definition; decide whether this save publishes. Raises
	FlowError."""
	before = doc.get_doc_before_save()
	old = {field: before.get(field) for field in _READ} if before else None
	if not _is_told(doc, "flow_retiring"):
		# Not the desk's to write: retiring is an act with a reason, and other doors can write any field.
		doc.update({field: before.get(field) if before else None for field in _RETIRED})
	values = {field: doc.get(field) for field in _READ}
	check_run_as(doc, before)
	doc.update(
		project(
			values,
			kinds(),
			events(),
			old,
			seeding=bool(doc.flags.flow_seeding),
			context=tuple(context_providers()),
			strategy=condition_strategy(),
		)
	)
	if doc.is_active and not (before and before.is_active):
		doc.activated_on = now_datetime()
	publication = doc.flags.flow_publication
	asked = bool(doc.flags.flow_publish or publication)
	doc.flags.update({"flow_publish": None, "flow_publication": None, "flow_published": None})
	if publishes(old, bool(doc.is_active), asked):
		_announce(doc, publication or Publication())


def _announce(doc, publication: Publication) -> None:
	"""The template's half of a publication. Raises InvalidDefinition, NotAllowed."""
	text = publication.text or doc.flow_definition
	data = check_publishable(text, kinds(), events())
	publisher = frappe.session.user
	check_writes(data, doc.run_as or publisher)
	doc.published_version = doc.version
	doc.published_hash = definition_hash(text)
	doc.published_by = publisher
	doc.published_on = now_datetime()
	if definition_hash(doc.flow_definition) == doc.published_hash:
		doc.draft_state = "published"
	elif doc.draft_state != "invalid":
		doc.draft_state = "changed"
	doc.flags.flow_published = replace(publication, text=text)


def _is_told(doc, flag: str) -> bool:
	return doc.flags.get(flag) is not None


def write_version(doc) -> None:
	"""After the template's row is written: the immutable version that `prepare_template` announced, and what
	follows from it."""
	from flow_engine.frappe_host.host import get_host

	publication = doc.flags.flow_published
	if not publication:
		return
	doc.flags.flow_published = None
	frappe.get_doc(
		{
			"doctype": "Flow Template Version",
			"flow_template": doc.name,
			"version": doc.published_version,
			"definition": publication.text,
			"published_by": doc.published_by,
			"published_on": doc.published_on,
			"run_as": doc.run_as or doc.published_by,
			"run_as_triggering_user": doc.run_as_triggering_user,
			"concurrency": doc.concurrency,
			"recursion_limit": doc.recursion_limit,
			"change_note": publication.note,
			"restored_from": publication.restored_from,
		}
	).insert(ignore_permissions=True)
	after_publish(get_host(), doc.name, doc.published_version, publication.note, publication.restored_from)


def protect_system_template(doc) -> None:
	"""A system template is not deleted; what may change on it is `project`'s business. Raises
	TemplateProtected."""
	before = doc.get_doc_before_save()
	if doc.flags.flow_seeding:
		return
	if doc.flags.in_delete and doc.is_system:
		raise TemplateProtected()
	if bool(doc.is_system) != bool(before and before.is_system):
		raise TemplateProtected("Only seeding makes or unmakes a system template.")


def check_run_as(doc, before) -> None:
	"""Naming another user needs System Manager; Administrator and Guest are nobody to name. Raises
	NotAllowed."""
	named = doc.run_as
	if not named or (before and before.run_as == named):
		return
	if named in ("Administrator", "Guest"):
		raise NotAllowed(f"A flow cannot be told to run as {named}.")
	if named != frappe.session.user and "System Manager" not in frappe.get_roles():
		raise NotAllowed("Only a System Manager may name another user for a flow to run as.")
	if not frappe.db.get_value("User", named, "enabled"):
		raise NotAllowed(f"{named} is disabled and cannot run a flow.")


def check_writes(data: Mapping[str, Any], user: str) -> None:
	"""Whoever a flow runs as must be able to write what it writes. Raises NotAllowed, naming everything
	missing."""
	missing = []
	for step in data.get("steps") or ():
		kind = kinds().get(step["kind"])
		wanted = [(doctype, "create") for doctype in (kind.writes if kind else ())]
		target = (step.get("payload") or {}).get("doctype")
		if step["kind"] == "erp_update" and isinstance(target, str) and "{{" not in target:
			wanted = [(target, "write")]
		for doctype, permission in wanted:
			if not frappe.db.exists("DocType", doctype):
				missing.append(f"{step.get('label') or step['id']}: there is no DocType {doctype}")
			elif not frappe.has_permission(doctype, permission, user=user):
				missing.append(f"{step.get('label') or step['id']}: {user} may not {permission} {doctype}")
	if missing:
		raise NotAllowed("The flow cannot be published. " + "; ".join(dict.fromkeys(missing)) + ".")


def condition_strategy() -> Strategy:
	"""What this site makes of a condition written as text that is none."""
	chosen = frappe.db.get_single_value("Flow Engine Settings", "condition_strategy")
	return Strategy.COMPATIBLE if chosen == "Compatible" else Strategy.STRICT


# --- the store ----------------------------------------------------------------------------------------------


class FrappeTemplates(FrappeVersions):
	"""`TemplateStore` and `ports.Definitions` on a site. Permissions are the Document API's."""

	def __init__(self, registry: Mapping[str, Any]):
		self.kinds = registry

	@property
	def context(self) -> tuple[str, ...]:
		return tuple(context_providers())

	@property
	def condition_strategy(self) -> Strategy:
		return condition_strategy()

	@property
	def events(self) -> Mapping[str, Any]:
		return events()

	def get(self, name: str) -> dict[str, Any]:
		doc = self._doc(name)
		doc.check_permission("read")
		return {field: doc.get(field) for field in _READ}

	def name_of(self, name: str) -> str:
		"""The id of a template given by id or by name; says nothing else about it. Raises
		TemplateNotFound."""
		return str(self._doc(name).name)

	def find(self, filters: Mapping[str, Any]) -> list[dict[str, Any]]:
		wanted = {key: value for key, value in filters.items() if key in _READ}
		return frappe.get_list(
			"Flow Template",
			filters=wanted,
			fields=list(_READ),
			order_by="category, template_name",
			limit_page_length=0,
		)

	def insert(self, values: Mapping[str, Any], seeding: bool = False) -> dict[str, Any]:
		doc = frappe.get_doc({"doctype": "Flow Template", **values})
		return self._save(doc, seeding)

	def update(
		self,
		name: str,
		values: Mapping[str, Any],
		seeding: bool = False,
		modified: str | None = None,
		publish: bool = False,
	) -> dict[str, Any]:
		doc = self._doc(name, lock=bool(modified))
		check_unchanged(doc.modified, modified)
		doc.update(dict(values))
		doc.flags.flow_publish = publish
		return self._save(doc, seeding)

	def delete(self, name: str) -> None:
		doc = self._doc(name)
		with _as_flow_errors():
			frappe.delete_doc("Flow Template", doc.name)

	def _save(self, doc, seeding: bool = False) -> dict[str, Any]:
		doc.flags.flow_seeding = seeding
		with _as_flow_errors():
			doc.save()
		return {field: doc.get(field) for field in _READ}

	def _doc(self, name: str, lock: bool = False):
		if not frappe.db.exists("Flow Template", name):
			named = frappe.get_all("Flow Template", {"template_name": name}, pluck="name", limit=2)
			if len(named) != 1:
				raise TemplateNotFound(f"There is no flow template {name!r}.", name=name)
			name = named[0]
		return frappe.get_doc("Flow Template", name, for_update=True if lock else None)

	# --- ports.Definitions ----------------------------------------------------------------------------------

	def load(self, template: str, version: int) -> FlowDefinition:
		return _load(frappe.local.site, template, version)

	def template(self, template: str) -> Mapping[str, Any]:
		row = frappe.db.get_value(
			"Flow Template",
			template,
			[*_SEEN, "is_retired", "published_version"],
			as_dict=True,
		)
		if not row:
			raise TemplateNotFound(f"There is no flow template {template!r}.", name=template)
		return row

	def breaker(self, template: str) -> Breaker:
		return pausing.breaker_of(template)

	def pause(self, template: str, reason: str) -> bool:
		return pausing.pause(template, reason)

	# --- matching -------------------------------------------------------------------------------------------

	def trigger_of(self, name: str) -> Trigger:
		"""The published trigger of a template. Raises TemplateNotFound, TemplateNotPublished,
		TemplateRetired."""
		doc = self._doc(name)
		if doc.is_retired:
			raise TemplateRetired()
		if not doc.published_version:
			raise TemplateNotPublished()
		return _trigger(doc, doc.published_version)

	def active_triggers(self) -> list[Trigger]:
		return active_triggers()


@lru_cache(maxsize=1000)
def _load(site: str, template: str, version: int) -> FlowDefinition:
	"""Published definitions never change and names are never used twice, so a process may keep them."""
	text = frappe.db.get_value(
		"Flow Template Version", {"flow_template": template, "version": version}, "definition"
	)
	if text is None:
		raise TemplateNotFound(f"There is no version {version} of {template}.")
	return parse_definition(text)


def published_by(template: str, version: int) -> str | None:
	"""Who published a version."""
	return _published_by(frappe.local.site, template, version)


@lru_cache(maxsize=1000)
def _published_by(site: str, template: str, version: int) -> str | None:
	return frappe.db.get_value(
		"Flow Template Version", {"flow_template": template, "version": version}, "published_by"
	)


def active_triggers() -> list[Trigger]:
	"""The published triggers of all active templates, read from the database."""
	rows = frappe.get_all(
		"Flow Template",
		{"is_active": 1, "published_version": (">", 0)},
		["name", "template_name", "published_version"],
		order_by="name",
	)
	triggers = []
	for row in rows:
		try:
			triggers.append(_trigger(row, row.published_version))
		except Exception:
			# One unreadable version must not silence every other flow.
			frappe.log_error(title=f"Flow Engine: {row.name} cannot be read, so it starts nothing")
	return triggers


def _trigger(row, version: int) -> Trigger:
	definition = _load(frappe.local.site, row.name, int(version))
	published = frappe.db.get_value(
		"Flow Template Version",
		{"flow_template": row.name, "version": version},
		["run_as", "run_as_triggering_user", "concurrency", "recursion_limit"],
		as_dict=True,
	)
	flow = definition.trigger
	return Trigger(
		template=row.name,
		version=int(version),
		event=flow.event,
		title=row.template_name,
		condition=flow.condition,
		doctype=flow.doctype,
		doc_event=flow.doc_event,
		field=flow.field,
		from_=flow.from_,
		to=flow.to,
		on_import=flow.on_import,
		date=dict(flow.date),
		run_as=published.run_as,
		with_triggering_user=bool(published.run_as_triggering_user),
		concurrency=published.concurrency or "allow",
		recursion_limit=cint(published.recursion_limit) or MAX_RECURRENCES,
		starters=definition.starters,
		variables=dict(definition.values_before),
	)


class _as_flow_errors:
	"""The Document API's errors as the engine's own, for callers that are not the desk."""

	def __enter__(self) -> None:
		return None

	def __exit__(self, kind, error, traceback) -> bool:
		if isinstance(error, Refused):
			frappe.clear_messages()
			raise error.flow_error from None
		if isinstance(error, frappe.UniqueValidationError | frappe.DuplicateEntryError):
			frappe.clear_messages()
			raise NameTaken() from None
		if isinstance(error, frappe.TimestampMismatchError):
			frappe.clear_messages()
			raise SaveConflict() from None
		if isinstance(error, frappe.PermissionError):
			frappe.clear_messages()
			raise NotAllowed() from None
		return False
