// A JSON object as rows of name and value, and back without loss. What is no flat object stays text.

/**
 * What a `json` field holds: `{kind: "empty"}`, `{kind: "rows", rows: [[name, value]]}`, or
 * `{kind: "text", text, reason}` where `reason` is `list`, `value` or `broken` (text that is no JSON).
 */
export function readJson(value) {
	if (value === undefined || value === null || (typeof value === "string" && !value.trim())) {
		return { kind: "empty" };
	}
	let data = value;
	if (typeof value === "string") {
		try {
			data = JSON.parse(value);
		} catch {
			return { kind: "text", text: value, reason: "broken" };
		}
	}
	if (data && typeof data === "object" && !Array.isArray(data)) {
		return { kind: "rows", rows: Object.entries(data) };
	}
	return { kind: "text", text: jsonText(value), reason: Array.isArray(data) ? "list" : "value" };
}

/** Rows as the object they stand for; a name given twice keeps its last value, so check `repeated` first. */
export function fromRows(rows) {
	return Object.fromEntries(rows);
}

/** The first name that stands in two rows, or null. */
export function repeated(rows) {
	const names = new Set();
	for (const [name] of rows) {
		if (names.has(name)) return name;
		names.add(name);
	}
	return null;
}

/** A value as text for a person to edit. */
export function jsonText(value) {
	if (value === undefined || value === null) return "";
	return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

/** Text as it is stored: the data it is JSON of, the text itself while it is not JSON, undefined when empty. */
export function fromText(text) {
	if (!text.trim()) return undefined;
	try {
		const data = JSON.parse(text);
		// A lone string is stored with its quotes: without them it would not be read as JSON again.
		return typeof data === "string" ? text : data;
	} catch {
		return text;
	}
}

/** Why a text is no JSON, or null. */
export function jsonFault(text) {
	if (!text.trim()) return null;
	try {
		JSON.parse(text);
		return null;
	} catch (error) {
		return error.message;
	}
}
