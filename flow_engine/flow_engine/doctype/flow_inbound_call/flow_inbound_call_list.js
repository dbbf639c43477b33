frappe.listview_settings["Flow Inbound Call"] = {
	add_fields: ["outcome"],
	get_indicator(doc) {
		const colours = { accepted: "green", duplicate: "gray", refused: "red", tested: "blue" };
		return [__(doc.outcome), colours[doc.outcome] || "gray", `outcome,=,${doc.outcome}`];
	},
};
