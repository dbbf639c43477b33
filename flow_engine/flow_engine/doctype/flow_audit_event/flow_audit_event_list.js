frappe.listview_settings["Flow Audit Event"] = {
	// Names are random: what happened, by whom and to what is what people look for.
	hide_name_column: true,
};
