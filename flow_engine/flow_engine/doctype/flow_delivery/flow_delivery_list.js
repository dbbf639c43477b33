frappe.listview_settings["Flow Delivery"] = {
	add_fields: ["status", "attempts", "next_attempt_at"],
	hide_name_column: true,
	get_indicator(doc) {
		if (doc.status === "pending" && doc.attempts > 0) {
			return [__("trying again"), "orange", "status,=,pending|attempts,>,0"];
		}
		const colours = {
			pending: "purple",
			sending: "blue",
			delivered: "green",
			failed: "red",
			cancelled: "gray",
			held: "yellow",
		};
		return [__(doc.status), colours[doc.status] || "gray", `status,=,${doc.status}`];
	},
	onload(list) {
		const managers = ["Flow Manager", "System Manager"];
		if (!managers.some((role) => frappe.user.has_role(role))) return;
		list.page.add_actions_menu_item(__("Redeliver"), () => redeliver(list), false);
	},
};

// One call each: what is refused of one leaves the others their turn.
function redeliver(list) {
	const names = list.get_checked_items(true);
	frappe.confirm(__("Send {0} deliveries again?", [names.length]), () => {
		const calls = names.map((name) =>
			frappe.xcall("flow_engine.api.deliveries.redeliver", { delivery: name }),
		);
		Promise.allSettled(calls).then(() => list.refresh());
	});
}
