frappe.ui.form.on("Flow Step Pending", {
	refresh(frm) {
		const colours = { pending: "purple", running: "blue", completed: "green", failed: "red" };
		frm.page.set_indicator(__(frm.doc.status), colours[frm.doc.status] || "gray");
		const may_write = frm.perm[0] && frm.perm[0].write;
		if (may_write && frm.doc.status === "failed") {
			frm.add_custom_button(__("Try Again"), () => {
				frm.set_value({ status: "pending", retry_count: 0 }).then(() => frm.save());
			});
		}
	},
});
