frappe.ui.form.on("Flow Template Version", {
	refresh(frm) {
		frm.disable_save();
	},
});
