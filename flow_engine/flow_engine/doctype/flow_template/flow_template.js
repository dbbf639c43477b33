frappe.ui.form.on("Flow Template", {
	refresh(frm) {
		show_state(frm);
		if (frm.is_new()) return;
		// The definition of a system template is the app's; the server refuses it whatever the form says.
		for (const field of ["template_name", "category", "flow_definition"]) {
			frm.set_df_property(field, "read_only", frm.doc.is_system ? 1 : 0);
		}
		if (frm.doc.is_system) {
			frm.set_intro(
				__("This template comes with the app. Duplicate it to change its definition."),
				"blue"
			);
		}
	},
});

function show_state(frm) {
	if (frm.is_new() || frm.is_dirty()) return;
	if (frm.doc.is_active) frm.page.set_indicator(__("Active"), "green");
	else if (frm.doc.published_version) frm.page.set_indicator(__("Paused"), "orange");
	else frm.page.set_indicator(__("Draft"), "gray");
}
