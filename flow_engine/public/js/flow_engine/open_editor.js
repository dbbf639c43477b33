// The editor over any page of the desk: one dialog, mounted once, and the button that opens it.
//
//   flow_engine.open_flow_editor({ template: "FT-00005" })
//   flow_engine.open_flow_editor({ category: "incident", applies_to: "Issue", trigger_event: "on_issue_opened" })
//   flow_engine.quick_button(frm, { applies_to: "Contract", label: __("Automate") })

frappe.provide("flow_engine");

const BUNDLES = ["flow_engine_editor.bundle.js", "flow_engine_editor.bundle.css"];

flow_engine.load_editor = () => new Promise((resolve) => frappe.require(BUNDLES, resolve));

let shown = null;

/** Opens a flow, or begins one; resolves with the dialog when it is shown. */
flow_engine.open_flow_editor = async function ({ template = null, ...presets } = {}) {
	if (shown && !(await close())) return shown.dialog;
	await flow_engine.load_editor();
	const dialog = new frappe.ui.Dialog({ title: __("Flow"), size: "extra-large", static: true });
	dialog.$wrapper.addClass("fe-desk-dialog");
	const mounted = flow_engine.editor.mount_editor(dialog.body, {
		name: template,
		presets,
		closable: true,
		onClose: close,
	});
	shown = { dialog, mounted };
	// Escape, the cross and the browser's own ways out all ask before anything is lost.
	dialog.$wrapper.on("hide.bs.modal", (event) => {
		if (event.target !== dialog.$wrapper.get(0) || !shown || shown.closing) return;
		event.preventDefault();
		close();
	});
	dialog.show();
	return dialog;
};

async function close() {
	if (!shown) return true;
	const inside = shown.mounted.exposed();
	if (inside && !(await inside.mayLeave())) return false;
	const { dialog, mounted } = shown;
	shown.closing = true;
	dialog.hide();
	mounted.destroy();
	dialog.$wrapper.remove();
	shown = null;
	return true;
}

/** place: a form, or a page of the desk. Without `template` the button begins a flow from the other options. */
flow_engine.quick_button = function (place, { label = null, ...options } = {}) {
	const text = label || (options.template ? __("Edit Flow") : __("New Flow"));
	const act = () => flow_engine.open_flow_editor(options);
	return place.add_custom_button ? place.add_custom_button(text, act) : place.add_inner_button(text, act);
};
