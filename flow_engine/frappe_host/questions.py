"""Manual steps: whoever may fire one gets a ToDo and a notification, and both close with the step.

A ToDo names its run as its reference. Its own name begins with run and step, which people cannot change (they
may rewrite the text), and its notification has the same name: so closing finds exactly its own, by index.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import frappe
from frappe import _
from frappe.share import add_docshare as share
from frappe.utils import escape_html, get_url_to_form

from flow_engine.frappe_host.apart import do_apart
from flow_engine.frappe_host.people import LAST_RESORT, MANAGER, enabled_users, notify_user, users_with_role
from flow_engine.frappe_host.permissions import may_read


def ask(
	run: Mapping[str, Any],
	step_id: str,
	label: str,
	role: str | None,
	assignee: str | None,
	users: Sequence[str] = (),
	roles: Sequence[str] = (),
) -> None:
	"""In the current transaction. A notification that fails does not take the ToDo with it."""
	text, link = _said(run, step_id, label)
	people = people_asked(run, role, assignee, users, roles)
	assign(run["name"], step_id, people, text, link, role)


def hand_over(
	run: Mapping[str, Any], step_id: str, label: str, to: Sequence[str], away: Sequence[str]
) -> None:
	"""Ask these instead of those in `away`: their ToDos are closed, and nobody gets a second one."""
	text, link = _said(run, step_id, label)
	to = enabled_users(to)
	for user in to:
		let_see(run["name"], user)
	already = {todo.allocated_to: todo.name for todo in _open_todos(run["name"], step_id)}
	gone = [already[user] for user in away if user in already and user not in to]
	if gone:
		frappe.db.set_value("ToDo", {"name": ("in", gone)}, "status", "Cancelled")
		frappe.db.set_value("Notification Log", {"name": ("in", gone)}, "read", 1, update_modified=False)
	assign(run["name"], step_id, [user for user in to if user not in already], text, link, None)


def ask_also(run: Mapping[str, Any], step_id: str, label: str, user: str) -> None:
	"""One more person, without a second ToDo."""
	hand_over(run, step_id, label, [user], [])


def let_see(run: str, user: str) -> None:
	"""Whoever is given a step of a run sees the run, without rights to its document."""
	if not frappe.has_permission("Flow Run", "read", doc=run, user=user):
		share("Flow Run", run, user, read=1, flags={"ignore_share_permission": True})


def name_of(run: str, step_id: str) -> str:
	"""A name for a ToDo about this step."""
	return f"{_prefix(run, step_id)}{frappe.generate_hash(length=10)}"


def step_of(todo: str, run: str) -> str | None:
	"""The step that a ToDo of this name is about, if it is about one."""
	parts = str(todo).split(":")
	return parts[1] if len(parts) == 3 and parts[0] == run and parts[1] else None


def _said(run: Mapping[str, Any], step_id: str, label: str) -> tuple[str, str]:
	"""What people are told, as HTML, and the link to it."""
	title = frappe.db.get_value("Flow Template", run.get("flow_template"), "template_name") or ""
	link = _link(run["name"], step_id)
	text = _("{0} waits for you in {1}").format(
		f"<b>{escape_html(label or step_id)}</b>",
		f'<a href="{escape_html(link)}">{escape_html(title or run["name"])} ({escape_html(run["name"])})</a>',
	)
	return text, link


def assign(run: str, step_id: str, people: Sequence[str], text: str, link: str, role: str | None) -> None:
	"""A ToDo and a notification for each of them; `text` is HTML. An empty step is the run as a whole."""
	# Of assignments people get emails, as they chose; where the site sends none, each would be an error.
	# Here, because it brings half of the framework along, and most jobs ask nobody.
	from frappe.email.doctype.email_account.email_account import EmailAccount

	kind = "Assignment" if EmailAccount.find_outgoing() else "Alert"
	for user in people:
		todo = frappe.new_doc("ToDo")
		todo.update(
			{
				"allocated_to": user,
				"assigned_by": frappe.session.user,
				"description": text,
				"reference_type": "Flow Run",
				"reference_name": run,
				"role": role if role and frappe.db.exists("Role", role) else None,
			}
		)
		name = todo.name = name_of(run, step_id)
		# Not by insert(): that locks a range of the index on references, and two workers who ask at the same
		# time would wait for each other.
		todo.db_insert()
		do_apart(
			lambda user=user, name=name: notify_user(user, kind, text, text, run, link, name),
			f"Telling {user} about {run} {step_id}",
		)
	_note_assignments(run)


def people_still_asked(run: str, step_id: str) -> list[str]:
	"""Whose ToDo about this step is open."""
	return [todo.allocated_to for todo in _open_todos(run, step_id)]


def _open_todos(run: str, step_id: str) -> list:
	todos = frappe.get_all(
		"ToDo",
		filters={"reference_type": "Flow Run", "reference_name": run, "status": "Open"},
		fields=["name", "allocated_to"],
		order_by="creation, name",
		limit_page_length=0,
	)
	prefix = _prefix(run, step_id)
	return [todo for todo in todos if todo.name.startswith(prefix)]


def people_asked(
	run: Mapping[str, Any],
	role: str | None,
	assignee: str | None,
	users: Sequence[str] = (),
	roles: Sequence[str] = (),
) -> list[str]:
	"""The assignee; else those with the role; else everybody on the allow-list; else the Flow Managers who
	may read the document. Of an allow-list, only who is on it, while there is anybody."""
	allowed = enabled_users(dict.fromkeys([*users, *(u for name in roles for u in users_with_role(name))]))
	found = enabled_users([assignee]) if assignee else []
	if not found and role:
		found = users_with_role(role)
	if users or roles:
		found = [user for user in found if user in allowed] or allowed
	if not found:
		managers = users_with_role(MANAGER)
		doctype, name = run.get("context_doctype"), run.get("context_docname")
		# Where nobody may read the document, somebody has to see all the same that the run stands still.
		readers = [user for user in managers if not name or may_read(doctype, name, user)]
		found = readers or managers
	return found or [LAST_RESORT]


def close(run: Mapping[str, Any], step_id: str) -> None:
	"""Close what `ask` opened, whoever fired the step, and whatever else the run still asks."""
	todos = frappe.get_all(
		"ToDo",
		filters={"reference_type": "Flow Run", "reference_name": run["name"]},
		fields=["name", "status"],
		limit_page_length=0,
	)
	prefix = _prefix(run["name"], step_id)
	names = [todo.name for todo in todos if todo.name.startswith(prefix)]
	if not names:
		return
	still_open = [todo.name for todo in todos if todo.name in names and todo.status == "Open"]
	if still_open:
		# At once and not one by one: fifty saves would be fifty comments in the run's timeline.
		frappe.db.set_value("ToDo", {"name": ("in", still_open)}, "status", "Closed")
		_note_assignments(run["name"])
	frappe.db.set_value("Notification Log", {"name": ("in", names)}, "read", 1, update_modified=False)


def _note_assignments(run: str) -> None:
	"""Whom the run's list and form show as assigned. The run's row is locked by whoever changes its steps."""
	open_todos = {"reference_type": "Flow Run", "reference_name": run, "status": "Open"}
	people = frappe.get_all("ToDo", open_todos, pluck="allocated_to", order_by="creation, name")
	assigned = json.dumps(list(dict.fromkeys(people))) if people else ""
	frappe.db.set_value("Flow Run", run, "_assign", assigned, update_modified=False)


def _prefix(run: str, step_id: str) -> str:
	return f"{run}:{step_id}:"


def _link(run: str, step_id: str) -> str:
	return f"{get_url_to_form('Flow Run', run)}?step={step_id}"
