frappe.ui.form.on("Flow Run", {
	refresh(frm) {
		frm.disable_save();
		show_context(frm);
		show_indicator(frm);
		show_times(frm);
		load_steps(frm);
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

function load_steps(frm) {
	const area = frm.get_field("steps_html").$wrapper;
	const name = frm.doc.name;
	area.html(`<p class="text-muted">${__("Loading…")}</p>`);
	frappe
		.xcall("flow_engine.api.runs.get", { run: name }, "GET")
		.then((answer) => {
			if (frm.doc.name === name) show_steps(frm, area, answer.run || answer);
		})
		.catch(() => {
			if (frm.doc.name === name)
				area.html(`<p class="text-muted">${__("The steps cannot be read.")}</p>`);
		});
}

function show_steps(frm, area, run) {
	area.html(flow_engine.step_table(run.steps));
	for (const [action, act] of Object.entries({ complete: fire, retry })) {
		area.find(`.flow-act[data-action=${action}]`).on("click", (event) =>
			act(frm, $(event.currentTarget).attr("data-step")),
		);
	}
	frm.get_field("values_html").$wrapper.html(
		flow_engine.value_block(__("Variables"), run.variables) +
			flow_engine.value_block(__("What triggered it"), run.trigger_data),
	);
	frm.remove_custom_button(__("Cancel Run"));
	const may_cancel = run.allowed
		? run.allowed.includes("cancel")
		: ["Flow Manager", "System Manager"].some((role) => frappe.user.has_role(role));
	if (frm.doc.status === "running" && may_cancel) {
		frm.add_custom_button(__("Cancel Run"), () => cancel(frm)).addClass("btn-danger");
	}
}

function fire(frm, step_id) {
	frappe.confirm(__("Let this step go on now?"), () => {
		flow_engine.call("runs.complete", { run: frm.doc.name, step_id }).then(() => frm.reload_doc());
	});
}

function retry(frm, step_id) {
	frappe.confirm(__("Try this step again?"), () => {
		flow_engine.call("runs.retry", { run: frm.doc.name, step_id }).then(() => frm.reload_doc());
	});
}

function cancel(frm) {
	frappe.prompt(
		[
			{
				fieldname: "reason",
				fieldtype: "Small Text",
				label: __("Reason"),
				description: __("Steps that are not finished will not run. This cannot be undone."),
			},
		],
		({ reason }) =>
			flow_engine
				.call("runs.cancel", { run: frm.doc.name, reason: reason || "" })
				.then(() => frm.reload_doc()),
		__("Cancel this run?"),
		__("Cancel Run"),
	);
}
