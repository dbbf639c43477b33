// The menu "Flows" on the forms of what flows are about: what watches this kind of document, what ran for this one,
// what can be started on it, and a new flow for it.

$(document).on("form-refresh", (_event, frm) => {
	const about = frappe.boot.flow_engine?.doctypes || [];
	if (!about.includes(frm.doctype) || frm.is_new() || !frappe.model.can_read("Flow Template")) return;
	const name = frm.doc.name;
	frappe
		.xcall("flow_engine.api.connections.flows", { doctype: frm.doctype, docname: name }, "GET")
		.then((found) => {
			if (frm.doc.name === name) fill(frm, found);
		})
		// A form is never disturbed by what is only an addition to it.
		.catch(() => {});
});

const MENU_RUNS = 3;
const STATES = {
	running: () => __("running"),
	completed: () => __("completed"),
	failed: () => __("failed"),
	cancelled: () => __("cancelled"),
};

function fill(frm, { watching, runs, startable }) {
	const group = __("Flows");
	// The framework takes labels as HTML.
	const add = (label, act) => frm.add_custom_button(frappe.utils.escape_html(label), act, group);
	for (const flow of startable) {
		add(__("Start: {0}", [flow.template_name]), () => start(frm, flow));
	}
	for (const run of runs.slice(0, MENU_RUNS)) {
		const state = STATES[run.status] ? STATES[run.status]() : run.status;
		add(__("Run: {0} ({1})", [run.template_name, state]), () =>
			frappe.set_route("Form", "Flow Run", run.name),
		);
	}
	for (const flow of watching) {
		const label = flow.is_active
			? __("Open: {0}", [flow.template_name])
			: __("Open: {0} (off)", [flow.template_name]);
		add(label, () => flow_engine.open_flow_editor({ template: flow.name }));
	}
	if (frappe.model.can_create("Flow Template")) {
		add(__("New Flow for {0}", [__(frm.doctype)]), () =>
			flow_engine.open_flow_editor({ applies_to: frm.doctype }),
		);
	}
}

async function start(frm, flow) {
	const { payload_schema } = await flow_engine.call("templates.payload_schema", { name: flow.name });
	const about = { template: flow.name, doctype: frm.doctype, docname: frm.doc.name };
	if (payload_schema) return ask_payload(frm, flow, about, payload_schema);
	const question = __(
		"Start {0} on {1}?",
		[flow.template_name, frm.doc.name].map(frappe.utils.escape_html),
	);
	frappe.confirm(question, () =>
		flow_engine.call("runs.start", about).then(({ run }) => tell_started(frm, run)),
	);
}

// What the flow asks for is given in the same form as in the editor; what is wrong is said beside each field.
async function ask_payload(frm, flow, about, schema) {
	await flow_engine.load_editor();
	const title = __("Start: {0}", [frappe.utils.escape_html(flow.template_name)]);
	const dialog = new frappe.ui.Dialog({
		title,
		primary_action_label: __("Start"),
		primary_action() {
			const variables = mounted.exposed().read();
			if (!variables) return;
			frappe.call({
				method: "flow_engine.api.runs.start",
				args: { ...about, variables },
				freeze: true,
				callback({ message }) {
					dialog.hide();
					tell_started(frm, message.run);
				},
				error(reply) {
					const { code, problems } = reply?.responseJSON || {};
					if (code === "invalid_payload" && problems) mounted.exposed().show(problems);
					else flow_engine.show_refusal(reply);
				},
			});
		},
	});
	const mounted = flow_engine.editor.mount_payload(dialog.body, { schema });
	dialog.onhide = () => mounted.destroy();
	dialog.show();
}

function tell_started(frm, run) {
	frappe.show_alert({ message: __("Run {0} is started.", [run]), indicator: "green" });
	frm.reload_doc();
}
