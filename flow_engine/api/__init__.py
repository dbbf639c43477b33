"""The engine over HTTP: `/api/method/flow_engine.api.…`."""

import frappe

from flow_engine.api.door import endpoint


@frappe.whitelist(methods=["GET", "POST"])
@endpoint
def catalog():
	"""Kinds, events, trigger types, operators and filters: everything the editor offers, as data."""
	from flow_engine.frappe_host.host import get_host
	from flow_engine.service import doors

	# Whoever may look at a run sees its tree, which is drawn from the kinds.
	if not frappe.has_permission("Flow Run", "read"):
		frappe.has_permission("Flow Template", "read", throw=True)
	secrets = frappe.get_list("Flow Secret", pluck="name") if frappe.has_permission("Flow Secret") else []
	return doors.catalog(get_host().templates, frappe._, secrets)
