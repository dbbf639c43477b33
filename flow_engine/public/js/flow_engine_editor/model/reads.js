// Which steps a step's texts name: in placeholders, and in the bare paths that conditions hold.
import { isObject } from "./flow.js";

const STEP_PATH = /\b(steps|links)\.([A-Za-z0-9_-]{1,64})/g;
const PLACEHOLDER = /\{\{[^{}]*\}\}/g;
const BARE_PATH = /^\s*(?:steps|links)\.[A-Za-z0-9_-]/;
// A condition kept as JSON text holds its paths in quotes.
const QUOTED_PATH = /"(?:steps|links)\.[^"\s]*"/g;

const readsByStep = new WeakMap();

/** Ids of the steps whose results or links a step's payload and trigger may read; kept per step. */
export function stepsRead(step) {
	let found = readsByStep.get(step);
	if (!found) readsByStep.set(step, (found = idsNamed([step.payload, step.trigger])));
	return found;
}

/** The ids named in any data. */
export function idsNamed(data) {
	const found = new Set();
	eachText(data, (text) => {
		for (const part of pathsIn(text)) for (const [, , id] of part.matchAll(STEP_PATH)) found.add(id);
	});
	return found;
}

function pathsIn(text) {
	if (!text.includes("steps.") && !text.includes("links.")) return [];
	return BARE_PATH.test(text)
		? [text]
		: [...(text.match(PLACEHOLDER) || []), ...(text.match(QUOTED_PATH) || [])];
}

function eachText(data, visit, depth = 0) {
	if (typeof data === "string") visit(data);
	else if (depth > 100) return;
	else if (Array.isArray(data)) for (const item of data) eachText(item, visit, depth + 1);
	else if (isObject(data)) for (const item of Object.values(data)) eachText(item, visit, depth + 1);
}

/** The same data, naming the steps by their new ids (a Map of old id → new id); other text is left alone. */
export function renameReads(data, ids, depth = 0) {
	if (typeof data === "string") return renamed(data, ids);
	if (depth > 100) return data;
	if (Array.isArray(data)) return data.map((item) => renameReads(item, ids, depth + 1));
	if (!isObject(data)) return data;
	return Object.fromEntries(
		Object.entries(data).map(([key, item]) => [key, renameReads(item, ids, depth + 1)]),
	);
}

function renamed(text, ids) {
	const swap = (part) =>
		part.replace(STEP_PATH, (whole, root, id) => (ids.has(id) ? `${root}.${ids.get(id)}` : whole));
	if (!text.includes("steps.") && !text.includes("links.")) return text;
	if (BARE_PATH.test(text)) return swap(text);
	return text.replace(PLACEHOLDER, swap).replace(QUOTED_PATH, swap);
}
