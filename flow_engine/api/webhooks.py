"""Webhook endpoints over HTTP: `/api/method/flow_engine.api.webhooks.…`, for managers of flows."""

import frappe

from flow_engine.api.door import endpoint, only_managers
from flow_engine.frappe_host.host import get_host
from flow_engine.service import webhooks


@frappe.whitelist(methods=["GET", "POST"])
@endpoint
def list():
	only_managers()
	return webhooks.list_endpoints(get_host())


@frappe.whitelist(methods=["GET", "POST"])
@endpoint
def get(name=None):
	only_managers()
	return webhooks.get_endpoint(get_host(), name)


@frappe.whitelist(methods=["POST"])
@endpoint
def create(values=None):
	only_managers()
	return webhooks.create_endpoint(get_host(), values)


@frappe.whitelist(methods=["POST"])
@endpoint
def update(name=None, values=None, modified=None):
	only_managers()
	return webhooks.update_endpoint(get_host(), name, values, modified)


@frappe.whitelist(methods=["POST"])
@endpoint
def delete(name=None):
	only_managers()
	return webhooks.delete_endpoint(get_host(), name)


@frappe.whitelist(methods=["POST"])
@endpoint
def pause(name=None, reason=None):
	only_managers()
	return webhooks.pause(get_host(), name, reason)


@frappe.whitelist(methods=["POST"])
@endpoint
def resume(name=None, missed=None, reason=None):
	only_managers()
	return webhooks.resume(get_host(), name, missed, reason)


@frappe.whitelist(methods=["POST"])
@endpoint
def rotate_secret(name=None, overlap_hours=None, secret=None):
	only_managers()
	return webhooks.rotate_secret(get_host(), name, overlap_hours, secret)


@frappe.whitelist(methods=["POST"])
@endpoint
def test(name=None):
	only_managers()
	return webhooks.test(get_host(), name)
