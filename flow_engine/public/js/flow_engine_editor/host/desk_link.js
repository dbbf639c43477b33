/** The desk's own Link control, with its search, inside the editor. */

/**
 * place: the element it goes into. Answers `{set(value), destroy()}`; `onChange` gets the chosen name, or "" when
 * it was emptied. A name that does not exist is kept as typed where it is a template (`{{…}}`).
 */
export function mountLink(
	place,
	{ id, doctype, value, label, describedBy = null, readOnly = false, onChange },
) {
	let current = value || "";
	const control = frappe.ui.form.make_control({
		parent: $(place),
		df: {
			fieldtype: "Link",
			fieldname: id || "link",
			options: doctype,
			label,
			read_only: readOnly ? 1 : 0,
			only_select: 1,
			ignore_link_validation: true,
			change() {
				const now = control.get_value() || "";
				if (now === current) return;
				current = now;
				onChange(now);
			},
		},
		only_input: true,
		render_input: true,
	});
	control.set_value(current);
	const input = control.$input?.get(0);
	if (input) {
		if (id) input.id = id;
		input.setAttribute("aria-label", label || doctype);
		if (describedBy) input.setAttribute("aria-describedby", describedBy);
	}
	return {
		set(next) {
			if ((next || "") === current) return;
			current = next || "";
			control.set_value(current);
		},
		destroy() {
			control.$wrapper?.remove();
			place.replaceChildren();
		},
	};
}
