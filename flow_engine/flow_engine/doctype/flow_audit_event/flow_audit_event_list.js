frappe.listview_settings["Flow Audit Event"] = {
	// Names are made from the time: what happened, by whom and to what is what people look for.
	hide_name_column: true,
	add_fields: ["from_status", "to_status"],
	onload(list) {
		if (!frappe.model.can_export("Flow Audit Event")) return;
		for (const [format, label] of [
			["csv", __("Download as CSV")],
			["jsonl", __("Download as JSON Lines")],
		]) {
			list.page.add_inner_button(label, () => download(list, format), __("Download"));
		}
	},
};

// The file is written while it is read, whatever its length; the list's own filters say what is in it.
const ARGUMENTS = { event_type: "event", user: "user", flow_template: "template", flow_run: "run" };

function download(list, format) {
	const values = { format };
	const ignored = [];
	for (const [, field, operator, value] of list.filter_area.get()) {
		if (ARGUMENTS[field] && operator === "=") values[ARGUMENTS[field]] = value;
		else if (field === "event_type" && operator === "like") values.event = value.replaceAll("%", "*");
		else if (field === "happened_at" && operator.toLowerCase() === "between") {
			[values.since, values.until] = value.map((day) => day.slice(0, 10));
		} else if (field === "happened_at" && [">", ">="].includes(operator)) values.since = value;
		else if (field === "happened_at" && ["<", "<="].includes(operator)) values.until = value;
		else ignored.push(frappe.meta.get_label("Flow Audit Event", field));
	}
	const start = () =>
		open_url_post("/api/method/flow_engine.api.audit.export", values, Boolean("new window"));
	if (!ignored.length) return start();
	return frappe.confirm(
		__("The file cannot be filtered by {0}; it will hold more than the list shows. Go on?", [
			ignored.join(", "),
		]),
		start,
	);
}
