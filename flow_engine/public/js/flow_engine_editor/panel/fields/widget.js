// What every widget is given.

/** Props of a widget; it emits `update` with the new value, `undefined` for none. */
export const widgetProps = {
	id: { type: String, required: true },
	field: { type: Object, required: true },
	value: { default: undefined },
	siblings: { type: Object, default: () => ({}) },
	fields: { type: Array, default: () => [] },
	problems: { type: Array, default: () => [] },
	describedBy: { type: String, default: null },
	invalid: { type: Boolean, default: false },
	readOnly: { type: Boolean, default: false },
};

/** Is this a text with a placeholder in it, where a plain value could stand? */
export const isTemplate = (value) => typeof value === "string" && value.includes("{{");

/** A text as it is stored: nothing for the empty one, so that the field's default holds. */
export const orNothing = (text) => (text === "" ? undefined : text);

/** Names as a list, however they are written: a list, or a text with commas. */
export function listOf(value) {
	const parts = Array.isArray(value) ? value : String(value ?? "").split(",");
	return parts.map((part) => String(part ?? "").trim()).filter(Boolean);
}
