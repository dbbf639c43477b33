"""What the desk learns about flows when it starts: which DocTypes' forms get a menu of flows, and what events
are called in the user's language."""

import frappe

from flow_engine.frappe_host.extensions import events


def add_flow_doctypes(bootinfo: dict) -> None:
	"""`flow_engine = {doctypes: [...], events: {name: label}}`: what flows are about here, or could be by an
	event that there is. Never an error in whoever logs in."""
	doctypes: set[str] = set()
	labels: dict[str, str] = {}
	try:
		if frappe.has_permission("Flow Template", "read"):
			known = events().values()
			doctypes = {event.doctype for event in known if event.doctype}
			labels = {event.name: frappe._(event.label) for event in known}
			doctypes.update(frappe.get_all("Flow Template", pluck="applies_to", distinct=True, order_by=None))
	except Exception as error:
		frappe.logger("flow_engine").warning(f"The desk starts without its flows: {error}")
	bootinfo["flow_engine"] = {"doctypes": sorted(doctypes - {None, ""}), "events": labels}
