"""Who may see which runs: Flow Managers all of them, Flow Users those of documents they may read.

The list conditions and the checks on a single record say the same thing in two ways. Which *values* of a run
are shown is not decided here: fields with a permission level hide them from lists and forms, and the API
hands them to managers who may read their source.
"""

import frappe
from frappe.model.db_query import DatabaseQuery
from frappe.permissions import get_role_permissions
from frappe.share import get_shared

# An auditor sees that there are runs and how they stand; their values are for managers.
SEES_ALL = frozenset({"System Manager", "Flow Manager", "Flow Auditor"})
NOTHING = "1=0"
# Their conditions are made here: asking the framework for them would ask again, without end.
OWN_RECORDS = frozenset({"Flow Run", "Flow Step Pending", "Flow Step Log", "Flow Delivery"})


def sees_all(user: str | None = None) -> bool:
	user = user or frappe.session.user
	return user == "Administrator" or not SEES_ALL.isdisjoint(frappe.get_roles(user))


def run_query(user: str | None = None, doctype: str | None = None) -> str:
	"""SQL condition on `tabFlow Run`; empty when nothing is hidden."""
	user = user or frappe.session.user
	if sees_all(user):
		return ""
	return _about_readable("Flow Run", "context_doctype", "context_docname", user)


def pending_query(user: str | None = None, doctype: str | None = None) -> str:
	return _through_run("Flow Step Pending", user)


def log_query(user: str | None = None, doctype: str | None = None) -> str:
	return _through_run("Flow Step Log", user)


def delivery_query(user: str | None = None, doctype: str | None = None) -> str:
	"""SQL condition on `tabFlow Delivery`; empty when nothing is hidden."""
	user = user or frappe.session.user
	if sees_all(user):
		return ""
	return _about_readable("Flow Delivery", "reference_doctype", "reference_name", user)


def delivery_has_permission(doc, ptype: str = "read", user: str | None = None) -> bool:
	user = user or frappe.session.user
	if sees_all(user):
		return True
	return may_read(doc.get("reference_doctype"), doc.get("reference_name"), user)


def run_has_permission(doc, ptype: str = "read", user: str | None = None) -> bool:
	user = user or frappe.session.user
	if sees_all(user):
		return True
	if may_read(doc.get("context_doctype"), doc.get("context_docname"), user):
		return True
	return ptype == "read" and is_asked(doc.get("name"), user)


def is_asked(run: str | None, user: str) -> bool:
	"""Does the run wait for this user? Only ToDos that the engine named count: anybody can note one."""
	if not run:
		return False
	mine = {"reference_type": "Flow Run", "reference_name": run, "allocated_to": user, "status": "Open"}
	return any(name.startswith(f"{run}:") for name in frappe.get_all("ToDo", mine, pluck="name"))


def pending_has_permission(doc, ptype: str = "read", user: str | None = None) -> bool:
	return _run_of(doc, user)


def log_has_permission(doc, ptype: str = "read", user: str | None = None) -> bool:
	return _run_of(doc, user)


def may_read(doctype: str | None, name: str | None, user: str) -> bool:
	"""Whether the user may read this document. Of a deleted one: whether they may read every one."""
	if not doctype or not name or not frappe.db.exists("DocType", doctype):
		return False
	if frappe.db.exists(doctype, name):
		return bool(frappe.has_permission(doctype, "read", doc=name, user=user))
	return _match_condition(doctype, user) == ""


def _run_of(doc, user: str | None) -> bool:
	user = user or frappe.session.user
	if sees_all(user):
		return True
	context = frappe.db.get_value("Flow Run", doc.get("flow_run"), ["context_doctype", "context_docname"])
	return bool(context) and may_read(*context, user)


def _through_run(doctype: str, user: str | None) -> str:
	condition = run_query(user)
	if not condition:
		return ""
	# Asked of each record on the way down the list. As `in (…)` the database may begin with the runs, which
	# are all that ever were about such documents, and sort what belongs to them.
	return (
		f"(select 1 from `tabFlow Run` where `tabFlow Run`.`name` = `tab{doctype}`.`flow_run` "
		f"and {condition} limit 1) = 1"
	)


def _about_readable(table: str, kind: str, name: str, user: str) -> str:
	"""The records of `table` whose document, named by these two columns, the user may read."""
	# The kinds of documents there are: a hop along the index, whatever the number of records.
	rows = frappe.db.sql(f"select distinct `{kind}` from `tab{table}` where `{kind}` > '' order by 1")
	allowed = [
		_condition_on(doctype, user, f"`tab{table}`.`{kind}`", f"`tab{table}`.`{name}`")
		for (doctype,) in rows
	]
	allowed = [condition for condition in allowed if condition]
	return f"({' or '.join(allowed)})" if allowed else NOTHING


def _condition_on(doctype: str, user: str, kind: str, name: str) -> str | None:
	if not frappe.db.exists("DocType", doctype):
		return None
	readable = _match_condition(doctype, user)
	if readable is None:
		return None
	of_doctype = f"{kind} = {frappe.db.escape(doctype, percent=False)}"
	if not readable:
		return f"({of_doctype})"
	return f"({of_doctype} and {name} in (select `tab{doctype}`.`name` from `tab{doctype}` where {readable}))"


def _match_condition(doctype: str, user: str) -> str | None:
	"""The framework's own condition for what this user may list; empty: everything; None: nothing."""
	meta = frappe.get_meta(doctype)
	if meta.istable or meta.issingle or meta.get("is_virtual") or doctype in OWN_RECORDS:
		return None
	if get_role_permissions(meta, user=user).get("read"):
		return DatabaseQuery(doctype, user=user).build_match_conditions()
	shared = get_shared(doctype, user)
	if not shared:
		return None
	names = ", ".join(frappe.db.escape(name, percent=False) for name in shared)
	return f"`tab{doctype}`.`name` in ({names})"
