"""A step failed and nothing in the flow handles it: who is told, how, and how often."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import frappe
from frappe import _
from frappe.utils import escape_html, get_url_to_form

from flow_engine.engine.errors import TransientDatabaseError
from flow_engine.frappe_host.apart import do_apart
from flow_engine.frappe_host.database_errors import is_transient
from flow_engine.frappe_host.emails import send_email
from flow_engine.frappe_host.people import (
	LAST_RESORT,
	MANY,
	SEES_VALUES,
	enabled_users,
	notify_user,
	users_with_role,
)

# One failure of a flow that runs for every document is one email, not one per document.
EMAIL_PAUSE_SECONDS = 600
LONGEST_MESSAGE = 2_000


def alert(run: Mapping[str, Any], step_id: str | None, code: str, message: str) -> None:
	"""Told once per run, step and error code; in the current transaction, which it cannot spoil.

	Never raises, but for a transaction that the database has thrown away already.
	"""
	try:
		do_apart(lambda: _alert(run, step_id or "", code, message), f"Alert about {run.get('name')}")
	except Exception as error:
		if isinstance(error, TransientDatabaseError) or is_transient(error):
			raise
		frappe.logger("flow_engine").error(f"No alert: {error}", exc_info=True)


def _alert(run: Mapping[str, Any], step_id: str, code: str, message: str) -> None:
	name = str(run.get("name") or "")
	template = run.get("flow_template") or frappe.db.get_value("Flow Run", name, "flow_template")
	flow = frappe.db.get_value(
		"Flow Template", template, ["name", "template_name", "published_by", "owner"], as_dict=True
	)
	mark = f"flow-alert-{hashlib.sha256(f'{name}|{step_id}|{code}'.encode()).hexdigest()[:24]}"
	settings = frappe.get_cached_doc("Flow Engine Settings")
	people = people_alerted(flow, settings)
	# Names say what an entry is about, so that the same failure never makes a second one. The notifications
	# decide: the Error Log is outside transactions, and what was rolled back there would count as told.
	entries = {user: _entry(mark, user) for user in people}
	if frappe.get_all("Notification Log", {"name": ("in", list(entries.values()))}, limit=1):
		return
	title = (flow and flow.template_name) or template or name
	if not frappe.db.exists("Error Log", mark):
		log = frappe.new_doc("Error Log")
		log.method = f"Flow run {name} failed"[:140]
		log.error = f"{title}\nStep: {step_id or '-'}\n{code}: {message[:LONGEST_MESSAGE]}"
		log.reference_doctype, log.reference_name = "Flow Run", name
		log.insert(ignore_permissions=True, set_name=mark)
	link = get_url_to_form("Flow Run", name) + (f"?step={step_id}" if step_id else "")
	heading = _("{0} failed in {1}").format(
		f"<b>{escape_html(step_id or name)}</b>", f"<b>{escape_html(str(title))}</b> ({escape_html(name)})"
	)
	for user in people:
		content = _content(user, code, message)
		do_apart(
			lambda user=user, content=content: notify_user(
				user, "Alert", heading, content, name, link, entries[user]
			),
			f"Telling {user} about {name}",
		)
	if settings.alert_email and _may_email(f"{template}:{step_id}:{code}"):
		do_apart(lambda: _email(people, title, name, heading, code, link), f"Alert email about {name}")


def people_alerted(flow: Mapping[str, Any] | None, settings) -> list[str]:
	"""Whoever published the flow (or made it), and whom the settings name."""
	names = [(flow.get("published_by") or flow.get("owner")) if flow else None]
	names += [row.user for row in settings.alert_users or ()]
	if settings.alert_role:
		names += users_with_role(settings.alert_role)
	return enabled_users(names)[:MANY] or [LAST_RESORT]


def _content(user: str, code: str, message: str) -> str:
	"""An error's message may hold values of documents; those are for managers of flows."""
	if user != "Administrator" and SEES_VALUES.isdisjoint(frappe.get_roles(user)):
		return f"<p>{escape_html(code)}</p>"
	return f"<p>{escape_html(code)}: {escape_html(message[:LONGEST_MESSAGE])}</p>"


def _entry(mark: str, user: str) -> str:
	return f"{mark}-{hashlib.sha256(user.encode()).hexdigest()[:16]}"


def _may_email(about: str) -> bool:
	"""Has there been no email about this for a while? Counts it, if this transaction commits."""
	key = f"flow_engine_alert_email:{about}"
	if not hasattr(frappe.local, "flow_engine_alert_emails"):
		frappe.local.flow_engine_alert_emails = set()
	pending = frappe.local.flow_engine_alert_emails
	try:
		if key in pending or frappe.cache.get_value(key, expires=True):
			return False
	except Exception as error:
		# Without Redis rather one email too many than none.
		frappe.logger("flow_engine").warning(f"Alert emails are not counted: {error}")
	pending.add(key)
	frappe.db.after_commit.add(lambda: _count_email(key))
	frappe.db.after_rollback.add(lambda: pending.discard(key))
	return True


def _count_email(key: str) -> None:
	frappe.local.flow_engine_alert_emails.discard(key)
	try:
		frappe.cache.set_value(key, 1, expires_in_sec=EMAIL_PAUSE_SECONDS)
	except Exception as error:
		# After the commit nobody may be told that it failed.
		frappe.logger("flow_engine").warning(f"Alert emails are not counted: {error}")


def _email(people: list[str], title: Any, run: str, heading: str, code: str, link: str) -> None:
	addresses = frappe.get_all("User", {"name": ("in", people), "email": ("like", "%@%")}, pluck="email")
	if not addresses:
		return
	send_email(
		to=addresses,
		subject=_("Flow {0} failed ({1})").format(title, run),
		html=(
			f"<p>{heading}</p><p>{escape_html(code)}</p>"
			f'<p><a href="{escape_html(link)}">{escape_html(run)}</a></p>'
		),
		reference=("Flow Run", run),
	)
