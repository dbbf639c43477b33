// What is stored is changed in the form's own fields; how the hook is called, tried and what came in is drawn by the
// same component as on the standalone page.

frappe.ui.form.on("Flow Inbound Hook", {
	refresh(frm) {
		frm.page.set_indicator(frm.doc.enabled ? __("On") : __("Off"), frm.doc.enabled ? "green" : "gray");
		show_hook(frm);
		if (frm.is_new()) return;
		const { name, flow_template } = frm.doc;
		frm.add_custom_button(__("Runs"), () =>
			frappe.set_route("List", "Flow Run", "List", { trigger_key: ["like", `hook:${name}:%`] }),
		);
		frm.add_custom_button(__("Flow"), () => frappe.set_route("Form", "Flow Template", flow_template));
	},
});

// One view for the hook that is shown; a form that is drawn again keeps it.
async function show_hook(frm) {
	const area = frm.get_field("hook_html").$wrapper;
	if (frm.is_new()) {
		frm.flow_hook_view?.mounted.destroy();
		frm.flow_hook_view = null;
		return area.empty();
	}
	await flow_engine.load_editor();
	const { name } = frm.doc;
	if (frm.flow_hook_view?.name === name) return frm.flow_hook_view.mounted.exposed()?.load?.();
	frm.flow_hook_view?.mounted.destroy();
	const element = $('<div class="fe-desk-schedule">').appendTo(area.empty()).get(0);
	const mounted = flow_engine.editor.mount_hook(element, {
		name,
		embedded: true,
		onChanged: () => frm.doc.name === name && frm.reload_doc(),
	});
	frm.flow_hook_view = { name, mounted };
}
