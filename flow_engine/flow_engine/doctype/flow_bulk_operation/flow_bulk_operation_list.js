frappe.listview_settings["Flow Bulk Operation"] = {
	add_fields: ["status", "place", "total", "refused"],
	get_indicator(doc) {
		const filter = `status,=,${doc.status}`;
		if (doc.status === "running") {
			return [__("{0} of {1}", [doc.place, doc.total]), "blue", filter];
		}
		if (doc.status === "completed" && doc.refused > 0) {
			return [__("completed, {0} refused", [doc.refused]), "orange", filter];
		}
		const colours = { waiting: "purple", completed: "green", stopped: "red" };
		return [__(doc.status), colours[doc.status] || "gray", filter];
	},
};
