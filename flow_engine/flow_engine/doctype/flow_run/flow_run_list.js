frappe.listview_settings["Flow Run"] = {
	add_fields: ["status", "failed_steps", "sla_status"],
	get_indicator(doc) {
		const late = ["running", "failed"].includes(doc.status) && flow_engine.late_indicator(doc.sla_status);
		if (late) return late;
		if (doc.status === "running" && doc.failed_steps > 0) {
			return [__("running, with failures"), "orange", "status,=,running|failed_steps,>,0"];
		}
		const colour = { running: "blue", completed: "green", failed: "red", cancelled: "gray" }[doc.status];
		return [__(doc.status), colour || "gray", `status,=,${doc.status}`];
	},
	onload(listview) {
		if (!["Flow Manager", "System Manager"].some((role) => frappe.user.has_role(role))) return;
		for (const [action, label, question] of BULK) {
			listview.page.add_actions_menu_item(label(), () => act_on_chosen(listview, action, question));
		}
	},
};

const BULK = [
	["cancel", () => __("Cancel Runs"), (count) => __("Cancel {0} runs?", [count])],
	[
		"retry",
		() => __("Retry Failed Steps"),
		(count) => __("Try the failed steps of {0} runs again?", [count]),
	],
	[
		"migrate",
		() => __("Move to the newer version"),
		(count) => __("Move {0} runs to the newer version?", [count]),
	],
	["replay", () => __("Replay"), (count) => __("Replay {0} runs from the start?", [count])],
	[
		"compensate",
		() => __("Undo What Was Done"),
		(count) => __("Undo what {0} ended runs have done?", [count]),
	],
];

function act_on_chosen(listview, action, question) {
	const names = listview.get_checked_items(true);
	frappe.prompt(
		[{ fieldname: "reason", fieldtype: "Small Text", label: __("Reason") }],
		({ reason }) =>
			flow_engine.call("runs.bulk", { action, names, reason: reason || "" }).then(({ count, job }) => {
				const link = job ? ` <a href="/app/flow-bulk-operation/${job}">${__("Show")}</a>` : "";
				frappe.show_alert(__("{0} runs are being worked on.", [count]) + link);
				listview.clear_checked_items();
			}),
		question(names.length),
		__("Go On"),
	);
}
