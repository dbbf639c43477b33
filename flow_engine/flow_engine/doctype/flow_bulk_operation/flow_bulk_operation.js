// An operation that is under way is looked at again and again, for as long as its form is open.
const LOOK_AGAIN_MS = 3000;

frappe.ui.form.on("Flow Bulk Operation", {
	refresh(frm) {
		frm.disable_save();
		const { status, place, done, refused, total } = frm.doc;
		if (status === "completed") {
			const colour = refused ? "orange" : "green";
			frm.dashboard.set_headline_alert(__("{0} of {1} done.", [done, total]), colour);
			return;
		}
		if (status === "stopped") return;
		frm.dashboard.add_progress(__("Progress"), [
			{
				title: __("{0} of {1}", [place, total]),
				width: `${total ? (place * 100) / total : 0}%`,
				progress_class: "progress-bar-success",
			},
		]);
		setTimeout(() => frappe.get_route()[2] === frm.docname && frm.reload_doc(), LOOK_AGAIN_MS);
	},
});
