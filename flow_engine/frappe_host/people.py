"""Whom the engine tells: users by role, enabled ones only, a bounded number, never nobody."""

from __future__ import annotations

from collections.abc import Iterable

import frappe

MANY = 50
MANAGER = "Flow Manager"
SEES_VALUES = frozenset(("Flow Manager", "System Manager"))
LAST_RESORT = "Administrator"


def users_with_role(role: str) -> list[str]:
	"""Enabled users that have the role themselves; Administrator, who has every role, is not meant."""
	has_role, user = frappe.qb.DocType("Has Role"), frappe.qb.DocType("User")
	return (
		frappe.qb.from_(has_role)
		.inner_join(user)
		.on(user.name == has_role.parent)
		.select(user.name)
		.distinct()
		.where(has_role.parenttype == "User")
		.where(has_role.role == role)
		.where(user.enabled == 1)
		.where(user.name.notin(("Administrator", "Guest")))
		.orderby(user.name)
		.limit(MANY)
	).run(pluck=True)


def enabled_users(names: Iterable[str | None]) -> list[str]:
	"""Those of the names that are enabled users, each once, in their order."""
	wanted = [name for name in dict.fromkeys(names) if name and name != "Guest"]
	if not wanted:
		return []
	enabled = set(frappe.get_all("User", {"name": ("in", wanted), "enabled": 1}, pluck="name"))
	return [name for name in wanted if name in enabled][:MANY]


def is_notifications_enabled(user: str) -> bool:
	# Loaded here: most jobs tell nobody anything.
	from frappe.desk.doctype.notification_settings.notification_settings import is_notifications_enabled

	return bool(is_notifications_enabled(user))


def notify_user(
	user: str, kind: str, subject: str, content: str, run: str, link: str, name: str | None = None
) -> None:
	"""One entry under the desk's bell, unless the user has switched those off. Texts are HTML."""
	if not is_notifications_enabled(user):
		return
	entry = frappe.new_doc("Notification Log")
	entry.update(
		{
			"type": kind,
			"for_user": user,
			"from_user": frappe.session.user,
			"subject": subject,
			"email_content": content,
			"document_type": "Flow Run",
			"document_name": run,
			"link": link,
		}
	)
	entry.insert(ignore_permissions=True, set_name=name)
