"""Calls to inbound hooks that the framework answers before us.

It parses a JSON body before it looks at the address: what is no JSON never reaches our function, and a signed
call would hear of an error of the server instead of its own. Such a call is answered here, once the framework
is done with it, by the same rules as every other.
"""

import json

import frappe

from flow_engine.api.door import describe
from flow_engine.api.hooks import receive_call
from flow_engine.frappe_host.inbound_requests import is_handed_on, know_sender

PATH = "/api/method/flow_engine.api.hooks.receive"


def answer(response=None, request=None, **_options):
	"""After every request, of which nearly none is one of these."""
	if request is None or response is None or request.path != PATH or request.method != "POST":
		return
	if is_handed_on(request):
		return
	know_sender(request)
	try:
		status, body = 202, {"message": receive_call()}
	except Exception as error:
		frappe.db.rollback()
		status, body = describe(error)
	response.status_code = status
	response.data = json.dumps(body).encode()
	response.headers["Content-Type"] = "application/json"
