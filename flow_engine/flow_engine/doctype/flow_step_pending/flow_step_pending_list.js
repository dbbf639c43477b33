frappe.listview_settings["Flow Step Pending"] = {
	add_fields: ["status", "trigger_at"],
	get_indicator(doc) {
		const late = doc.status === "pending" && doc.trigger_at < frappe.datetime.now_datetime();
		if (late) return [__("pending, due"), "orange", "status,=,pending"];
		const colours = { pending: "purple", running: "blue", completed: "green", failed: "red" };
		return [__(doc.status), colours[doc.status] || "gray", `status,=,${doc.status}`];
	},
};
