frappe.listview_settings["Flow Template"] = {
	add_fields: [
		"is_active",
		"is_retired",
		"is_system",
		"published_version",
		"draft_state",
		"applies_to",
		"trigger_event",
	],

	get_indicator(doc) {
		if (doc.is_retired) return [__("Retired"), "red", "is_retired,=,1"];
		if (doc.is_active) return [__("Active"), "green", "is_active,=,1"];
		if (doc.published_version) return [__("Paused"), "orange", "is_active,=,0|published_version,>,0"];
		return [__("Draft"), "gray", "is_active,=,0|published_version,=,0"];
	},

	formatters: {
		trigger_event(name) {
			const label = frappe.boot.flow_engine?.events?.[name] || name || "";
			return frappe.utils.escape_html(label);
		},
	},

	button: {
		show: (doc) => !doc.is_retired && frappe.model.can_write("Flow Template"),
		get_label: (doc) => (doc.is_active ? __("Switch Off") : __("Switch On")),
		get_description: (doc) =>
			__("Whether {0} starts runs", [frappe.utils.escape_html(doc.template_name)]),
		action: (doc) => toggle(doc),
	},

	onload(listview) {
		if (frappe.model.can_read("Flow Schedule")) {
			listview.page.add_actions_menu_item(__("Schedules"), () => open_schedules(listview), false);
		}
		if (!frappe.model.can_create("Flow Template")) return;
		listview.page.add_inner_button(__("Start From…"), () => show_start());
		listview.page.add_menu_item(__("Import Flows…"), import_flows);
		listview.page.add_actions_menu_item(__("Duplicate"), () => duplicate(listview), false);
		listview.page.add_actions_menu_item(__("Export Flows"), () => export_flows(listview), false);
	},

	// A list without flows of one's own says how to get one.
	async refresh(listview) {
		const area = listview.$frappe_list;
		const own = await frappe.db.count("Flow Template", { filters: { is_system: 0 } });
		const wanted = !own && frappe.model.can_create("Flow Template");
		if (!wanted) return listview.flow_start?.close();
		if (listview.flow_start) return;
		const element = $('<div class="fe-desk-start">').prependTo(area);
		listview.flow_start = await start_cards(element, () => {});
		const { close } = listview.flow_start;
		listview.flow_start.close = () => {
			listview.flow_start = null;
			close();
			element.remove();
		};
	},
};

function refresh_list() {
	cur_list?.doctype === "Flow Template" && cur_list.refresh();
}

function call(method, args) {
	return flow_engine.call(`templates.${method}`, args);
}

function toggle(doc) {
	if (!doc.is_active) {
		const name = frappe.utils.escape_html(doc.template_name);
		return frappe.confirm(
			__("Switch {0} on? From now on it starts by itself whenever its trigger happens.", [name]),
			() => call("update", { name: doc.name, is_active: 1 }).then(refresh_list),
		);
	}
	frappe.prompt(
		[
			{
				fieldname: "running",
				fieldtype: "Select",
				label: __("Runs that are under way"),
				options: [
					{ value: "finish", label: __("let them finish") },
					{ value: "cancel", label: __("cancel them") },
				],
				default: "finish",
				reqd: 1,
			},
			{ fieldname: "reason", fieldtype: "Small Text", label: __("Why (optional)") },
		],
		({ running, reason }) =>
			call("update", { name: doc.name, is_active: 0, running, reason: reason || "" }).then(
				refresh_list,
			),
		__("Switch the flow off?"),
		__("Switch Off"),
	);
}

function open_schedules(listview) {
	const names = listview.get_checked_items().map((one) => one.name);
	frappe.set_route("List", "Flow Schedule", "List", { flow_template: ["in", names] });
}

async function duplicate(listview) {
	for (const { name } of listview.get_checked_items()) await call("duplicate", { name });
	refresh_list();
}

async function export_flows(listview) {
	const flows = [];
	for (const { name } of listview.get_checked_items()) flows.push(await call("export", { name }));
	const one = flows.length === 1 ? flows[0].template_name : __("flows");
	const file = new Blob([JSON.stringify(flows, null, "\t")], { type: "application/json" });
	const link = document.createElement("a");
	link.href = URL.createObjectURL(file);
	link.download = `${one.replace(/[\\/:*?"<>|]+/g, "_")}.json`;
	link.click();
	setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function import_flows() {
	const picked = $('<input type="file" accept=".json,application/json">');
	picked.on("change", async () => {
		const [file] = picked.get(0).files;
		if (!file) return;
		let templates;
		try {
			const data = JSON.parse(await file.text());
			templates = Array.isArray(data) ? data : [data];
		} catch (error) {
			const name = frappe.utils.escape_html(file.name);
			return frappe.msgprint(__("{0} is no file of exported flows.", [name]));
		}
		const { results } = await call("import_templates", { templates });
		const words = { created: __("new"), updated: __("changed"), unchanged: __("as it was") };
		const rows = results.map(
			(one) =>
				`<li>${frappe.utils.escape_html(one.template_name)}: ${words[one.outcome] || one.outcome}</li>`,
		);
		frappe.msgprint({ title: __("Imported"), message: `<ul>${rows.join("")}</ul>`, indicator: "green" });
		refresh_list();
	});
	picked.get(0).click();
}

// The ready flows and the sentence of a new one, in an element; answers `{close}`.
async function start_cards(element, done) {
	await flow_engine.load_editor();
	const mounted = flow_engine.editor.mount_start(element.get(0), {
		onOpen: (name) => {
			done();
			frappe.set_route("Form", "Flow Template", name);
		},
		onBegin: (presets) => {
			done();
			flow_engine.open_flow_editor(presets);
		},
	});
	return { close: () => mounted.destroy() };
}

async function show_start() {
	const dialog = new frappe.ui.Dialog({ title: __("New Flow"), size: "large" });
	const cards = await start_cards($(dialog.body), () => dialog.hide());
	dialog.onhide = () => {
		cards.close();
		dialog.$wrapper.remove();
	};
	dialog.show();
}
