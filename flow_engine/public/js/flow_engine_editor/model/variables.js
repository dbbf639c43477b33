// What can be read at a step: the document's fields, the customer, variables, results of the steps it waits for,
// what started the flow, and what other apps bring. And what a path in a text means, or comes close to.
//
// Groups are `{key, label, hint, items, roots, open, listed?}`. items: `{path, label, type, options?, link?, children?,
// sample?, lazy?}`, children in the same shape; `lazy`: reading them asks the server. roots: the beginnings of paths the
// group answers for. open: there may be more than the items say, so nothing under its roots is called unknown but what
// is under `listed`.
import { fill } from "./messages.js";
import { indexFlow, isObject, TRIGGER } from "./flow.js";
import { fieldItems, group, item } from "./variables/items.js";
import { payloadItems } from "./variables/payload.js";
import { stepGroups, TAKES_INPUT } from "./variables/steps.js";

// Kept for every document by the framework and listed by no DocType.
const OF_EVERY_DOCUMENT = [
	"name",
	"owner",
	"creation",
	"modified",
	"modified_by",
	"docstatus",
	"doctype",
	"idx",
];

/** The DocType a flow is about: its trigger's own, else that of the event it listens to; null when it may be any. */
export function documentType(flow, catalog) {
	const trigger = isObject(flow.trigger) ? flow.trigger : {};
	if (trigger.doctype) return trigger.doctype;
	return catalog?.events?.find((event) => event.name === trigger.event)?.doctype || null;
}

/**
 * The groups at a step, or at the trigger's condition. context: `{catalog, fields, fieldsOf, t, samples}`; fields:
 * of the flow's DocType as `editor.fields` gives them; fieldsOf(doctype): its whole answer or null while unknown;
 * samples: `{doc, customer}` to show as hints.
 */
export function variablesAt(
	flow,
	id,
	{ catalog, fields, fieldsOf = () => null, t = fill, samples = {} } = {},
) {
	const index = indexFlow(flow, catalog);
	const doctype = documentType(flow, catalog);
	const meta = doctype ? fieldsOf(doctype) : null;
	const known = fields?.length ? fields : meta?.fields || [];
	const own = fieldItems("doc", known, samples.doc, t, fieldsOf);
	const groups = [
		group(
			meta?.label || doctype || t("Document"),
			t("the flow is about it"),
			["doc"],
			own,
			!known.length,
		),
	];
	if (id !== TRIGGER) groups.push(...stepGroups(index, id, { catalog, fieldsOf, t }));
	const customer = fieldsOf("Customer");
	const customerItems = fieldItems("customer", customer?.fields || [], samples.customer, t, fieldsOf);
	groups.push(
		group(
			customer?.label || t("Customer"),
			t("of the document"),
			["customer"],
			customerItems,
			!customer?.fields?.length,
		),
	);
	groups.push(variableGroup(flow, catalog, t));
	groups.push(triggerGroup(known, t));
	if (id !== TRIGGER) groups.push(...linkGroups(index, t));
	groups.push(flowGroup(index, id, t));
	if (id !== TRIGGER && index.byId.has(id) && index.undoneBy(id) !== null) groups.push(undoGroup(t));
	for (const root of catalog?.roots || []) {
		const name = root.name || root;
		const items = [item(name, root.label || name, null)];
		groups.push(group(root.label || name, t("from another app"), [name], items, true));
	}
	// An open group is there without looking into it, which may ask the server.
	const shown = groups.filter((one) => one.open || one.items.length);
	shown.forEach((one, key) => (one.key = String(key)));
	return shown;
}

function variableGroup(flow, catalog, t) {
	const declared = isObject(flow.variables) ? Object.entries(flow.variables) : [];
	const items = declared.map(([name, value]) =>
		item(
			`variables.${name}`,
			name,
			typeOf(value),
			value === "" || value === null ? {} : { sample: value },
		),
	);
	for (const field of payloadItems(flow.payload_schema)) {
		if (!declared.some(([name]) => `variables.${name}` === field.path)) items.push(field);
	}
	const event = catalog?.events?.find((one) => one.name === flow.trigger?.event);
	for (const variable of event?.variables || []) {
		const name = variable.name || variable;
		if (items.some(({ path }) => path === `variables.${name}`)) continue;
		items.push(item(`variables.${name}`, variable.label || name, variable.type || null));
	}
	// Only a document event brings no variables of its own.
	return group(t("Variables"), t("of the flow"), ["variables"], items, flow.trigger?.event !== "doc_event");
}

function typeOf(value) {
	if (typeof value === "number") return "Float";
	if (typeof value === "boolean") return "Check";
	return typeof value === "string" ? "Data" : "JSON";
}

function triggerGroup(fields, t) {
	const before = fieldItems("trigger.before", fields, undefined, t);
	const items = [
		item("trigger.event", t("What happened"), "Data"),
		item("trigger.user", t("Who did it"), "Link", { link: "User" }),
		item("trigger.changed", t("The field that changed"), "JSON", {
			children: [
				item("trigger.changed.field", t("Its name"), "Data"),
				item("trigger.changed.from", t("Its value before"), null),
				item("trigger.changed.to", t("Its value after"), null),
			],
		}),
	];
	if (before.length)
		items.push(item("trigger.before", t("The document before"), "JSON", { children: before }));
	return group(t("What started it"), t("trigger"), ["trigger"], items, !fields.length);
}

function linkGroups(index, t) {
	const items = index.ids
		.filter((id) => index.step(id).trigger?.type === "on_webhook")
		.map((id) => item(`links.${id}`, index.step(id).label || id, "Data"));
	return items.length ? [group(t("Links to send"), t("called by others"), ["links"], items)] : [];
}

/** What a step reads that runs to undo another one. */
function undoGroup(t) {
	const items = [
		item("compensates.run", t("Name of the run that is undone"), "Data"),
		item("compensates.why", t("Why: on_failure, on_cancel or operator"), "Data"),
		item("compensates.reason", t("The reason somebody gave"), "Data"),
		item("compensates.status", t("How the run had ended"), "Data"),
		item("compensates.error", t("What it failed with"), "JSON", {
			children: [
				item("compensates.error.code", t("Code"), "Data"),
				item("compensates.error.message", t("Error"), "Data"),
			],
		}),
		item("compensates.result", t("Result of the step that is undone"), "JSON"),
	];
	return group(t("What is undone"), t("run and step"), ["compensates"], items);
}

function flowGroup(index, id, t) {
	const items = [
		item("now", t("Now"), "Datetime"),
		item("template.template_name", t("Name of the flow"), "Data"),
	];
	if (id !== TRIGGER) {
		items.push(item("run.name", t("Name of the run"), "Data"));
		if (TAKES_INPUT.includes(index.step(id)?.trigger?.type))
			items.unshift(item("input", t("What was answered"), "JSON"));
	}
	return {
		...group(t("The flow and the time"), t("always there"), ["now", "template", "run", "input"], items),
		open: true,
	};
}

/** Of a table's rows the first stands for all; a step's id may be a number, too. */
const firstRow = (path) => path.replace(/(^steps)?\.\d+(?=\.|$)/g, (found, steps) => (steps ? found : ".0"));

const isUnder = (path, root) => path === root || path.startsWith(`${root}.`);

/** `{item, group, trail}`: what a path reads; trail: the labels that lead to it, the group's first. Null when
 * nothing is known of it. */
export function findVariable(path, groups) {
	const wanted = firstRow(path);
	for (const one of groups) {
		if (!one.roots.some((root) => isUnder(wanted, root))) continue;
		const trail = way(one.items, wanted);
		if (trail)
			return { item: trail.at(-1), group: one, trail: [one.label, ...trail.map((each) => each.label)] };
	}
	return null;
}

function way(items, path) {
	for (const one of items) {
		if (one.path === path) return [one];
		const inside = one.children && path.startsWith(`${one.path}.`) ? way(one.children, path) : null;
		if (inside) return [one, ...inside];
	}
	return null;
}

/**
 * Null when a path is known or may exist; else `{owner, segment, near}`: whose value it would be (null: of nothing
 * there is), the name that is not there, and `{path, label}` of what comes close, or null.
 */
export function unknownPath(path, groups) {
	if (path === "secret" || path.startsWith("secret.") || findVariable(path, groups)) return null;
	const owner = groups.find((one) => one.roots.some((root) => isUnder(path, root)));
	const segments = path.split(".");
	if (!owner) {
		// A step that this one does not wait for, or a root that there is not.
		if (segments[0] !== "steps")
			return { owner: null, segment: segments[0], near: nearest(path, groups) };
		const [id = ""] = segments.slice(1);
		// Another step is meant only when its id is nearly the same.
		const alike = groups.filter((one) =>
			one.roots.some((root) => isAlike(root, `steps.${id}`, id.length)),
		);
		return { owner: null, segment: `steps.${id}`, near: alike.length ? nearest(path, alike) : null };
	}
	const root = owner.open ? owner.listed : owner.roots.find((one) => isUnder(path, one));
	if (!root || path === root || !isUnder(path, root)) return null;
	const rest = firstRow(path)
		.slice(root.length + 1)
		.split(".");
	if (OF_EVERY_DOCUMENT.includes(rest.at(-1)) || rest[0].startsWith("_")) return null;
	const deepest = enclosing(owner.items, firstRow(path));
	// Below a value whose parts are not listed, or not yet, nothing is known.
	const open =
		deepest && !deepest.children && (deepest.link || deepest.type === "JSON" || deepest.type === null);
	if (open) return null;
	return missing(owner, rest, path, groups);
}

function missing(owner, rest, path, groups) {
	return {
		owner: owner.label,
		segment: rest.at(-1),
		near: nearest(path, [owner]) ?? nearest(path, groups),
	};
}

function enclosing(items, path) {
	const inside = items.find((one) => path.startsWith(`${one.path}.`));
	return inside ? (enclosing(inside.children || [], path) ?? inside) : null;
}

/** `{path, label}` of the known value whose path or label is most like this one; null when none is. */
export function nearest(path, groups) {
	let best = null;
	let least = Math.max(2, Math.floor(path.length / 4)) + 1;
	const wanted = firstRow(path).toLowerCase();
	const visit = (one) => {
		const distance = editDistance(wanted, one.path.toLowerCase(), least);
		if (distance < least) {
			least = distance;
			best = { path: one.path, label: one.label };
		}
		if (!one.lazy || wanted.startsWith(`${one.path}.`))
			for (const child of one.children || []) visit(child);
	};
	// The documents of hundreds of steps are no neighbours of what is of no step.
	const ofSteps = wanted.startsWith("step");
	for (const one of groups) if (ofSteps || !one.roots[0].startsWith("steps.")) one.items.forEach(visit);
	return best;
}

function isAlike(a, b, length) {
	const limit = Math.floor(length / 4) + 1;
	return editDistance(a.toLowerCase(), b.toLowerCase(), limit) < limit;
}

/** How many letters differ; `limit` or more is not counted further. */
function editDistance(a, b, limit) {
	if (Math.abs(a.length - b.length) >= limit) return limit;
	let last = Array.from({ length: b.length + 1 }, (_, at) => at);
	for (let i = 1; i <= a.length; i++) {
		const row = [i];
		for (let j = 1; j <= b.length; j++) {
			const swap = last[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
			row.push(Math.min(swap, last[j] + 1, row[j - 1] + 1));
		}
		if (Math.min(...row) >= limit) return limit;
		last = row;
	}
	return last[b.length];
}
