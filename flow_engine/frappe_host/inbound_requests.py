"""Calls to inbound hooks as the web server gives them: bytes, headers, where from."""

from __future__ import annotations

import json
from typing import Any

import frappe

from flow_engine.engine.inbound import MAX_BODY_BYTES, Call, CallTooLarge


def call_of(request: Any) -> Call:
	"""Raises CallTooLarge before a hook is looked for."""
	if (request.content_length or 0) > MAX_BODY_BYTES:
		raise CallTooLarge(f"The body of a call has {MAX_BODY_BYTES:,} bytes at most.")
	headers = {name.lower(): value for name, value in request.headers.items()}
	return Call(request.get_data(cache=True), headers, frappe.local.request_ip or "")


def know_sender(request: Any) -> None:
	"""Who sends the request, as the framework says it of those that it hands on."""
	forwarded = request.headers.get("X-Forwarded-For", "").split(",")[0].strip()
	frappe.local.request_ip = forwarded or request.remote_addr or "127.0.0.1"
	frappe.set_user("Guest")


def is_handed_on(request: Any) -> bool:
	"""Could the framework read the body? Else it has answered by itself, and no function was called."""
	if not request.is_json:
		return True
	try:
		return isinstance(json.loads(request.get_data(as_text=True) or "{}"), dict | list)
	except (ValueError, RecursionError):
		return False
