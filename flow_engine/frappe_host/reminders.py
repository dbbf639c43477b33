"""Something is late, or will be: who is told, and to whom it goes.

A notification's name says what it is about, so that the same lateness never makes two. What a manual step has
asked of somebody goes to others by closing those ToDos and opening new ones. A step that waits for nobody
gets ToDos of its own, and so does a run; they close with it.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from zoneinfo import ZoneInfo

import frappe
from frappe import _
from frappe.utils import escape_html, format_datetime, get_system_timezone, get_url_to_form

from flow_engine.engine.ports import Reminder
from flow_engine.frappe_host import questions
from flow_engine.frappe_host.alerts import people_alerted
from flow_engine.frappe_host.apart import do_apart
from flow_engine.frappe_host.people import MANY, enabled_users, notify_user, users_with_role


def remind(reminder: Reminder) -> None:
	do_apart(lambda: _remind(reminder), f"Reminding of {_place(reminder)}")


def escalate(reminder: Reminder) -> None:
	do_apart(lambda: _escalate(reminder), f"Escalating {_place(reminder)}")


def _place(reminder: Reminder) -> str:
	return f"{reminder.run['name']} {reminder.step_id or ''}".strip()


def _remind(reminder: Reminder) -> None:
	name = reminder.run["name"]
	text, link = _sentence(reminder), _link(reminder)
	for user in people_reminded(reminder):
		about = f"{name}|{reminder.step_id or ''}|{reminder.late}|{user}"
		entry = f"flow-sla-{hashlib.sha256(about.encode()).hexdigest()[:32]}"
		if frappe.db.exists("Notification Log", entry):
			continue
		do_apart(
			lambda user=user, entry=entry: notify_user(user, "Alert", text, text, name, link, entry),
			f"Telling {user} about {_place(reminder)}",
		)


def people_reminded(reminder: Reminder) -> list[str]:
	"""Whoever was asked to do it; besides, whom the flow names, or its owner and whom the site alerts."""
	asked = questions.people_still_asked(reminder.run["name"], reminder.step_id or "")
	named = _named(reminder)
	if not named:
		flow = frappe.db.get_value(
			"Flow Template", reminder.run.get("flow_template"), ["published_by", "owner"], as_dict=True
		)
		named = people_alerted(flow, frappe.get_cached_doc("Flow Engine Settings"))
	return enabled_users([*asked, *named])[:MANY]


def _named(reminder: Reminder) -> list[str]:
	people = enabled_users([reminder.user])
	return [*people, *(users_with_role(reminder.role) if reminder.role else [])]


def _escalate(reminder: Reminder) -> None:
	run, step_id = reminder.run, reminder.step_id or ""
	people = list(dict.fromkeys(_named(reminder)))
	if not people:
		# Nobody has the role any more: rather those who look after flows than nobody.
		people = questions.people_asked(run, None, None)
	already = questions.people_still_asked(run["name"], step_id)
	for user in people:
		questions.let_see(run["name"], user)
	if not reminder.keeps:
		questions.close(run, step_id)
	elif already:
		people = [user for user in people if user not in already]
	questions.assign(run["name"], step_id, people, _sentence(reminder), _link(reminder), reminder.role)


def _sentence(reminder: Reminder) -> str:
	run = reminder.run
	title = frappe.db.get_value("Flow Template", run.get("flow_template"), "template_name") or run["name"]
	flow = f"{escape_html(str(title))} ({escape_html(run['name'])})"
	what = (
		f"<b>{escape_html(reminder.label or reminder.step_id or '')}</b>"
		if reminder.step_id
		else f"<b>{flow}</b>"
	)
	due = escape_html(_site_time(reminder.due_at)) if reminder.due_at else ""
	if reminder.step_id:
		if reminder.late:
			return _("{0} in {1} is late: it was due {2}").format(what, flow, due)
		if due:
			return _("{0} in {1} is due {2}").format(what, flow, due)
		return _("{0} in {1} takes longer than planned").format(what, flow)
	if reminder.late:
		return _("{0} is late: it was due {1}").format(what, due)
	return _("{0} is due {1}").format(what, due) if due else _("{0} takes longer than planned").format(what)


def _site_time(when: datetime) -> str:
	return format_datetime(when.astimezone(ZoneInfo(get_system_timezone())).replace(tzinfo=None), "medium")


def _link(reminder: Reminder) -> str:
	link = get_url_to_form("Flow Run", reminder.run["name"])
	return f"{link}?step={reminder.step_id}" if reminder.step_id else link
