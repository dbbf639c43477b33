/**
 * What a step that waits is asked for: the names of its input that the flow reads later, so that whoever fires it
 * is offered these fields instead of an empty page.
 */

const OF_STEP = /\bsteps\.([A-Za-z0-9_-]{1,64})\.(?:result\.)?input\.([A-Za-z_][A-Za-z0-9_]{0,63})/g;
const OWN = /\binput\.([A-Za-z_][A-Za-z0-9_]{0,63})/g;
const AFTER_STEP = /steps\.[A-Za-z0-9_-]+\.(?:result\.)?input\./g;

/** Names in the order in which the flow reads them. */
export function inputNames(flow, stepId) {
	const names = new Set();
	for (const step of flow.steps || []) {
		const text = JSON.stringify([step.payload ?? null, step.trigger ?? null]);
		for (const [, id, name] of text.matchAll(OF_STEP)) if (id === stepId) names.add(name);
		if (step.id !== stepId) continue;
		for (const [, name] of text.replace(AFTER_STEP, "").matchAll(OWN)) names.add(name);
	}
	return [...names];
}

/** Rows `[{name, value}]` as the object that is posted; rows without a name or a value say nothing. */
export function postedInput(rows) {
	const filled = rows.filter(({ name, value }) => name.trim() && value !== "");
	return filled.length ? Object.fromEntries(filled.map(({ name, value }) => [name.trim(), value])) : null;
}
