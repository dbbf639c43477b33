"""Who may see and do what with a run, beyond the permission queries: starting, firing, values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import frappe

from flow_engine.engine.allow_lists import Person, check_start
from flow_engine.engine.errors import BadInput, FlowError, NotAllowed, RunNotFound
from flow_engine.frappe_host.host import get_host
from flow_engine.frappe_host.permissions import may_read

MANAGERS = frozenset(("Flow Manager", "System Manager"))
USERS = MANAGERS | {"Flow User"}
_FIELDS = (
	"name",
	"flow_template",
	"template_version",
	"status",
	"trigger_event",
	"context_doctype",
	"context_docname",
	"customer",
	"failed_steps",
	"started_at",
	"completed_at",
	"wake_at",
	"error_code",
	"sla_status",
)


def is_manager(user: str | None = None) -> bool:
	return bool(MANAGERS & set(frappe.get_roles(user)))


def may_start() -> bool:
	return bool(USERS & set(frappe.get_roles()))


def check_may_start(starters: Mapping[str, Any] | None = None) -> None:
	"""May the caller start by hand a flow that names these people? Raises NotAllowed. Whether the document
	may be read is asked when it is read."""
	if not check_start(starters, person()) and not may_start():
		raise NotAllowed("Only Flow Users and Flow Managers may start a flow.")


def starters_of(template: Any) -> Mapping[str, Any] | None:
	"""Whom the published version of a flow names; nobody where there is none, which others say."""
	try:
		return get_host().templates.trigger_of(template).starters if isinstance(template, str) else None
	except FlowError:
		return None


def may_start_flow(template: str) -> bool:
	"""May the caller start this flow by hand, as it is published?"""
	try:
		check_may_start(starters_of(template))
	except NotAllowed:
		return False
	return True


def check_may_see(run: str) -> bool:
	"""May the caller see this run, and (the answer) its values too? Raises RunNotFound, NotAllowed."""
	row = frappe.db.get_value("Flow Run", run, ["name", "context_doctype", "context_docname"], as_dict=True)
	if not row:
		raise RunNotFound(f"There is no flow run {run!r}.")
	if not frappe.has_permission("Flow Run", "read", doc=frappe.get_doc("Flow Run", run)):
		raise NotAllowed("You may not see this run.")
	if not is_manager():
		return False
	return not row.context_docname or may_read(row.context_doctype, row.context_docname, frappe.session.user)


def person(user: str | None = None) -> Person:
	"""The caller, or another user, as allow-lists see them."""
	return Person(user or frappe.session.user, frozenset(frappe.get_roles(user)), is_manager(user))


def check_delegates(users: Iterable[str]) -> None:
	"""Steps are given to people who can log in. Raises BadInput."""
	wanted = [user for user in users if user != "Guest"]
	known = set(frappe.get_all("User", {"name": ("in", wanted or [""]), "enabled": 1}, pluck="name"))
	for user in users:
		if user not in known:
			raise BadInput(f"There is no enabled user {user!r}.")


def visible_runs(
	status: str | None,
	template: str | None,
	customer: str | None,
	doctype: str | None,
	docname: str | None,
	limit: int,
	start: int,
	version: int = 0,
	sla_status: str | None = None,
	key: str | None = None,
) -> list[dict[str, Any]]:
	"""Runs the caller may see, newest first, times in ISO 8601. `key`: as `find_runs` takes it."""
	host = get_host()
	filters = {
		"status": status,
		"customer": customer,
		"context_doctype": doctype,
		"context_docname": docname,
		"template_version": version,
		"sla_status": sla_status,
		"flow_template": host.templates.name_of(template) if template else None,
	}
	rows = frappe.get_list(
		"Flow Run",
		filters={column: value for column, value in filters.items() if value},
		or_filters=[["trigger_key", "=", key], ["trigger_key", "like", f"{key}:%"]] if key else None,
		fields=list(_FIELDS),
		order_by="creation desc",
		limit_start=start,
		limit_page_length=limit,
	)
	names = {row.flow_template for row in rows}
	titles = dict(
		frappe.get_all(
			"Flow Template", {"name": ("in", list(names) or [""])}, ["name", "template_name"], as_list=True
		)
	)
	runs = host.runs
	for row in rows:
		row["template_name"] = titles.get(row.flow_template, row.flow_template)
		for column, read in (
			("started_at", runs.from_site),
			("completed_at", runs.from_site),
			("wake_at", runs.from_utc),
		):
			row[column] = read(row[column]).isoformat() if row[column] else None
	return rows
