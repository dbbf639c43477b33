// A run is read, never edited. The flow it was started from stands on the first tab, with where each step is and the
// buttons that the server allows; the other tabs show what the engine keeps.

frappe.ui.form.on("Flow Run", {
	refresh(frm) {
		frm.disable_save();
		show_context(frm);
		show_indicator(frm);
		show_times(frm);
		show_run(frm);
	},
});

const COLOURS = { running: "blue", completed: "green", failed: "red", cancelled: "gray" };

function show_indicator(frm) {
	const failing = frm.doc.status === "running" && frm.doc.failed_steps > 0;
	const label = failing ? __("running, with failures") : __(frm.doc.status);
	frm.page.set_indicator(label, failing ? "orange" : COLOURS[frm.doc.status] || "gray");
}

// The context is kept as text, so that a run never stands in the way of renaming or deleting the document.
function show_context(frm) {
	const { context_doctype: doctype, context_docname: name } = frm.doc;
	if (!doctype || !name) return;
	frm.add_custom_button(__("Open {0}", [__(doctype)]), () => frappe.set_route("Form", doctype, name));
}

function show_times(frm) {
	const rows = [
		[__("Next due"), frm.doc.wake_at],
		[__("Worked on until"), frm.doc.lease_until],
	].map(([label, value]) => {
		const shown = flow_engine.utc_as_text(value) || `<span class="text-muted">${"–"}</span>`;
		return `<div class="mb-3"><div class="text-muted small">${label}</div>${shown}</div>`;
	});
	frm.get_field("wake_html").$wrapper.html(rows.join(""));
}

// One view for the run that is shown; a form that is drawn again keeps it, and it follows the run by itself.
async function show_run(frm) {
	$(frm.page.wrapper).addClass("fe-form");
	await flow_engine.load_editor();
	const area = frm.get_field("steps_html").$wrapper;
	if (frm.flow_run_view?.name === frm.doc.name) return;
	frm.flow_run_view?.mounted.destroy();
	const element = $('<div class="fe-desk">').appendTo(area.empty());
	frm.flow_run_view = {
		name: frm.doc.name,
		mounted: flow_engine.editor.mount_run(element.get(0), { run: frm.doc.name, embedded: true }),
	};
}
