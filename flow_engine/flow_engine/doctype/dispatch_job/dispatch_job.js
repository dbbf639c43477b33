const COLOURS = {
	Open: "orange",
	Scheduled: "purple",
	"In Progress": "blue",
	Completed: "green",
	Cancelled: "gray",
};

// Beside the table in dispatch_job.py, which decides; here each move has a word, and the usual one stands out.
const MOVES = {
	Open: [
		["Scheduled", __("Schedule"), true],
		["In Progress", __("Start")],
		["Completed", __("Complete")],
		["Cancelled", __("Cancel Job")],
	],
	Scheduled: [
		["In Progress", __("Start"), true],
		["Scheduled", __("Reschedule")],
		["Completed", __("Complete")],
		["Open", __("Unschedule")],
		["Cancelled", __("Cancel Job")],
	],
	"In Progress": [
		["Completed", __("Complete"), true],
		["Scheduled", __("Reschedule")],
		["Open", __("Put Back")],
		["Cancelled", __("Cancel Job")],
	],
	Cancelled: [["Open", __("Reopen")]],
};

frappe.ui.form.on("Dispatch Job", {
	setup(frm) {
		frm.set_query("address", () => ({
			query: "frappe.contacts.doctype.address.address.address_query",
			filters: frm.doc.customer ? { link_doctype: "Customer", link_name: frm.doc.customer } : {},
		}));
	},

	refresh(frm) {
		frm.set_df_property("status", "read_only", 1);
		if (frm.is_new()) return;
		if (!frm.is_dirty()) frm.page.set_indicator(__(frm.doc.status), COLOURS[frm.doc.status] || "gray");
		if (!frm.perm[0] || !frm.perm[0].write) return;
		for (const [status, label, usual] of MOVES[frm.doc.status] || []) {
			if (usual)
				frm.add_custom_button(label, () => move(frm, status)).toggleClass("btn-default btn-primary");
			else frm.add_custom_button(label, () => move(frm, status), __("Status"));
		}
	},

	customer(frm) {
		if (frm.doc.address) frm.set_value("address", null);
	},
});

function move(frm, status) {
	if (status === "Scheduled") return schedule(frm);
	if (status === "Cancelled") {
		return frappe.confirm(__("Cancel this job?"), () => save(frm, { status }));
	}
	if (status === "Open") return save(frm, { status, scheduled_time: null });
	return save(frm, { status });
}

function schedule(frm) {
	frappe.prompt(
		[
			{
				fieldname: "scheduled_time",
				fieldtype: "Datetime",
				label: __("Scheduled time"),
				default: frm.doc.scheduled_time,
				reqd: 1,
			},
			{
				fieldname: "duration_h",
				fieldtype: "Float",
				label: __("Duration (h)"),
				default: frm.doc.duration_h,
			},
			{
				fieldname: "assigned_group",
				fieldtype: "Data",
				label: __("Assigned group"),
				default: frm.doc.assigned_group,
			},
		],
		(values) => save(frm, { status: "Scheduled", ...values }),
		__("Schedule"),
		__("Schedule"),
	);
}

// A refused move leaves the form as the server has it.
function save(frm, values) {
	return frm
		.set_value(values)
		.then(() => frm.save(undefined, undefined, undefined, () => frm.reload_doc()));
}
