"""Webhook endpoints on a site: the Document API in front, secrets where the site keeps passwords."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import frappe
from frappe import _
from frappe.utils import escape_html, get_url_to_form
from frappe.utils.password import get_decrypted_password, set_encrypted_password

from flow_engine.engine.errors import (
	NameTaken,
	NotAllowed,
	SaveConflict,
	WebhookEndpointNotFound,
)
from flow_engine.engine.ports import AuditEvent
from flow_engine.engine.webhooks import DOCTYPE, read_patterns
from flow_engine.frappe_host.apart import do_apart
from flow_engine.frappe_host.emails import send_email
from flow_engine.frappe_host.people import (
	LAST_RESORT,
	MANAGER,
	MANY,
	enabled_users,
	is_notifications_enabled,
	users_with_role,
)
from flow_engine.frappe_host.refusals import Refused
from flow_engine.frappe_host.signing_key import replace_key
from flow_engine.service.language import said_again
from flow_engine.service.webhooks import check_endpoint, new_secret, secrets_in_use
from flow_engine.store.dialect import Dialect

# What the engine writes: whoever saves a form leaves it alone.
OWN_FIELDS = (
	"paused_at",
	"paused_reason",
	"failing_since",
	"failed_attempts",
	"given_up",
	"previous_secret",
	"previous_secret_until",
)
_TOLD = ("url", "events", "flow_template", "enabled")


class SiteEndpointStore:
	"""`service.endpoint_health.EndpointStore` on a site."""

	def __init__(self, database: Dialect):
		self.database = database

	def insert(self, values: Mapping[str, Any]) -> str:
		doc = frappe.get_doc({"doctype": DOCTYPE, **values})
		with _as_flow_errors(str(values.get("endpoint_name") or "")):
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
			frappe.delete_doc(DOCTYPE, name, ignore_missing=False)

	def changed(self) -> None:
		from flow_engine.frappe_host.trigger_cache import forget_triggers

		forget_triggers()

	def secrets(self, name: str) -> Sequence[str]:
		until = frappe.db.get_value(DOCTYPE, name, "previous_secret_until")
		current = get_decrypted_password(DOCTYPE, name, "secret", raise_exception=False) or ""
		previous = until and get_decrypted_password(DOCTYPE, name, "previous_secret", raise_exception=False)
		return secrets_in_use(current, previous, self.database.from_site(until), self.database.now())

	def put_secret(self, name: str, secret: str, overlap_until: datetime | None) -> None:
		former = get_decrypted_password(DOCTYPE, name, "secret", raise_exception=False)
		if former and overlap_until:
			set_encrypted_password(DOCTYPE, name, former, "previous_secret")
		set_encrypted_password(DOCTYPE, name, secret, "secret")
		frappe.db.set_value(
			DOCTYPE,
			name,
			{
				"secret": "*" * 8,
				"previous_secret": "*" * 8 if former and overlap_until else None,
				"previous_secret_until": self.database.site_text(overlap_until) if former else None,
			},
		)
		frappe.clear_document_cache(DOCTYPE, name)

	def replace_signing_key(self, overlap_until: datetime | None) -> None:
		replace_key(self.database.site_text(overlap_until))

	def tell_paused(self, name: str, owner: str | None, reason: str) -> None:
		people = enabled_users([owner, *users_with_role(MANAGER)])[:MANY] or [LAST_RESORT]
		for user in people:
			do_apart(lambda user=user: _notify(user, name, reason), f"Telling {user} about {name}")
		if frappe.db.get_single_value("Flow Engine Settings", "alert_email"):
			do_apart(lambda: _email(people, name, reason), f"Email about {name}")


# --- what the controller calls ------------------------------------------------------------------------------


def prepare_endpoint(doc) -> None:
	"""Before a save: check what people filled in, keep what the engine wrote, make a secret where none was
	given. Raises InvalidWebhookEndpoint."""
	before = doc.get_doc_before_save()
	for field in OWN_FIELDS:
		doc.set(field, before.get(field) if before else None)
	doc.endpoint_name = (doc.endpoint_name or "").strip()
	doc.url = (doc.url or "").strip()
	doc.events = "\n".join(read_patterns(doc.events))
	given = doc.secret if doc.secret and not doc.is_dummy_password(doc.secret) else None
	check_endpoint(
		{**{field: doc.get(field) for field in ("endpoint_name", "url", "events")}, "secret": given}
	)
	if before is None and not given:
		doc.secret = new_secret()
		doc.flags.shown_secret = doc.secret
	if before is not None and given:
		# As by its own door: the former one signs too for a while.
		doc.flags.new_secret = given
		doc.secret = before.secret


def after_save(doc) -> None:
	from flow_engine.frappe_host.host import get_host
	from flow_engine.service.webhooks import replace_secret

	host, before = get_host(), doc.get_doc_before_save()
	changed = [field for field in _TOLD if before and before.get(field) != doc.get(field)]
	if "url" in changed:
		host.endpoints.readdress(doc.name, doc.url)
	if before is None:
		write_event(doc, "webhook.created")
	elif changed:
		write_event(doc, "webhook.changed", fields=changed)
	if doc.flags.new_secret:
		replace_secret(host, doc.name, doc.flags.new_secret)
		doc.flags.new_secret = None
	host.endpoint_store.changed()


def after_delete(doc) -> None:
	from flow_engine.frappe_host.host import get_host

	write_event(doc, "webhook.deleted")
	host = get_host()
	while host.endpoints.drop(doc.name, "Its endpoint is gone."):
		pass
	host.endpoint_store.changed()


def write_event(doc, event: str, **details: Any) -> None:
	from flow_engine.frappe_host.host import get_host

	get_host().runs.audit(
		AuditEvent(event, flow_template=doc.flow_template or None, details={"endpoint": doc.name, **details})
	)


# --- telling people -----------------------------------------------------------------------------------------


def _notify(user: str, name: str, reason: str) -> None:
	if not is_notifications_enabled(user):
		return
	heading = _("The webhook endpoint {0} is paused").format(f"<b>{escape_html(name)}</b>")
	frappe.get_doc(
		{
			"doctype": "Notification Log",
			"type": "Alert",
			"for_user": user,
			"from_user": frappe.session.user,
			"subject": heading,
			"email_content": f"<p>{_in_words(reason)}</p>",
			"document_type": DOCTYPE,
			"document_name": name,
			"link": get_url_to_form(DOCTYPE, name),
		}
	).insert(ignore_permissions=True)


def _email(people: list[str], name: str, reason: str) -> None:
	addresses = frappe.get_all("User", {"name": ("in", people), "email": ("like", "%@%")}, pluck="email")
	if not addresses:
		return
	link, said = escape_html(get_url_to_form(DOCTYPE, name)), _in_words(reason)
	send_email(
		to=addresses,
		subject=_("The webhook endpoint {0} is paused").format(name),
		html=f'<p>{said}</p><p><a href="{link}">{escape_html(name)}</a></p>',
		reference=(DOCTYPE, name),
	)


def _in_words(reason: str) -> str:
	return escape_html(said_again(reason, frappe.local.lang))


class _as_flow_errors:
	"""The Document API's errors as the engine's own, for callers that are not the desk."""

	def __init__(self, name: str):
		self.name = name

	def __enter__(self) -> None:
		return None

	def __exit__(self, kind, error, traceback) -> bool:
		if isinstance(error, Refused):
			frappe.clear_messages()
			raise error.flow_error from None
		if isinstance(error, frappe.DuplicateEntryError | frappe.UniqueValidationError):
			frappe.clear_messages()
			raise NameTaken(f"There is a webhook endpoint named {self.name!r} already.") from None
		if isinstance(error, frappe.DoesNotExistError):
			frappe.clear_messages()
			raise WebhookEndpointNotFound(f"There is no webhook endpoint {self.name!r}.") from None
		if isinstance(error, frappe.TimestampMismatchError):
			frappe.clear_messages()
			raise SaveConflict() from None
		if isinstance(error, frappe.PermissionError):
			frappe.clear_messages()
			raise NotAllowed() from None
		return False
