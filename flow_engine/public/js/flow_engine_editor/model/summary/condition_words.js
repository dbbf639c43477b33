// Conditions in words: "Status is Open and (Value > 5,000 or Priority is one of High, Urgent)".
import { toBuilder } from "../conditions.js";
import { isObject } from "../flow.js";
import { fill } from "../messages.js";
import { lonePath } from "../paths.js";
import { pathText, readable, shortly, valueText } from "./values.js";

const PARTS = ["field", "op", "value", "all", "any", "not", "logic"];
const SIGNS = { "<": "<", ">": ">", "<=": "≤", ">=": "≥" };

/** The condition that the payload of a kind holds in its fields, "" for none; null when the kind is none that
 * decides by one: told from the descriptors alone. */
export function conditionForm(kind, payload) {
	const types = Object.fromEntries((kind?.fields || []).map((field) => [field.name, field.type]));
	if (types.field !== "variable" || types.all !== "condition") return null;
	const given = PARTS.filter((name) => ![undefined, null, ""].includes(payload[name]));
	if (!given.length) return "";
	const form = ["all", "any", "not", "logic"].find((name) => given.includes(name));
	return form ? { [form]: payload[form] } : Object.fromEntries(given.map((name) => [name, payload[name]]));
}

/** A condition in words, "" when it always holds. `context` as in summary.js. */
export function conditionText(raw, context) {
	const t = context.t || fill;
	const builder = toBuilder(raw);
	if (builder.mode === "always") return "";
	if (builder.mode === "rows") return groupText(builder.group, { ...context, t }, true);
	return builder.mode === "logic"
		? t("a JSONLogic rule holds")
		: t("a condition that cannot be read holds");
}

function groupText(group, context, outermost) {
	const { t } = context;
	const parts = group.items.map((one) =>
		one.items ? groupText(one, context, false) : rowText(one, context),
	);
	const both = (left, right) =>
		group.join === "all" ? t("{0} and {1}", [left, right]) : t("{0} or {1}", [left, right]);
	const text = parts.length ? parts.reduce(both) : t(group.join === "all" ? "always" : "never");
	if (group.not) return t("not ({0})", [text]);
	return outermost || parts.length < 2 ? text : `(${text})`;
}

function rowText(row, context) {
	const { catalog, t } = context;
	const path = typeof row.field === "string" ? row.field.trim() : "";
	const field = !path
		? "…"
		: path.includes("{{")
			? readable(path, context)
			: pathText(lonePath(path) ?? path, context);
	const operator = catalog?.operators?.find((one) => one.name === row.op);
	const words = SIGNS[row.op] || operator?.label || row.op || "…";
	const value =
		isObject(row.value) || row.value === undefined ? "" : shortly(valueText(row.value, context));
	const text = operator?.value === "none" ? `${field} ${words}` : `${field} ${words} ${value || "…"}`;
	return row.not ? t("not ({0})", [text]) : text;
}
