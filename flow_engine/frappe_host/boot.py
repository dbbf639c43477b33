"""What the desk learns about flows when it starts: which DocTypes' forms get a menu of flows."""

import frappe

from flow_engine.frappe_host.extensions import events


def add_flow_doctypes(bootinfo: dict) -> None:
	"""`flow_engine = {doctypes: [...]}`: what flows are about here, or could be by an event that there is.
	Never an error in whoever logs in."""
	doctypes: set[str] = set()
	try:
		if frappe.has_permission("Flow Template", "read"):
			doctypes = {event.doctype for event in events().values() if event.doctype}
			doctypes.update(frappe.get_all("Flow Template", pluck="applies_to", distinct=True, order_by=None))
	except Exception as error:
		frappe.logger("flow_engine").warning(f"The desk starts without its flows: {error}")
	bootinfo["flow_engine"] = {"doctypes": sorted(doctypes - {None, ""})}
