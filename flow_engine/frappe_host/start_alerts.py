"""A flow that should have started did not: who is told, and how often. There is no run to point at."""

from __future__ import annotations

import frappe
from frappe import _
from frappe.utils import escape_html, get_url_to_form

from flow_engine.frappe_host.alerts import people_alerted
from flow_engine.frappe_host.apart import do_apart
from flow_engine.frappe_host.emails import send_email
from flow_engine.frappe_host.people import SEES_VALUES, is_notifications_enabled
from flow_engine.service.events import Trigger

# A condition that cannot be evaluated fails at every save; that is one thing to know, not one per document.
PAUSE_SECONDS = 600
LONGEST_MESSAGE = 2_000


def alert_not_started(trigger: Trigger, code: str, message: str) -> None:
	"""Tell whoever published the flow and whom the settings name, in the current transaction."""
	if not _may_alert(f"{trigger.template}:{code}"):
		return
	flow = frappe.db.get_value(
		"Flow Template", trigger.template, ["name", "published_by", "owner"], as_dict=True
	)
	settings = frappe.get_cached_doc("Flow Engine Settings")
	people = people_alerted(flow, settings)
	title = trigger.title or trigger.template
	heading = _("{0} could not start").format(f"<b>{escape_html(title)}</b>")
	for user in people:
		do_apart(
			lambda user=user: _notify(user, heading, code, message, trigger.template),
			f"Telling {user} about {trigger.template}",
		)
	if settings.alert_email:
		do_apart(lambda: _email(people, title, heading, code, trigger.template), f"Email about {title}")


def _notify(user: str, heading: str, code: str, message: str, template: str) -> None:
	if not is_notifications_enabled(user):
		return
	# A message may hold values of documents; those are for managers of flows.
	sees = user == "Administrator" or not SEES_VALUES.isdisjoint(frappe.get_roles(user))
	text = f"{code}: {message[:LONGEST_MESSAGE]}" if sees else code
	frappe.get_doc(
		{
			"doctype": "Notification Log",
			"type": "Alert",
			"for_user": user,
			"from_user": frappe.session.user,
			"subject": heading,
			"email_content": f"<p>{escape_html(text)}</p>",
			"document_type": "Flow Template",
			"document_name": template,
			"link": get_url_to_form("Flow Template", template),
		}
	).insert(ignore_permissions=True)


def _email(people: list[str], title: str, heading: str, code: str, template: str) -> None:
	addresses = frappe.get_all("User", {"name": ("in", people), "email": ("like", "%@%")}, pluck="email")
	if not addresses:
		return
	link = escape_html(get_url_to_form("Flow Template", template))
	send_email(
		to=addresses,
		subject=_("Flow {0} could not start").format(title),
		html=f'<p>{heading}</p><p>{escape_html(code)}</p><p><a href="{link}">{escape_html(template)}</a></p>',
		reference=("Flow Template", template),
	)


def _may_alert(about: str) -> bool:
	key = f"flow_engine_not_started:{about}"
	try:
		if frappe.cache.get_value(key, expires=True):
			return False
		frappe.cache.set_value(key, 1, expires_in_sec=PAUSE_SECONDS)
	except Exception as error:
		# Without Redis rather one alert too many than none.
		frappe.logger("flow_engine").warning(f"Alerts are not counted: {error}")
	return True
