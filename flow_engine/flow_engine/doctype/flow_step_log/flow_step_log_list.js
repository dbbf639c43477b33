frappe.listview_settings["Flow Step Log"] = {
	add_fields: ["state"],
	get_indicator(doc) {
		const colours = {
			running: "blue",
			done: "green",
			failed: "red",
			retry: "orange",
			late_outcome: "yellow",
		};
		return [__(doc.state), colours[doc.state] || "gray", `state,=,${doc.state}`];
	},
};
