frappe.ui.form.on("Flow Step Log", {
	refresh(frm) {
		frm.disable_save();
		const colours = {
			running: "blue",
			done: "green",
			failed: "red",
			retry: "orange",
			late_outcome: "yellow",
		};
		frm.page.set_indicator(__(frm.doc.state), colours[frm.doc.state] || "gray");
	},
});
