frappe.listview_settings["Dispatch Job"] = {
	add_fields: ["status", "priority"],
	get_indicator(doc) {
		const colours = {
			Open: "orange",
			Scheduled: "purple",
			"In Progress": "blue",
			Completed: "green",
			Cancelled: "gray",
		};
		return [__(doc.status), colours[doc.status] || "gray", `status,=,${doc.status}`];
	},
	formatters: {
		priority(value) {
			const colours = { Urgent: "red", High: "orange", Medium: "blue", Low: "gray" };
			const label = frappe.utils.escape_html(__(value || ""));
			return `<span class="indicator-pill ${
				colours[value] || "gray"
			} no-indicator-dot">${label}</span>`;
		},
	},
};
