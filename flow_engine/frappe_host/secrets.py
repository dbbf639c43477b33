"""The one place that reads Flow Secrets, for the outbound HTTP port at the moment of sending."""

import frappe
from frappe.utils.password import get_decrypted_password

from flow_engine.engine.errors import BadTemplate, HttpRefused


def resolve_secret(name: str, host: str) -> str:
	"""The secret's value, if it may go to this host (name or address, without port).

	Raises BadTemplate when there is no such secret, HttpRefused when the host is not one of its own. Whoever
	runs the flow needs no permission: what a secret is for was decided by whoever wrote its hosts.
	"""
	hosts = frappe.db.get_value("Flow Secret", name, "hosts")
	value = hosts and get_decrypted_password("Flow Secret", name, "value", raise_exception=False)
	if not value:
		raise BadTemplate(f"There is no secret {name}.")
	host = host.lower().rstrip(".")
	# An IPv6 address is written in brackets where people write it, and without them where it is looked up.
	if host not in hosts.splitlines() and f"[{host}]" not in hosts.splitlines():
		raise HttpRefused(f"The secret {name} may not be sent to {host}.")
	return value
