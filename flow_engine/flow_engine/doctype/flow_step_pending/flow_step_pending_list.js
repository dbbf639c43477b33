frappe.listview_settings["Flow Step Pending"] = {
	add_fields: ["status", "trigger_at", "sla_status"],
	get_indicator(doc) {
		const promise = doc.status === "pending" && flow_engine.late_indicator(doc.sla_status);
		if (promise) return promise;
		const late = doc.status === "pending" && doc.trigger_at < frappe.datetime.now_datetime();
		if (late) return [__("pending, due"), "orange", "status,=,pending"];
		const colours = { pending: "purple", running: "blue", completed: "green", failed: "red" };
		return [__(doc.status), colours[doc.status] || "gray", `status,=,${doc.status}`];
	},
};
