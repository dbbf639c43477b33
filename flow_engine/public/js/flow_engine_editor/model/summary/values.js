// Values of users in words: placeholders by the labels of what they read. Made for cards, of which many are drawn at
// every edit: it looks labels up and builds no list of what there is (variables.js does).
import { indexFlow } from "../flow.js";
import { documentOf, kindOf } from "../kinds.js";
import { fill } from "../messages.js";
import { lonePath, PLACEHOLDER } from "../paths.js";

const LONGEST = 120;
const fieldsByName = new WeakMap();

/** A text with its placeholders by their labels: "Installation Customer name". */
export function readable(text, context) {
	if (!text.includes("{{")) return text;
	const whole = lonePath(text);
	if (whole) return pathText(whole, context);
	return text.replace(PLACEHOLDER, (_, inner) => trailOf(inner.split("|", 1)[0].trim(), context).at(-1));
}

/** "Fibre installation › Status" for a path; of the document itself only the field's name. */
export function pathText(path, context) {
	return trailOf(path, context).join(" › ");
}

function trailOf(path, context) {
	const t = context.t || fill;
	const [root, ...rest] = path.split(".");
	switch (root) {
		case "doc":
			return fieldTrail(rest, context.fields, context.fieldsOf);
		case "customer":
			return [
				t("Customer"),
				...fieldTrail(rest, context.fieldsOf?.("Customer")?.fields, context.fieldsOf),
			];
		case "steps":
			return stepTrail(rest, context, t);
		case "trigger":
			return rest[0] === "before"
				? [t("Before"), ...fieldTrail(rest.slice(1), context.fields)]
				: words(rest);
		case "variables":
			return words(rest);
		case "now":
			return [t("Now")];
		default:
			return words([root, ...rest]);
	}
}

function stepTrail([id, part, ...rest], context, t) {
	const step = indexFlow(context.flow, context.catalog).step(id);
	const label = step?.label || id || "…";
	if (part === "document" && rest.length) {
		const doctype = step && documentOf(step, kindOf(context.catalog, step.kind));
		const known = doctype ? context.fieldsOf?.(doctype)?.fields : undefined;
		return [label, ...fieldTrail(rest, known, context.fieldsOf)];
	}
	if (part === "error") return [label, t("Error")];
	if (part === "status") return [label, t("State")];
	return rest.length ? [label, ...words(rest)] : [label];
}

function fieldTrail(segments, fields, fieldsOf) {
	const trail = [];
	let known = fields;
	for (const segment of segments) {
		if (/^\d+$/.test(segment)) continue;
		const field = Array.isArray(known) ? named(known).get(segment) : undefined;
		trail.push(field?.label || spoken(segment));
		// What a linked document's fields are called is asked for only where a text names one.
		const goesOn = trail.length < segments.length;
		known = field?.children || (goesOn && field?.link && fieldsOf?.(field.link)?.fields);
	}
	return trail.length ? trail : ["…"];
}

function named(fields) {
	let byName = fieldsByName.get(fields);
	if (!byName) fieldsByName.set(fields, (byName = new Map(fields.map((field) => [field.name, field]))));
	return byName;
}

function words(segments) {
	return segments.length ? segments.map(spoken) : ["…"];
}

/** A name as people would write it: "contract_value" is "Contract value". */
function spoken(name) {
	const text = name.replaceAll("_", " ").trim() || name;
	return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Any value in words; numbers as the reader's language writes them. */
export function valueText(value, context) {
	if (Array.isArray(value)) return value.map((one) => valueText(one, context)).join(", ");
	if (typeof value === "number") return value.toLocaleString();
	if (value === null || value === undefined) return "";
	if (typeof value === "object") return JSON.stringify(value);
	return readable(String(value), context);
}

/** One line of a text, markup left out, cut where a card ends anyway. */
export function shortly(text) {
	const line = text
		.slice(0, 10 * LONGEST)
		.replace(/<[^>]*>/g, " ")
		.replace(/\s+/g, " ")
		.trim();
	return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
}
