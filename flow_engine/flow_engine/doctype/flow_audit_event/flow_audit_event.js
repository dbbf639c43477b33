frappe.ui.form.on("Flow Audit Event", {
	refresh(frm) {
		frm.disable_save();
		frm.page.clear_primary_action();
	},
});
