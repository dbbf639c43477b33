// Texts that come from flows and from other systems, in fields that the framework would show as HTML.

frappe.provide("flow_engine");

// To be called when a form's script is read: before the form is drawn for the first time.
flow_engine.show_as_text = function (doctype, ...fieldnames) {
	for (const fieldname of fieldnames) {
		const field = frappe.meta.docfield_map[doctype][fieldname];
		if (field) field.formatter = (value) => frappe.utils.escape_html(value == null ? "" : String(value));
	}
};
