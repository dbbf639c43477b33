frappe.ui.form.on("Flow Webhook Endpoint", {
	refresh(frm) {
		frm.page.clear_indicator();
		if (frm.is_new()) return;
		show_state(frm);
		const managers = ["Flow Manager", "System Manager"];
		if (!managers.some((role) => frappe.user.has_role(role))) return;
		frm.add_custom_button(__("Send a Test"), () => send_test(frm));
		if (frm.doc.enabled && frm.doc.paused_at) {
			frm.add_custom_button(__("Resume"), () => resume(frm)).toggleClass("btn-default btn-primary");
		} else if (frm.doc.enabled) {
			frm.add_custom_button(__("Pause"), () => pause(frm));
		}
		frm.add_custom_button(__("New Secret"), () => new_secret(frm));
		frm.add_custom_button(__("Deliveries"), () =>
			frappe.set_route("List", "Flow Delivery", {
				reference_doctype: frm.doctype,
				reference_name: frm.doc.name,
			}),
		);
	},
});

function call(frm, method, values) {
	return frappe.xcall(`flow_engine.api.webhooks.${method}`, { name: frm.doc.name, ...values });
}

function show_state(frm) {
	const { enabled, paused_at, failing_since } = frm.doc;
	if (!enabled) return frm.page.set_indicator(__("Off"), "gray");
	if (paused_at) return frm.page.set_indicator(__("Paused"), "red");
	if (failing_since) return frm.page.set_indicator(__("Failing"), "orange");
	return frm.page.set_indicator(__("On"), "green");
}

function send_test(frm) {
	return call(frm, "test").then((answer) => {
		const taken = answer.status === "delivered";
		const said = [
			taken ? __("The endpoint took it.") : __("The endpoint did not take it."),
			answer.last_status && __("It answered {0}.", [answer.last_status]),
			answer.last_error && frappe.utils.escape_html(__(answer.last_error)),
			frappe.utils.get_form_link("Flow Delivery", answer.delivery, true),
		];
		frappe.msgprint({
			title: __("Test"),
			indicator: taken ? "green" : "red",
			message: said.filter(Boolean).join(" "),
		});
	});
}

function pause(frm) {
	const fields = [{ fieldname: "reason", fieldtype: "Small Text", label: __("Reason"), reqd: 1 }];
	frappe.prompt(
		fields,
		({ reason }) => call(frm, "pause", { reason }).then(() => frm.reload_doc()),
		__("Pause: what it would be told is held back"),
		__("Pause"),
	);
}

function resume(frm) {
	const fields = [
		{
			fieldname: "missed",
			fieldtype: "Select",
			label: __("What it has missed"),
			options: [
				{ value: "send", label: __("Send it now") },
				{ value: "drop", label: __("Drop it") },
			],
			default: "send",
			reqd: 1,
		},
		{ fieldname: "reason", fieldtype: "Small Text", label: __("Reason") },
	];
	const go_on = (values) =>
		call(frm, "resume", values).then(({ missed }) => {
			frappe.show_alert({ message: __("{0} deliveries", [missed]), indicator: "green" });
			frm.reload_doc();
		});
	frappe.prompt(fields, go_on, __("Resume"), __("Resume"));
}

function new_secret(frm) {
	const fields = [
		{
			fieldname: "overlap_hours",
			fieldtype: "Int",
			label: __("Hours in which the former secret signs too"),
			default: 24,
			description: __("0 when others know the former one."),
		},
	];
	const replace = (values) =>
		call(frm, "rotate_secret", values).then(({ secret }) => {
			frappe.msgprint({
				title: __("Secret"),
				message: __("Keep the secret, it is not shown again: {0}", [
					`<code>${frappe.utils.escape_html(secret)}</code>`,
				]),
			});
			frm.reload_doc();
		});
	frappe.prompt(fields, replace, __("New Secret"), __("Replace"));
}
