frappe.ui.form.on("Flow Template", {
	refresh(frm) {
		if (!frm.is_dirty()) frm.flow_was_active = frm.doc.is_active;
		show_state(frm);
		show_outline(frm);
		if (frm.is_new()) return;
		// The definition of a system template is the app's; the server refuses it whatever the form says.
		for (const field of ["template_name", "category", "flow_definition"]) {
			frm.set_df_property(field, "read_only", frm.doc.is_system ? 1 : 0);
		}
		if (frm.doc.is_system) {
			frm.set_intro(
				__("This template comes with the app. Duplicate it to change its definition."),
				"blue",
			);
		}
		add_buttons(frm);
	},

	flow_definition(frm) {
		show_outline(frm);
	},

	// Pausing asks what is to become of the runs that are under way.
	async before_save(frm) {
		frm.flow_cancel_running = null;
		if (frm.is_new() || frm.doc.is_active || !frm.flow_was_active) return;
		const running = await frappe.db.count("Flow Run", {
			filters: { flow_template: frm.doc.name, status: "running" },
		});
		const answer = await ask_about_pausing(running);
		if (!answer) {
			frappe.validated = false;
			return;
		}
		frm.doc.paused_reason = answer.reason || "";
		if (answer.running === "cancel") frm.flow_cancel_running = answer;
	},

	after_save(frm) {
		const answer = frm.flow_cancel_running;
		frm.flow_cancel_running = null;
		if (!answer) return;
		flow_engine
			.call("templates.cancel_runs", { name: frm.doc.name, reason: answer.reason || "" })
			.then(({ count }) => frappe.show_alert(__("{0} runs are being cancelled.", [count])));
	},
});

// Resolves with `{reason, running}`, or null when the dialog was closed.
function ask_about_pausing(running) {
	return new Promise((resolve) => {
		const fields = [{ fieldname: "reason", fieldtype: "Small Text", label: __("Reason") }];
		if (running) {
			fields.unshift({
				fieldname: "running",
				fieldtype: "Select",
				label: __("{0} runs are under way", [running]),
				options: [
					{ value: "finish", label: __("Let them finish") },
					{ value: "cancel", label: __("Cancel them") },
				],
				default: "finish",
				reqd: 1,
			});
		}
		const dialog = new frappe.ui.Dialog({
			title: __("Pause this flow?"),
			fields,
			primary_action_label: __("Pause"),
			primary_action(values) {
				resolve(values);
				dialog.hide();
			},
		});
		dialog.onhide = () => resolve(null);
		dialog.show();
	});
}

function show_state(frm) {
	if (frm.is_new() || frm.is_dirty()) return;
	if (frm.doc.is_active) frm.page.set_indicator(__("Active"), "green");
	else if (frm.doc.published_version) frm.page.set_indicator(__("Paused"), "orange");
	else frm.page.set_indicator(__("Draft"), "gray");
}

function show_outline(frm) {
	const area = frm.get_field("outline_html").$wrapper;
	const written = frm.doc.flow_definition;
	if (!written) return area.html(flow_engine.outline({}, [], []));
	Promise.all([
		frappe.xcall("flow_engine.api.catalog"),
		frappe.xcall("flow_engine.api.templates.validate", { definition: written }),
	])
		.then(([{ kinds }, { problems }]) => {
			if (frm.doc.flow_definition !== written) return;
			area.html(
				flow_engine.problem_list(problems) + flow_engine.outline(read(written), kinds, problems),
			);
		})
		.catch(() => area.html(`<p class="text-muted">${__("The steps cannot be read.")}</p>`));
}

function read(definition) {
	try {
		return JSON.parse(definition);
	} catch (error) {
		return {};
	}
}

function add_buttons(frm) {
	const may_write = frm.perm[0] && frm.perm[0].write;
	const { name, is_active, draft_state, trigger_event } = frm.doc;
	frm.add_custom_button(__("Runs"), () =>
		frappe.set_route("List", "Flow Run", "List", { flow_template: name }),
	);
	if (!may_write) return;
	frm.add_custom_button(__("Duplicate"), () => duplicate(frm));
	if (is_active && trigger_event === "manual") {
		frm.add_custom_button(__("Start…"), () => start(frm));
	}
	if (draft_state !== "published") {
		frm.add_custom_button(__("Publish"), () => publish(frm)).toggleClass("btn-default btn-primary");
	}
}

function publish(frm) {
	if (frm.is_dirty()) return frappe.msgprint(__("Save your changes first."));
	frappe.prompt(
		[{ fieldname: "note", fieldtype: "Small Text", label: __("What has changed") }],
		({ note }) =>
			flow_engine
				.call("templates.publish", { name: frm.doc.name, note: note || "" })
				.then(() => frm.reload_doc()),
		__("Publish this draft?"),
		__("Publish"),
	);
}

function duplicate(frm) {
	frappe.prompt(
		[
			{
				fieldname: "new_name",
				fieldtype: "Data",
				label: __("Name"),
				default: __("{0} (copy)", [frm.doc.template_name]),
				reqd: 1,
			},
		],
		({ new_name }) =>
			flow_engine
				.call("templates.duplicate", { name: frm.doc.name, new_name })
				.then(({ template }) => frappe.set_route("Form", "Flow Template", template.name)),
		__("Duplicate"),
		__("Duplicate"),
	);
}

function start(frm) {
	const about = frm.doc.applies_to;
	const fields = [
		{
			fieldname: "doctype",
			fieldtype: "Link",
			options: "DocType",
			label: __("Document type"),
			default: about || "Customer",
			read_only: about ? 1 : 0,
		},
		{ fieldname: "docname", fieldtype: "Dynamic Link", options: "doctype", label: __("Document") },
	];
	frappe.prompt(
		fields,
		({ doctype, docname }) =>
			flow_engine
				.call("runs.start", {
					template: frm.doc.name,
					...(docname ? { doctype, docname } : {}),
				})
				.then(({ run }) => frappe.set_route("Form", "Flow Run", run)),
		__("Start this flow"),
		__("Start"),
	);
}
