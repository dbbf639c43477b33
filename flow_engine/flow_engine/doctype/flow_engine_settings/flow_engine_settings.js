frappe.ui.form.on("Flow Engine Settings", {
	refresh(frm) {
		if (frm.doc.disabled)
			frm.set_intro(__("The flow engine is switched off: no flow starts or goes on."), "red");
		const lines = [
			__("Text messages go through the gateway of {0}.", [link("SMS Settings")]),
			__("How long runs are kept is also shown in {0}.", [link("Log Settings")]),
		];
		show_signing_secret(frm);
		frm.get_field("sms_html").$wrapper.html(`<p class="text-muted">${lines.join(" ")}</p>`);
	},
});

// Fetched when somebody asks to see it, so that it is in no form that is merely open.
function show_signing_secret(frm) {
	const area = frm.get_field("signing_html").$wrapper;
	area.html(
		`<div class="text-muted small mb-1">${__("Signing secret")}</div>
		<code class="mr-2" style="overflow-wrap: anywhere">${"•".repeat(24)}</code>
		<button class="btn btn-xs btn-default">${__("Show")}</button>
		<p class="mt-2 text-muted"><a href="/app/flow-delivery">${__("Flow Delivery")}</a></p>`,
	);
	area.find("button").on("click", (event) => {
		frappe.xcall("flow_engine.api.deliveries.signing_secret").then((answer) => {
			area.find("code").text(answer.signing_secret);
			$(event.currentTarget).remove();
		});
	});
}

function link(doctype) {
	return `<a href="/app/${frappe.router.slug(doctype)}">${__(doctype)}</a>`;
}
