frappe.listview_settings["Flow Template"] = {
	add_fields: ["is_active", "published_version", "draft_state"],
	get_indicator(doc) {
		if (doc.is_active) return [__("Active"), "green", "is_active,=,1"];
		if (doc.published_version) return [__("Paused"), "orange", "is_active,=,0|published_version,>,0"];
		return [__("Draft"), "gray", "is_active,=,0|published_version,=,0"];
	},
};
