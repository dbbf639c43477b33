"""ERPNext's list actions that write a status past the document: the same action, and flows are told of it."""

import frappe

from flow_engine.frappe_host.events import observe_rows


@frappe.whitelist()
def set_many(names, status):
	"""Set the status of several issues, as the list's menu does."""
	from erpnext.support.doctype.issue.issue import set_multiple_status

	with observe_rows("Issue", _names(names)):
		return set_multiple_status(names, status)


@frappe.whitelist()
def set_one(name, status):
	"""Set the status of one issue."""
	from erpnext.support.doctype.issue.issue import set_status

	with observe_rows("Issue", [name]):
		return set_status(name, status)


def _names(names) -> list:
	"""What cannot be read here is for the action itself to refuse."""
	try:
		found = frappe.parse_json(names)
	except ValueError:
		return []
	return found if isinstance(found, list) else []
