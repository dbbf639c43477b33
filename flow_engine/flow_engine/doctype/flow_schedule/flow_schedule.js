// A schedule is shown, made and changed by the same components as on the standalone page: they check while one types
// and show when it fires next. What the other tab shows is what is stored.

frappe.ui.form.on("Flow Schedule", {
	refresh(frm) {
		frm.disable_save();
		frm.set_read_only();
		show_state(frm);
		show_schedule(frm);
		if (!frm.is_new()) add_buttons(frm);
	},
});

const COLOURS = { enabled: "green", paused: "gray", invalid: "red", finished: "blue" };

function show_state(frm) {
	if (!frm.is_new()) frm.page.set_indicator(__(frm.doc.status), COLOURS[frm.doc.status] || "gray");
}

function add_buttons(frm) {
	const { name, flow_template } = frm.doc;
	frm.add_custom_button(__("Runs"), () =>
		frappe.set_route("List", "Flow Run", "List", { trigger_key: ["like", `schedule:${name}:%`] }),
	);
	frm.add_custom_button(__("Flow"), () => frappe.set_route("Form", "Flow Template", flow_template));
}

// One view for the schedule that is shown; a form that is drawn again keeps it.
async function show_schedule(frm) {
	$(frm.page.wrapper).addClass("fe-form");
	await flow_engine.load_editor();
	const { name } = frm.doc;
	if (frm.flow_schedule_view?.name === name) return frm.flow_schedule_view.refresh();
	frm.flow_schedule_view?.mounted.destroy();
	const area = frm.get_field("schedule_html").$wrapper.empty();
	const element = $('<div class="fe-desk-schedule">').appendTo(area).get(0);
	const mounted = frm.is_new() ? mount_new(frm, element) : mount_view(frm, element);
	frm.flow_schedule_view = { name, mounted, refresh: () => mounted.exposed()?.load?.() };
}

function mount_new(frm, element) {
	const { name, flow_template, schedule_name, schedule_type } = frm.doc;
	const presets = { flow_template, schedule_name, schedule_type };
	return flow_engine.editor.mount_new_schedule(element, {
		presets: Object.fromEntries(Object.entries(presets).filter(([, value]) => value)),
		onSaved: (schedule) => {
			frappe.model.remove_from_locals("Flow Schedule", name);
			frappe.set_route("Form", "Flow Schedule", schedule.name);
		},
		onClose: () => {
			frappe.model.remove_from_locals("Flow Schedule", name);
			frappe.set_route("List", "Flow Schedule");
		},
	});
}

function mount_view(frm, element) {
	const { name } = frm.doc;
	return flow_engine.editor.mount_schedule(element, {
		name,
		embedded: true,
		// The view has read it anew already; the other tab follows.
		onChanged: () => frm.doc.name === name && frm.reload_doc(),
		onGone: () => {
			frappe.model.remove_from_locals("Flow Schedule", name);
			frappe.set_route("List", "Flow Schedule");
		},
	});
}
