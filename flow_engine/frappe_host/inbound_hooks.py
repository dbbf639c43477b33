"""Inbound hooks on a site: the Document API in front, secrets where the site keeps passwords."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import frappe
from frappe.utils import get_url
from frappe.utils.password import get_decrypted_password, set_encrypted_password

from flow_engine.engine.errors import NameTaken, NotAllowed, SaveConflict, TemplateNotFound
from flow_engine.engine.inbound import HookNotFound
from flow_engine.frappe_host.refusals import Refused
from flow_engine.service.inbound_hooks import (
	FIELDS,
	audit,
	audit_change,
	hook_values,
	replace_secret,
)
from flow_engine.service.webhooks import new_secret, secrets_in_use
from flow_engine.store.dialect import Dialect
from flow_engine.store.inbound import DOCTYPE

PATH = "/api/method/flow_engine.api.hooks.receive"
_OWN_FIELDS = ("previous_secret", "previous_secret_until")


class SiteHookRecords:
	"""`service.inbound_hooks.HookRecords` on a site."""

	def __init__(self, database: Dialect):
		self.database = database

	def insert(self, values: Mapping[str, Any]) -> str:
		doc = frappe.get_doc({"doctype": DOCTYPE, **values})
		doc.flags.flow_by_api = True
		with _as_flow_errors(str(values.get("hook_name") or "")):
			doc.insert()
		return str(doc.name)

	def update(self, name: str, values: Mapping[str, Any], modified: str | None = None) -> None:
		with _as_flow_errors(name):
			doc = frappe.get_doc(DOCTYPE, name, for_update=True)
			if modified and str(doc.modified) != modified:
				raise SaveConflict()
			doc.update(dict(values))
			doc.save()

	def delete(self, name: str) -> None:
		with _as_flow_errors(name):
			frappe.delete_doc(DOCTYPE, name)

	def secrets(self, name: str) -> Sequence[str]:
		until = frappe.db.get_value(DOCTYPE, name, "previous_secret_until")
		current = get_decrypted_password(DOCTYPE, name, "secret", raise_exception=False) or ""
		previous = until and get_decrypted_password(DOCTYPE, name, "previous_secret", raise_exception=False)
		return secrets_in_use(current, previous, self.database.from_site(until), self.database.now())

	def put_secret(self, name: str, secret: str, overlap_until: datetime | None) -> None:
		former = get_decrypted_password(DOCTYPE, name, "secret", raise_exception=False)
		kept = bool(former and overlap_until)
		if kept:
			set_encrypted_password(DOCTYPE, name, former, "previous_secret")
		set_encrypted_password(DOCTYPE, name, secret, "secret")
		frappe.db.set_value(
			DOCTYPE,
			name,
			{
				"secret": "*" * 8,
				"previous_secret": "*" * 8 if kept else None,
				"previous_secret_until": self.database.site_text(overlap_until) if kept else None,
			},
		)
		frappe.clear_document_cache(DOCTYPE, name)

	def url(self, name: str) -> str:
		return get_url(f"{PATH}?hook={name}")


# --- what the controller calls ------------------------------------------------------------------------------


def prepare_hook(doc) -> None:
	"""Before a save: check what people filled in, keep what the engine wrote, make a secret where none was
	given. Raises InvalidHook, TemplateNotFound."""
	before = doc.get_doc_before_save()
	for field in _OWN_FIELDS:
		doc.set(field, before.get(field) if before else None)
	given = doc.secret if doc.secret and not doc.is_dummy_password(doc.secret) else None
	doc.update(hook_values({**{field: doc.get(field) for field in FIELDS}, "secret": given}))
	if (before is None or before.flow_template != doc.flow_template) and not frappe.db.exists(
		"Flow Template", doc.flow_template
	):
		raise TemplateNotFound(f"There is no flow template {doc.flow_template!r}.")
	if before is None and not given:
		doc.secret = new_secret()
		doc.flags.shown_secret = doc.secret
	if before is not None and given:
		# As by its own door: the former one is good too for a while.
		doc.flags.new_secret = given
		doc.secret = before.secret


def after_save(doc) -> None:
	from flow_engine.frappe_host.host import get_host

	host, before = get_host(), doc.get_doc_before_save()
	audit_change(host, before.as_dict() if before else None, doc.as_dict())
	if doc.flags.new_secret:
		replace_secret(host, doc.name, doc.flags.new_secret)
		doc.flags.new_secret = None


def after_delete(doc) -> None:
	from flow_engine.frappe_host.host import get_host

	audit(get_host(), "hook.deleted", doc.as_dict())


class _as_flow_errors:
	"""The Document API's errors as the engine's own, for callers that are not the desk."""

	def __init__(self, name: str):
		self.name = name

	def __enter__(self) -> None:
		return None

	def __exit__(self, kind, error, traceback) -> bool:
		told = self._told(error)
		if told is None:
			return False
		frappe.clear_messages()
		raise told from None

	def _told(self, error: Any) -> Exception | None:
		if isinstance(error, Refused):
			return error.flow_error
		if isinstance(error, frappe.DuplicateEntryError | frappe.UniqueValidationError):
			return NameTaken(f"There is an inbound hook named {self.name!r} already.")
		if isinstance(error, frappe.DoesNotExistError):
			return HookNotFound(f"There is no inbound hook {self.name!r}.")
		if isinstance(error, frappe.TimestampMismatchError):
			return SaveConflict()
		return NotAllowed() if isinstance(error, frappe.PermissionError) else None
