frappe.listview_settings["Flow Inbound Hook"] = {
	add_fields: ["enabled"],
	get_indicator: (doc) =>
		doc.enabled ? [__("On"), "green", "enabled,=,1"] : [__("Off"), "gray", "enabled,=,0"],
};
