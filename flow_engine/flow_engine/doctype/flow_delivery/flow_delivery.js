frappe.ui.form.on("Flow Delivery", {
	refresh(frm) {
		frm.disable_save();
		show_indicator(frm);
		const { reference_doctype: doctype, reference_name: name, status } = frm.doc;
		if (doctype && name) {
			frm.add_custom_button(__("Open {0}", [__(doctype)]), () =>
				frappe.set_route("Form", doctype, name),
			);
		}
		if (!["Flow Manager", "System Manager"].some((role) => frappe.user.has_role(role))) return;
		if (["pending", "sending"].includes(status)) {
			frm.add_custom_button(__("Cancel Delivery"), () => cancel(frm));
		}
		if (status === "sending") return;
		const label = status === "pending" ? __("Send Now") : __("Redeliver");
		frm.add_custom_button(label, () => redeliver(frm)).toggleClass("btn-default btn-primary");
	},
});

const COLOURS = {
	pending: "purple",
	sending: "blue",
	delivered: "green",
	failed: "red",
	cancelled: "gray",
	held: "yellow",
};

function show_indicator(frm) {
	const again = frm.doc.status === "pending" && frm.doc.attempts > 0;
	const label = again ? __("trying again") : __(frm.doc.status);
	frm.page.set_indicator(label, again ? "orange" : COLOURS[frm.doc.status] || "gray");
}

function redeliver(frm) {
	const send = () =>
		frappe
			.xcall("flow_engine.api.deliveries.redeliver", { delivery: frm.doc.name })
			.then(() => frm.reload_doc());
	if (frm.doc.status !== "delivered") return send();
	const question = __("It was delivered already. It goes out again with the same Idempotency-Key.");
	return frappe.confirm(question, send);
}

function cancel(frm) {
	const question = __("Send it no more? What is under way at this moment cannot be called back.");
	frappe.confirm(question, () =>
		frappe
			.xcall("flow_engine.api.deliveries.cancel", { delivery: frm.doc.name })
			.then(() => frm.reload_doc()),
	);
}
