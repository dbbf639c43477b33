// A payload schema as the fields of a form: which widget each field has, and how what stands in it is read.
//
// The form shows the fields that the schema names at its top. What a widget cannot show as it is (an object, a list
// of objects, a text with lines in a list) is edited as JSON in its place, so no value changes by being looked at.
import { isObject } from "../model/flow.js";
import { title } from "../run/value_rows.js";

const SCALARS = { string: "text", number: "number", integer: "integer", boolean: "check" };
const FORMATS = { date: "date", "date-time": "datetime" };
const MOST_REFERENCES = 10;
// Longer texts have room for several lines.
const LONG = 140;

/** `[{name, label, widget, help, required, default, choices, item}]` in the schema's order. widget: text, long,
 * number, integer, check, date, datetime, choice, list or json; item: the widget of a list's entries. */
export function payloadFields(schema) {
	if (!isObject(schema) || !isObject(schema.properties)) return [];
	const required = Array.isArray(schema.required) ? schema.required : [];
	return Object.entries(schema.properties).map(([name, raw]) => {
		const field = resolved(schema, raw);
		return {
			name,
			label: typeof field.title === "string" && field.title ? field.title : title(name),
			widget: widgetOf(schema, field),
			help: typeof field.description === "string" ? field.description : "",
			required: required.includes(name),
			default: field.default,
			choices: Array.isArray(field.enum) ? field.enum : [],
			item: isObject(field.items) ? widgetOf(schema, resolved(schema, field.items)) : null,
		};
	});
}

/** A field's schema with what it refers to inside the same schema; what it says itself comes first. */
export function resolved(schema, raw) {
	let field = isObject(raw) ? raw : {};
	for (let turn = 0; turn < MOST_REFERENCES && typeof field.$ref === "string"; turn++) {
		const { $ref, ...own } = field;
		const target = at(schema, $ref);
		field = isObject(target) ? { ...target, ...own } : own;
	}
	return field;
}

function at(schema, reference) {
	if (!reference.startsWith("#/")) return reference === "#" ? schema : null;
	return reference
		.slice(2)
		.split("/")
		.map((part) => decoded(part).replaceAll("~1", "/").replaceAll("~0", "~"))
		.reduce((inside, key) => (inside && Object.hasOwn(inside, key) ? inside[key] : null), schema);
}

function decoded(part) {
	try {
		return decodeURIComponent(part);
	} catch {
		return part;
	}
}

function widgetOf(schema, field) {
	const type = typeOf(field);
	if (Array.isArray(field.enum) && field.enum.every((choice) => typeof choice === "string"))
		return "choice";
	if (field.enum || field.anyOf || field.oneOf || field.allOf || "const" in field) return "json";
	if (type === "string") return FORMATS[field.format] ?? (Number(field.maxLength) > LONG ? "long" : "text");
	if (type === "array") {
		const item = isObject(field.items) ? widgetOf(schema, resolved(schema, field.items)) : null;
		return ["text", "number", "integer"].includes(item) ? "list" : "json";
	}
	return SCALARS[type] ?? "json";
}

/** The one type of a field; one that may also be null is left out to say so. */
function typeOf(field) {
	if (!Array.isArray(field.type)) return field.type;
	const types = field.type.filter((type) => type !== "null");
	return types.length === 1 ? types[0] : null;
}

/** Can the field's widget show this value as it is? */
export function fits(field, value) {
	if (value === undefined) return true;
	switch (field.widget) {
		case "text":
			return typeof value === "string" && value !== "" && !/[\r\n]/.test(value);
		case "long":
			return typeof value === "string" && value !== "" && !value.includes("\r");
		case "number":
			return typeof value === "number";
		case "integer":
			return Number.isSafeInteger(value);
		case "check":
			return typeof value === "boolean";
		case "date":
			return typeof value === "string" && /^\d{4}-\d\d-\d\d$/.test(value);
		case "datetime":
			return typeof value === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?$/.test(value);
		case "choice":
			return field.choices.includes(value) && value !== "";
		case "list":
			return Array.isArray(value) && value.every((one) => listed(field, one) !== null);
		default:
			return true;
	}
}

/** A list's entry as its line, or null where a line would not be read as the same again. */
function listed(field, value) {
	const line = String(value);
	const same = typeof value !== "object" && !/[\r\n]/.test(line) && entry(field, line) === value;
	return same ? line : null;
}

function entry(field, line) {
	if (line === "" || line !== line.trim()) return undefined;
	return field.item === "text" ? line : (number(line) ?? line);
}

/** What a text of digits says, or undefined; of another text nothing is guessed. */
function number(text) {
	const trimmed = text.trim();
	if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed)) return undefined;
	const value = Number(trimmed);
	return Number.isFinite(value) ? value : undefined;
}

/** A value as the text its widget holds. */
export function shownText(field, value) {
	if (value === undefined) return "";
	if (field.widget === "list") return value.map(String).join("\n");
	return String(value);
}

/** What the text of a widget says; undefined: nothing is given. Of a number that is none the text is kept, for the
 * server to name what is wrong with it. */
export function readText(field, text) {
	if (field.widget === "list") {
		const lines = text
			.split("\n")
			.map((line) => line.trim())
			.filter(Boolean);
		return lines.length ? lines.map((line) => entry(field, line)) : undefined;
	}
	if (field.widget === "number" || field.widget === "integer")
		return text.trim() === "" ? undefined : (number(text) ?? text);
	return text === "" ? undefined : text;
}

/** The payload with one value changed; one that is undefined is not there. */
export function withValue(payload, name, value) {
	const next = { ...payload };
	if (value === undefined) delete next[name];
	else next[name] = value;
	return next;
}

/** Names in a payload that the form has no field for. */
export function beyondForm(fields, payload) {
	const known = new Set(fields.map((field) => field.name));
	return Object.keys(payload ?? {}).filter((name) => !known.has(name));
}

/** The problems of one field: `[{…, rest}]`, rest being what the path says below the field. */
export function problemsOf(problems, name) {
	return problems
		.filter(({ path }) => path === name || path?.startsWith(`${name}.`) || path?.startsWith(`${name}[`))
		.map((problem) => ({ ...problem, rest: problem.path.slice(name.length).replace(/^\./, "") }));
}

/** The problems that belong to no field of the form. */
export function problemsBeside(problems, fields) {
	return problems.filter((problem) => !fields.some(({ name }) => problemsOf([problem], name).length));
}
