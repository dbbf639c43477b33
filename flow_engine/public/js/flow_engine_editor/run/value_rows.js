/**
 * Values as people read them: `{label, text, long, link}` rows instead of JSON. Nested objects become rows with the
 * names on the way; lists of plain values one row; everything is text, however it looks.
 */

const MAX_ROWS = 200;
const MAX_DEPTH = 4;
export const LONG_TEXT = 120;
/** Longer texts are cut on the screen; the whole stays on the server. */
const MAX_TEXT = 20_000;

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const isPlain = (value) => value === null || typeof value !== "object";

/** labels: name → what it is called (a kind's or a DocType's field labels). */
export function valueRows(value, t, labels = {}) {
	const rows = [];
	add(rows, "", value, 0);
	return rows;

	function add(into, label, part, depth) {
		if (into.length >= MAX_ROWS) return;
		if (
			isObject(part) &&
			typeof part.doctype === "string" &&
			typeof part.name === "string" &&
			onlyNamed(part)
		) {
			into.push({
				label,
				text: `${part.doctype} ${part.name}`,
				link: { doctype: part.doctype, name: part.name },
			});
		} else if (isObject(part) && depth < MAX_DEPTH) {
			for (const [key, inner] of Object.entries(part)) {
				const own = (depth === 0 && labels[key]) || title(key);
				add(into, label ? `${label} › ${own}` : own, inner, depth + 1);
			}
		} else if (Array.isArray(part) && !part.every(isPlain) && depth < MAX_DEPTH) {
			part.forEach((inner, at) => add(into, `${label} ${at + 1}`.trim(), inner, depth + 1));
		} else into.push(row(label, plainText(part, t)));
	}
}

const onlyNamed = (part) => Object.keys(part).every((key) => key === "doctype" || key === "name");

function row(label, text) {
	const shown = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
	return { label, text: shown, long: shown.length > LONG_TEXT || shown.includes("\n") };
}

export function plainText(value, t) {
	if (value === null || value === undefined || value === "") return t("empty");
	if (value === true) return t("yes");
	if (value === false) return t("no");
	if (Array.isArray(value) && value.every(isPlain)) return value.map((one) => plainText(one, t)).join(", ");
	return typeof value === "object" ? asJson(value, t) : String(value);
}

function asJson(value, t) {
	try {
		return JSON.stringify(value);
	} catch {
		// A call may have answered with thousands of brackets inside one another.
		return t("too deep to be shown");
	}
}

/** `customer_name` → `Customer name`. Names of the language stay readable where nobody has given a label. */
export function title(name) {
	const words = String(name).replaceAll("_", " ").trim();
	return words ? words[0].toUpperCase() + words.slice(1) : String(name);
}
