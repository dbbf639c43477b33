frappe.listview_settings["Flow Run"] = {
	add_fields: ["status", "failed_steps"],
	get_indicator(doc) {
		if (doc.status === "running" && doc.failed_steps > 0) {
			return [__("running, with failures"), "orange", "status,=,running|failed_steps,>,0"];
		}
		const colour = { running: "blue", completed: "green", failed: "red", cancelled: "gray" }[doc.status];
		return [__(doc.status), colour || "gray", `status,=,${doc.status}`];
	},
};
