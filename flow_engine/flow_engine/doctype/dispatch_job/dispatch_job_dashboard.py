from frappe import _


def get_data():
	return {
		"fieldname": "reference_name",
		"internal_links": {"Flow Run": "flow_run"},
		"transactions": [{"label": _("Automation"), "items": ["Flow Run", "Flow Delivery"]}],
	}
