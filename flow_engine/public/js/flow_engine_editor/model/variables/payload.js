// What a flow asks for when it is started, as variables that its steps read.
import { isObject } from "../flow.js";
import { item } from "./items.js";

const TYPES = { string: "Data", number: "Float", integer: "Int", boolean: "Check" };
const FORMATS = { date: "Date", "date-time": "Datetime" };
const DEEPEST = 3;

/** The fields that a payload schema names, those of objects under them; none of a schema that cannot be read. */
export function payloadItems(schema) {
	return fieldsOf(schema, "variables", 1);
}

function fieldsOf(schema, root, depth) {
	if (!isObject(schema) || !isObject(schema.properties)) return [];
	return Object.entries(schema.properties).map(([name, field]) => itemOf(name, field, root, depth));
}

function itemOf(name, field, root, depth) {
	const path = `${root}.${name}`;
	if (!isObject(field)) return item(path, name, null);
	const more = {};
	if (Array.isArray(field.enum)) more.options = field.enum.map(String);
	if (field.default !== undefined && !isObject(field.default)) more.sample = field.default;
	const children = depth < DEEPEST ? fieldsOf(field, path, depth + 1) : [];
	if (children.length) more.children = children;
	const label = typeof field.title === "string" && field.title ? field.title : name;
	return item(path, label, typeOf(field), more);
}

function typeOf(field) {
	if (Array.isArray(field.enum)) return "Select";
	return FORMATS[field.format] ?? TYPES[field.type] ?? "JSON";
}
