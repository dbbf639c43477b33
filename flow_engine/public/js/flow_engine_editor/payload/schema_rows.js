// A payload schema as rows that a person edits, and back without loss: what a row does not show is kept in it.
import { isObject } from "../model/flow.js";

/** What a row may be, in the order it is offered. `other`: as JSON alone. */
export const TYPES = ["text", "number", "integer", "check", "date", "datetime", "choice", "list"];
const SHOWN_AT_TOP = ["type", "properties", "required"];
const SCALARS = { text: "string", number: "number", integer: "integer", check: "boolean" };
const FORMATS = { date: "date", datetime: "date-time" };

/**
 * `{rows, closed, rest}`, or null where rows cannot say all of it. rows: `[{name, type, label, help, required, standard,
 * choices, rest}]`, standard being the default (undefined: none) and rest what the row keeps without showing it. closed:
 * are other names refused? An empty schema has no rows.
 */
export function readSchema(schema) {
	if (!isObject(schema) || schema.type !== "object") return null;
	const properties = schema.properties ?? {};
	const required = schema.required ?? [];
	if (!isObject(properties) || !Array.isArray(required)) return null;
	// A name that must be there and has no field, or stands there twice, has no row that could say so.
	if (required.some((name) => !Object.hasOwn(properties, name))) return null;
	if (new Set(required).size !== required.length) return null;
	const rest = Object.fromEntries(Object.entries(schema).filter(([key]) => !SHOWN_AT_TOP.includes(key)));
	const closed = rest.additionalProperties === false;
	if (closed) delete rest.additionalProperties;
	const rows = Object.entries(properties).map(([name, field]) =>
		readRow(name, field, required.includes(name)),
	);
	return { rows, closed, rest };
}

function readRow(name, field, required) {
	const row = { name, required, label: "", help: "", standard: undefined, choices: [], rest: {} };
	if (!isObject(field) || !isTextOrNone(field.title) || !isTextOrNone(field.description))
		return { ...row, type: "other", rest: field };
	const { title, description, default: standard, ...others } = field;
	const told = { ...row, label: title ?? "", help: description ?? "", standard };
	// An empty title is not the same as none.
	if (title === "" || description === "") return { ...row, type: "other", rest: field };
	return { ...told, ...typed(others) };
}

const isTextOrNone = (value) => value === undefined || typeof value === "string";

/** `{type, choices?, rest}` of what a field's schema says beside its words and its default. */
function typed(field) {
	const { type, ...rest } = field;
	if (type === "string" && isChoices(rest.enum)) {
		const { enum: choices, ...kept } = rest;
		return { type: "choice", choices, rest: kept };
	}
	if (type === "string" && !("enum" in rest)) {
		const found = Object.entries(FORMATS).find(([, format]) => rest.format === format);
		if (!found) return { type: "text", rest };
		const { format: _, ...kept } = rest;
		return { type: found[0], rest: kept };
	}
	if (type === "array" && isObject(rest.items) && rest.items.type === "string") {
		const { items, ...kept } = rest;
		if (Object.keys(items).length === 1) return { type: "list", rest: kept };
	}
	const scalar = Object.entries(SCALARS).find(([, one]) => one === type && one !== "string");
	return scalar && !("enum" in rest) ? { type: scalar[0], rest } : { type: "other", rest: field };
}

/** Choices as lines of a text say the same again. */
function isChoices(values) {
	return (
		Array.isArray(values) &&
		values.length > 0 &&
		new Set(values).size === values.length &&
		values.every(
			(one) => typeof one === "string" && one !== "" && one === one.trim() && !/[\r\n]/.test(one),
		)
	);
}

/** The schema that rows stand for; rows without a name say nothing. */
export function writeSchema({ rows, closed, rest = {} }) {
	const named = rows.filter(({ name }) => name !== "");
	const required = named.filter((row) => row.required).map(({ name }) => name);
	return {
		type: "object",
		properties: Object.fromEntries(named.map((row) => [row.name, writeField(row)])),
		...(required.length ? { required } : {}),
		...rest,
		...(closed ? { additionalProperties: false } : {}),
	};
}

/** A row's own schema. */
export function writeField({ type, label, help, standard, choices, rest }) {
	if (type === "other" && !isObject(rest)) return rest;
	return {
		...core(type, choices),
		...rest,
		...(label ? { title: label } : {}),
		...(help ? { description: help } : {}),
		...(standard === undefined ? {} : { default: standard }),
	};
}

function core(type, choices) {
	if (type === "choice") return { type: "string", enum: choices };
	if (type === "list") return { type: "array", items: { type: "string" } };
	if (FORMATS[type]) return { type: "string", format: FORMATS[type] };
	return SCALARS[type] ? { type: SCALARS[type] } : {};
}

/** A row of another type: what only the former type meant goes, its default too. */
export function withType(row, type) {
	const choices = type === "choice" ? (row.choices.length ? row.choices : ["A", "B"]) : [];
	return { ...row, type, choices, standard: undefined, rest: {} };
}

/** A row for a new field, with a name that no other row has. */
export function newRow(rows) {
	const names = new Set(rows.map(({ name }) => name));
	let number = rows.length + 1;
	while (names.has(`field_${number}`)) number += 1;
	return {
		name: `field_${number}`,
		type: "text",
		label: "",
		help: "",
		required: false,
		standard: undefined,
		choices: [],
		rest: {},
	};
}
