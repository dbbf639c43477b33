/** The editor's questions as the desk's own dialogs. What stands in them is text: all of it is escaped. */

const text = (value) => frappe.utils.escape_html(value == null ? "" : String(value));
const TYPES = {
	textarea: "Small Text",
	text: "Data",
	number: "Float",
	select: "Select",
	check: "Check",
	datetime: "Datetime",
	json: "Code",
};

/** Resolves with true or false; closing it is a no. */
export function confirmInDesk({ title, message, label, danger = false }) {
	return open({
		title,
		fields: message ? [lead(message)] : [],
		primary_action_label: label || __("Yes"),
		danger,
	}).then(Boolean);
}

/** Resolves with the values by name, or null when it was closed. */
export function askInDesk({ title, message, fields = [], label, danger = false }) {
	const asked = fields.map((field) => ({
		fieldname: field.name,
		fieldtype: TYPES[field.type] || (field.type ? field.type : "Data"),
		label: field.label,
		reqd: field.required ? 1 : 0,
		default: field.value ?? field.default,
		description: field.help ? text(field.help) : undefined,
		options:
			field.type === "select"
				? (field.options || []).map((one) =>
						typeof one === "object" ? { value: one.name ?? one.value, label: one.label } : one,
					)
				: field.type === "json"
					? "JSON"
					: field.options,
	}));
	return open({
		title,
		fields: message ? [lead(message), ...asked] : asked,
		primary_action_label: label || __("OK"),
		danger,
	});
}

const lead = (message) => ({ fieldtype: "HTML", fieldname: "lead", options: `<p>${text(message)}</p>` });

function open({ danger, ...options }) {
	return new Promise((resolve) => {
		const dialog = new frappe.ui.Dialog({
			...options,
			title: text(options.title),
			primary_action(values) {
				resolve(values || {});
				dialog.hide();
			},
		});
		dialog.onhide = () => resolve(null);
		if (danger) dialog.get_primary_btn().removeClass("btn-primary").addClass("btn-danger");
		dialog.set_secondary_action_label(__("Cancel"));
		dialog.set_secondary_action(() => dialog.hide());
		dialog.show();
	});
}
