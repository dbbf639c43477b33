frappe.ui.form.on("Flow Engine Settings", {
	refresh(frm) {
		if (frm.doc.disabled)
			frm.set_intro(__("The flow engine is switched off: no flow starts or goes on."), "red");
		const lines = [
			__("Text messages go through the gateway of {0}.", [link("SMS Settings")]),
			__("How long runs are kept is also shown in {0}.", [link("Log Settings")]),
		];
		frm.get_field("sms_html").$wrapper.html(`<p class="text-muted">${lines.join(" ")}</p>`);
	},
});

function link(doctype) {
	return `<a href="/app/${frappe.router.slug(doctype)}">${__(doctype)}</a>`;
}
