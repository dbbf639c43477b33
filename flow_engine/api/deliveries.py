"""Deliveries over HTTP: `/api/method/flow_engine.api.deliveries.…`."""

import frappe

from flow_engine.api.door import endpoint, only_managers
from flow_engine.engine.errors import NotAllowed
from flow_engine.frappe_host.delivering import visible_deliveries
from flow_engine.frappe_host.host import get_host
from flow_engine.service import arguments as read
from flow_engine.service import deliveries, webhooks


@frappe.whitelist(methods=["GET", "POST"])
@endpoint
def list(status=None, event=None, doctype=None, docname=None, limit=None, start=None):
	"""Deliveries the caller may see, newest first."""
	return {
		"deliveries": visible_deliveries(
			deliveries.filters_of(status, event, doctype, docname),
			limit=read.whole_number(limit, "limit", 50, 1, 500),
			start=read.whole_number(start, "start", 0, 0, 10_000_000),
		)
	}


@frappe.whitelist(methods=["POST"])
@endpoint
def redeliver(delivery=None):
	only_managers()
	return deliveries.redeliver(get_host(), read.needed(delivery, "delivery"))


@frappe.whitelist(methods=["POST"])
@endpoint
def cancel(delivery=None):
	only_managers()
	return deliveries.cancel(get_host(), read.needed(delivery, "delivery"))


@frappe.whitelist(methods=["POST"])
@endpoint
def signing_secret():
	"""What receivers check signatures with: for System Managers only. By POST, so that no cache or log keeps
	it."""
	if "System Manager" not in frappe.get_roles():
		raise NotAllowed("Only a System Manager may see the signing secret.")
	return {"signing_secret": get_host().signing_secret()}


@frappe.whitelist(methods=["POST"])
@endpoint
def rotate_signing_secret(overlap_hours=None):
	"""Another secret from now on; for as many hours deliveries carry a signature of the former one too."""
	if "System Manager" not in frappe.get_roles():
		raise NotAllowed("Only a System Manager may replace the signing secret.")
	return webhooks.rotate_signing_secret(get_host(), overlap_hours)
