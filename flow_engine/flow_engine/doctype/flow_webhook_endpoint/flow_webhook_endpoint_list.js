frappe.listview_settings["Flow Webhook Endpoint"] = {
	add_fields: ["enabled", "paused_at", "failing_since"],
	hide_name_column: true,
	get_indicator(doc) {
		if (!doc.enabled) return [__("Off"), "gray", "enabled,=,0"];
		if (doc.paused_at) return [__("Paused"), "red", "paused_at,is,set"];
		if (doc.failing_since) return [__("Failing"), "orange", "failing_since,is,set"];
		return [__("On"), "green", "enabled,=,1|paused_at,is,not set"];
	},
};
