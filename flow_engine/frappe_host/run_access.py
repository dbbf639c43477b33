"""Who may see and do what with a run, beyond the permission queries: starting, firing, values."""

from __future__ import annotations

from typing import Any

import frappe

from flow_engine.engine.compensation import definition_of
from flow_engine.engine.definition import TriggerType
from flow_engine.engine.errors import NotAllowed, RunNotFound, StepNotFound
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


def check_may_start() -> None:
	"""Raises NotAllowed. Whether the document may be read is asked when it is read."""
	if not may_start():
		raise NotAllowed("Only Flow Users and Flow Managers may start a flow.")


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


def check_may_fire(run: str, step_id: str) -> None:
	"""Raises RunNotFound, StepNotFound, NotAllowed."""
	check_may_see(run)
	if is_manager():
		return
	host = get_host()
	record = host.runs.read(run)
	definition = definition_of(host, record)
	if step_id not in definition:
		raise StepNotFound(f"{run} has no step {step_id!r}.")
	if not is_meant(definition.step(step_id)):
		raise NotAllowed("This step is for somebody else to fire.")


def is_meant(step: Any) -> bool:
	"""Is a manual step meant for the caller, by name or by role?"""
	if step.trigger.type is not TriggerType.MANUAL:
		return False
	assignee, role = step.trigger.fields.get("assignee"), step.trigger.fields.get("role")
	if assignee and assignee == frappe.session.user:
		return True
	return bool(role and role in frappe.get_roles())


def may(action: str, run: str, step_id: str) -> bool:
	"""May the caller do what the step's state allows?"""
	if action != "complete":
		return is_manager()
	try:
		check_may_fire(run, step_id)
	except NotAllowed:
		return False
	return True


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
) -> list[dict[str, Any]]:
	"""Runs the caller may see, newest first, times in ISO 8601."""
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
		filters={key: value for key, value in filters.items() if value},
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
