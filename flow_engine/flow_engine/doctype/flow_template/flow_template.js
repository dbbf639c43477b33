// A flow is drawn, saved and published in the editor, which fills the form's first tab. What the other tabs show is
// what was saved; the editor's settings change it, so that there is one way to save and one place with changes.

frappe.ui.form.on("Flow Template", {
	onload(frm) {
		frm.flow_editors = frm.flow_editors || new Map();
		// The framework takes this tab's own saves for somebody else's too, and would load the form again.
		frm.debounced_reload_doc = frappe.utils.debounce(() => heard_of_save(frm), 1000);
	},

	onload_post_render(frm) {
		if (frm.flow_focus_kept) return;
		frm.flow_focus_kept = true;
		keep_focus(frm.get_field("editor_html").$wrapper.get(0));
	},

	refresh(frm) {
		frm.disable_save();
		frm.set_read_only();
		show_state(frm);
		show_editor(frm);
		show_versions(frm);
		if (!frm.is_new()) add_buttons(frm);
	},
});

// One editor for each flow that this tab has open: going to another flow and back loses nothing.
function show_editor(frm) {
	$(frm.page.wrapper).addClass("fe-form");
	const area = frm.get_field("editor_html").$wrapper;
	frappe.require(["flow_engine_editor.bundle.js", "flow_engine_editor.bundle.css"], () => {
		const name = frm.doc.name;
		for (const [other, open] of frm.flow_editors) {
			open.element.toggle(other === name);
			if (other !== name && !open.mounted.exposed()?.editor.dirty.value) close_editor(frm, other);
		}
		if (!frm.flow_editors.has(name)) open_editor(frm, name, area);
	});
}

function open_editor(frm, name, area) {
	const element = $('<div class="fe-desk">').appendTo(area);
	const { category, applies_to, trigger_event, template_name } = frm.doc;
	const presets = frm.is_new() ? given({ category, applies_to, trigger_event, template_name }) : {};
	const open = { element };
	open.mounted = flow_engine.editor.mount_editor(element.get(0), {
		name: frm.is_new() ? null : name,
		presets,
		onCreated: (created) => {
			// The same editor, with its history, now belongs to the flow that was saved.
			frm.flow_editors.delete(name);
			frm.flow_editors.set(created, open);
			frappe.model.remove_from_locals("Flow Template", name);
			frappe.set_route("Form", "Flow Template", created);
		},
		onClose: () => frappe.set_route("List", "Flow Template"),
	});
	frm.flow_editors.set(name, open);
	listen(frm);
}

// The history is asked for when its tab is first looked at.
function show_versions(frm) {
	const area = frm.get_field("versions_html").$wrapper;
	frm.flow_versions?.destroy();
	frm.flow_versions = null;
	frm.flow_versions_wanted?.disconnect();
	area.empty();
	if (frm.is_new()) return;
	const { name } = frm.doc;
	const watching = new IntersectionObserver(async ([seen]) => {
		if (!seen.isIntersecting) return;
		watching.disconnect();
		await flow_engine.load_editor();
		if (frm.doc.name !== name) return;
		const element = $('<div class="fe-desk">').appendTo(area);
		frm.flow_versions = flow_engine.editor.mount_versions(element.get(0), {
			template: { ...frm.doc },
			onChanged: async () => {
				// The editor beside it shows what was published, unless it has changes of its own.
				const { editor } = frm.flow_editors.get(name)?.mounted.exposed() || {};
				if (editor && !editor.dirty.value) await editor.load(name);
				frm.reload_doc();
			},
		});
	});
	watching.observe(frm.get_field("versions_html").wrapper);
	frm.flow_versions_wanted = watching;
}

function close_editor(frm, name) {
	const { mounted, element } = frm.flow_editors.get(name);
	frm.flow_editors.delete(name);
	mounted.destroy();
	element.remove();
}

const given = (values) => Object.fromEntries(Object.entries(values).filter(([, value]) => value));

// What the other tabs and the title show follows each save. The form is not loaded again: whoever is typing goes on.
function listen(frm) {
	if (frm.flow_listens) return;
	frm.flow_listens = true;
	flow_engine.editor.use().onSaved((template) => {
		const doc = locals["Flow Template"]?.[template.name];
		if (!doc) return;
		Object.assign(doc, template, { __unsaved: 0 });
		if (cur_frm !== frm || frm.doc.name !== template.name) return;
		frm.page.set_title(template.template_name);
		show_state(frm);
		frm.refresh_fields();
	});
}

// A form that is drawn again hides its fields for a moment, and what is hidden loses the focus: keys typed then would
// go nowhere. Nobody meant to leave where no other element got the focus and no pointer was put down.
function keep_focus(area) {
	let pointed = false;
	const point = () => {
		pointed = true;
		setTimeout(() => (pointed = false));
	};
	document.addEventListener("pointerdown", point, true);
	area.addEventListener("focusout", ({ target, relatedTarget }) => {
		if (relatedTarget || pointed) return;
		setTimeout(() => {
			const nowhere = document.activeElement === document.body;
			if (nowhere && target.isConnected) target.focus({ preventScroll: true });
		});
	});
}

// What somebody else saved is shown where nothing would be lost; who has changes learns of it when saving them.
async function heard_of_save(frm) {
	const { name } = frm.doc;
	const { message } = await frappe.db.get_value("Flow Template", name, "modified");
	const editor = frm.flow_editors.get(name)?.mounted.exposed()?.editor;
	if (!editor || editor.dirty.value || message.modified === editor.template.value?.modified) return;
	await editor.load(name);
	frm.reload_doc();
}

function show_state(frm) {
	if (frm.is_new()) return;
	if (frm.doc.is_retired) frm.page.set_indicator(__("Retired"), "red");
	else if (frm.doc.is_active) frm.page.set_indicator(__("Active"), "green");
	else if (frm.doc.published_version) frm.page.set_indicator(__("Paused"), "orange");
	else frm.page.set_indicator(__("Draft"), "gray");
}

function add_buttons(frm) {
	const { name, is_active, trigger_event } = frm.doc;
	frm.add_custom_button(__("Runs"), () =>
		frappe.set_route("List", "Flow Run", "List", { flow_template: name }),
	);
	if (frappe.model.can_read("Flow Schedule")) {
		frm.add_custom_button(__("Schedules"), () =>
			frappe.set_route("List", "Flow Schedule", "List", { flow_template: name }),
		);
	}
	if (is_active && trigger_event === "manual" && frappe.model.can_write("Flow Template")) {
		frm.add_custom_button(__("Start…"), () => start(frm));
	}
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
