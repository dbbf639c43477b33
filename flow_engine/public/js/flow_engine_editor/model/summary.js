// A step, a trigger and a condition in words. `context` is `{flow, catalog, fields, fieldsOf, t}`; t(text, args)
// translates. Labels and values of users are put in as they are: whoever shows them shows text.
import { conditionForm, conditionText } from "./summary/condition_words.js";
import { readable, shortly, valueText } from "./summary/values.js";
import { clockOf } from "./clock.js";
import { fill } from "./messages.js";
import { indexFlow, isObject } from "./flow.js";
import { kindOf } from "./kinds.js";
import { optionWord } from "./option_words.js";
import { lonePath } from "./paths.js";
import { documentType } from "./variables.js";

export { conditionText } from "./summary/condition_words.js";

const MOST_PARTS = 4;

/** The payload in one line, the most telling fields first: those that the kind names first. */
export function stepSummary(step, context) {
	const kind = kindOf(context.catalog, step.kind);
	const payload = isObject(step.payload) ? step.payload : {};
	const condition = conditionForm(kind, payload);
	if (condition !== null) return conditionText(condition, context);
	const parts = [];
	for (const field of kind?.fields || []) {
		if (parts.length === MOST_PARTS) break;
		if (field.sensitive) continue;
		const text = fieldText(field, payload[field.name], context);
		if (text) parts.push(text);
	}
	return parts.join(" · ");
}

function fieldText(field, value, context) {
	const t = context.t || fill;
	if (value === undefined || value === null || value === "" || value === false) return "";
	if (field.type === "check") return value === "0" || value === 0 ? "" : field.label;
	if (isObject(value)) return Object.keys(value).join(", ");
	if (field.type === "select" && field.options?.some((one) => (one?.name ?? one) === value)) {
		return optionWord(
			field.options.find((one) => (one?.name ?? one) === value),
			t,
		);
	}
	if (field.type === "number" && !String(value).includes("{{")) return t("{0}: {1}", [field.label, value]);
	return shortly(valueText(value, context));
}

/** "When a Contract is signed": what starts the flow. */
export function triggerSentence(trigger, context) {
	const t = context.t || fill;
	const said = isObject(trigger) ? trigger : {};
	if (!said.event || said.event === "manual") return t("When somebody starts it");
	if (said.event === "date") return dateSentence(said, context, t);
	if (said.event !== "doc_event") {
		const event = context.catalog?.events?.find((one) => one.name === said.event);
		return t("When {0}", [uncapitalised(event?.label || said.event)]);
	}
	const doctype = nameOf(said.doctype, context) || t("document");
	if (said.doc_event === "field_change") return fieldChange(said, doctype, context, t);
	const happening = context.catalog?.doc_events?.find((one) => one.name === said.doc_event);
	const values = [doctype, happening?.label || said.doc_event || "…"];
	const sentence = takesAn(doctype) ? t("When an {0} {1}", values) : t("When a {0} {1}", values);
	return said.to ? t("{0} to {1}", [sentence, list(said.to, t)]) : sentence;
}

/** "2 days before End date of a Contract at 09:00": when a date of a document starts the flow. */
function dateSentence(trigger, context, t) {
	const doctype = nameOf(trigger.doctype, context) || t("document");
	const label = context.fields?.find((one) => one.name === trigger.field)?.label || trigger.field || "…";
	const values = [label, doctype];
	const day = takesAn(doctype) ? t("{0} of an {1}", values) : t("{0} of a {1}", values);
	// Hours are counted from the time of day, days from the date.
	const counts = Boolean(Number(trigger.offset_hours));
	const date = counts && trigger.time ? t("{0} at {1}", [day, trigger.time]) : day;
	const offsets = amounts(trigger, 1, context, t);
	const isBefore = offsets.some(({ negative }) => negative);
	let said = t("On {0}", [date]);
	if (offsets.some(({ negative }) => negative !== isBefore)) {
		said = offsets.reduce(
			(text, { text: one, negative }) => `${text} ${negative ? "−" : "+"} ${one}`,
			said,
		);
	} else if (offsets.length) {
		const length = offsets.map(({ text }) => text).join(" ");
		said = isBefore ? t("{0} before {1}", [length, date]) : t("{0} after {1}", [length, date]);
	}
	return trigger.time && !counts ? t("{0} at {1}", [said, trigger.time]) : said;
}

function fieldChange({ field, from, to }, doctype, context, t) {
	const label = context.fields?.find((one) => one.name === field)?.label || field || "…";
	const given = (value) => value !== undefined && value !== null && value !== "";
	const an = takesAn(doctype);
	if (given(from) && given(to)) {
		const values = [label, doctype, list(from, t), list(to, t)];
		return an
			? t("When {0} of an {1} changes from {2} to {3}", values)
			: t("When {0} of a {1} changes from {2} to {3}", values);
	}
	if (given(to)) {
		const values = [label, doctype, list(to, t)];
		return an ? t("When {0} of an {1} becomes {2}", values) : t("When {0} of a {1} becomes {2}", values);
	}
	if (given(from)) {
		const values = [label, doctype, list(from, t)];
		return an
			? t("When {0} of an {1} is no longer {2}", values)
			: t("When {0} of a {1} is no longer {2}", values);
	}
	const values = [label, doctype];
	return an ? t("When {0} of an {1} changes", values) : t("When {0} of a {1} changes", values);
}

/** English asks for it before these letters; other languages translate both sentences alike. */
const takesAn = (name) => /^[aeio]/i.test(name);

function list(value, t) {
	return Array.isArray(value) && value.length
		? value.map(String).reduce((left, right) => t("{0} or {1}", [left, right]))
		: String(value);
}

function nameOf(doctype, context) {
	return doctype ? context.fieldsOf?.(doctype)?.label || doctype : null;
}

/** "A contract is signed" inside a sentence; names and abbreviations keep their capitals. */
function uncapitalised(label) {
	const [first, second] = label;
	return second && second === second.toLowerCase() ? first.toLowerCase() + label.slice(1) : label;
}

/** "if Contract value > 5,000", or "" when there is no condition. */
export function triggerCondition(trigger, context) {
	const t = context.t || fill;
	const text = conditionText(isObject(trigger) ? trigger.condition : "", context);
	return text ? t("if {0}", [text]) : "";
}

/** When a step fires: "as soon as “Tell the customer” is done", "2 days after …", "until Start date − 2 days". */
export function whenSentence(step, context) {
	const t = context.t || fill;
	const trigger = isObject(step.trigger) ? step.trigger : {};
	const sentences = {
		on_flow_start: () => t("at once when the flow starts"),
		after_delay: () => t("after {0}", [delay(trigger, context, t) || "…"]),
		on_date: () => t("until {0}", [date(trigger, context, t)]),
		on_webhook: () => limited(t("waits until it is called"), trigger, context, t),
		manual: () => limited(whoFires(trigger, context, t), trigger, context, t),
	};
	return (sentences[trigger.type] || (() => inTurn(step, context, t)))();
}

function inTurn(step, context, t) {
	const index = indexFlow(context.flow, context.catalog);
	const before = index.dependencies(step.id).map((id) => index.step(id).label || id);
	const parent = index.parentOf(step.id);
	if (!before.length && parent === null) return t("at once when the flow starts");
	if (!before.length) return t("right after “{0}”", [index.step(parent).label || parent]);
	if (before.length === 1) return t("as soon as “{0}” is done", before);
	const quoted = before.map((label) => t("“{0}”", [label]));
	return t("as soon as {0} and {1} are done", [quoted.slice(0, -1).join(", "), quoted.at(-1)]);
}

const UNITS = [
	["delay_days", "offset_days", "{0} day", "{0} days"],
	["delay_hours", "offset_hours", "{0} hour", "{0} hours"],
	["delay_minutes", "offset_minutes", "{0} minute", "{0} minutes"],
];

function delay(trigger, context, t) {
	return amounts(trigger, 0, context, t)
		.map(({ text }) => text)
		.join(" ");
}

/** `{text, negative}` of each unit that says something. */
function amounts(trigger, side, context, t) {
	return UNITS.flatMap(([...names]) => {
		const value = trigger[names[side]];
		if (value === undefined || value === null || value === "" || Number(value) === 0) return [];
		const number = Number(value);
		const shown = Number.isFinite(number) ? Math.abs(number) : valueText(value, context);
		return [{ text: t(shown === 1 ? names[2] : names[3], [shown]), negative: number < 0 }];
	});
}

function date(trigger, context, t) {
	const at = trigger.at ? valueText(trigger.at, context) : "…";
	const clock =
		isDay(trigger.at, context) && !Number(trigger.offset_minutes) && clockOf(trigger.offset_hours);
	const offsets = amounts(clock ? { ...trigger, offset_hours: 0 } : trigger, 1, context, t);
	const day = offsets.reduce(
		(text, { text: amount, negative }) => `${text} ${negative ? "−" : "+"} ${amount}`,
		at,
	);
	return clock ? t("{0} at {1}", [day, clock]) : day;
}

/** A date without a time of its own: an offset in hours is the time of day then. */
function isDay(at, context) {
	if (typeof at !== "string") return false;
	const path = lonePath(at);
	const name = path?.startsWith("doc.") ? path.slice(4) : null;
	if (name) return context.fields?.find((field) => field.name === name)?.type === "Date";
	return /^\d{4}-\d\d-\d\d$/.test(at);
}

function whoFires(trigger, context, t) {
	const only = [trigger.users, trigger.roles]
		.flatMap((names) => (Array.isArray(names) ? names : String(names ?? "").split(",")))
		.map((name) => String(name ?? "").trim())
		.filter(Boolean);
	if (only.length && !trigger.assignee && !trigger.role) {
		return t("waits for one of {0}", [only.map((name) => valueText(name, context)).join(", ")]);
	}
	if (trigger.assignee) return t("waits for {0}", [valueText(trigger.assignee, context)]);
	return trigger.role
		? t("waits for somebody of {0}", [valueText(trigger.role, context)])
		: t("waits for a person");
}

function limited(sentence, trigger, context, t) {
	const hours = trigger.timeout_hours;
	if (hours === undefined || hours === null || hours === "") return sentence;
	return t("{0}, {1} h at most", [sentence, readable(String(hours), context)]);
}

/** The DocType's label that a flow is about, for texts. */
export function documentLabel(context) {
	return nameOf(documentType(context.flow, context.catalog), context);
}
