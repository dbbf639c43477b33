"""Inbound hooks over HTTP: `receive` for whoever can prove themselves, the rest for managers of flows."""

import frappe
from frappe.rate_limiter import rate_limit

from flow_engine.api.door import endpoint, only_managers
from flow_engine.frappe_host.host import get_host
from flow_engine.frappe_host.inbound_requests import call_of
from flow_engine.frappe_host.jobs import is_disabled
from flow_engine.service import inbound_hooks as hooks
from flow_engine.service.receiving import ACCEPTED
from flow_engine.service.receiving import receive as start_by_call

# Of one address, whichever hooks it calls or guesses.
CALLS_PER_MINUTE = 600


@frappe.whitelist(methods=["POST"], allow_guest=True, xss_safe=True)
@endpoint
def receive(**body):
	"""Start the flow of the hook that `?hook=` names; 202 with the run's name. What was posted is read from
	the request's own bytes: they are what is signed."""
	return receive_call()


@rate_limit(limit=CALLS_PER_MINUTE, seconds=60)
def receive_call():
	"""The call of the current request, whether or not the framework could read its body."""
	hook = frappe.request.args.get("hook")
	answer = start_by_call(get_host(), hook, call_of(frappe.request), is_disabled)
	frappe.local.response.http_status_code = ACCEPTED
	return answer


@frappe.whitelist(methods=["GET", "POST"])
@endpoint
def list(template=None):
	only_managers()
	return hooks.list_hooks(get_host(), template)


@frappe.whitelist(methods=["GET", "POST"])
@endpoint
def get(name=None):
	only_managers()
	return hooks.get_hook(get_host(), name)


@frappe.whitelist(methods=["GET", "POST"])
@endpoint
def calls(name=None, limit=None, start=None):
	"""What came in, the last first."""
	only_managers()
	return hooks.list_calls(get_host(), name, limit, start)


@frappe.whitelist(methods=["POST"])
@endpoint
def create(values=None):
	only_managers()
	return hooks.create_hook(get_host(), values)


@frappe.whitelist(methods=["POST"])
@endpoint
def update(name=None, values=None, modified=None):
	only_managers()
	return hooks.update_hook(get_host(), name, values, modified)


@frappe.whitelist(methods=["POST"])
@endpoint
def delete(name=None):
	only_managers()
	return hooks.delete_hook(get_host(), name)


@frappe.whitelist(methods=["POST"])
@endpoint
def rotate_secret(name=None, overlap_hours=None, secret=None):
	only_managers()
	return hooks.rotate_secret(get_host(), name, overlap_hours, secret)


@frappe.whitelist(methods=["POST"])
@endpoint
def test(name=None, payload=None):
	only_managers()
	return hooks.test_hook(get_host(), name, payload)
