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
	for (const [action, act] of Object.entries({ complete: fire, retry, skip, mark_done })) {
		area.find(`.flow-act[data-action=${action}]`).on("click", (event) =>
			act(frm, $(event.currentTarget).attr("data-step")),
		);
	}
	frm.get_field("values_html").$wrapper.html(
		flow_engine.value_block(__("Variables"), run.variables) +
			flow_engine.value_block(__("What triggered it"), run.trigger_data),
	);
	for (const label of [__("Cancel Run"), __("Replay…")]) frm.remove_custom_button(label);
	const allowed = run.allowed || [];
	if (allowed.includes("replay")) frm.add_custom_button(__("Replay…"), () => replay(frm, run.steps));
	if (frm.doc.status === "running" && allowed.includes("cancel")) {
		frm.add_custom_button(__("Cancel Run"), () => cancel(frm)).addClass("btn-danger");
	}
}

function fire(frm, step_id) {
	frappe.confirm(__("Let this step go on now?"), () => {
		flow_engine.call("runs.complete", { run: frm.doc.name, step_id }).then(() => frm.reload_doc());
	});
}

// Ask for a reason, and whatever else it takes, then do it.
function operate(frm, method, args, title, label, { fields = [], description = "" } = {}) {
	const reason = { fieldname: "reason", fieldtype: "Small Text", label: __("Reason"), description };
	frappe.prompt(
		[...fields, reason],
		(values) =>
			flow_engine
				.call(method, { run: frm.doc.name, ...args, ...values, reason: values.reason || "" })
				.then((answer) =>
					answer.replay_of ? frappe.set_route("Form", "Flow Run", answer.run) : frm.reload_doc(),
				),
		title,
		label,
	);
}

function retry(frm, step_id) {
	operate(frm, "runs.retry", { step_id }, __("Try this step again?"), __("Try Again"));
}

function skip(frm, step_id) {
	operate(frm, "runs.skip", { step_id }, __("Go on without this step?"), __("Skip"), {
		description: __("What needs this step is skipped as well. This cannot be undone."),
	});
}

function mark_done(frm, step_id) {
	const result = {
		fieldname: "result",
		fieldtype: "Code",
		options: "JSON",
		label: __("Result"),
		description: __(
			'A JSON object that later steps may read, such as {"name": "DJ-00001"}. May be empty.',
		),
	};
	operate(frm, "runs.mark_done", { step_id }, __("Was this done by hand?"), __("Mark as Done"), {
		fields: [result],
	});
}

function replay(frm, steps) {
	const from = steps.filter((step) => (step.allowed || []).includes("replay"));
	const fields = [
		{
			fieldname: "step_id",
			fieldtype: "Select",
			label: __("From"),
			options: [
				{ value: "", label: __("The start") },
				...from.map(({ id, label }) => ({ value: id, label: label || id })),
			],
			description: __("The results of steps that do not hang on this one are kept."),
		},
		{
			fieldname: "version",
			fieldtype: "Select",
			label: __("Version"),
			options: [
				{ value: "original", label: __("The one it ran on") },
				{ value: "latest", label: __("The one published now") },
			],
			default: "original",
			reqd: 1,
		},
	];
	operate(frm, "runs.replay", {}, __("Replay this run?"), __("Replay"), {
		fields,
		description: __("What the steps do happens once more, in a new run."),
	});
}

function cancel(frm) {
	operate(frm, "runs.cancel", {}, __("Cancel this run?"), __("Cancel Run"), {
		description: __("Steps that are not finished will not run. This cannot be undone."),
	});
}
