/** Which fields of its document a flow reads: what sample values are asked for. */

const READ = /\bdoc\.([A-Za-z_][A-Za-z0-9_]{0,139})/g;

/** Descriptors of the fields, those the DocType knows with its label, type and options, in the order of reading. */
export function fieldsRead(flow, fields) {
	const known = new Map(fields.map((field) => [field.name, field]));
	const names = new Set();
	const text = JSON.stringify([
		flow.trigger ?? null,
		(flow.steps || []).map((step) => [step.payload, step.trigger]),
	]);
	for (const [, name] of text.matchAll(READ)) if (name !== "name" && name !== "doctype") names.add(name);
	return [...names].map((name) => known.get(name) || { name, label: name, type: "Data" });
}
