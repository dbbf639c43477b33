// How many things differ between two flows: steps added, deleted or changed, the trigger, each variable. The order
// of the list is for people and counts once.
import { indexFlow, isObject } from "./flow.js";
import { sameValue } from "./operations/rewiring.js";

export function countChanges(before, after) {
	return changesBetween(before, after).length;
}

/** `{what: "trigger" | "variable" | "setting" | "step" | "order", change: "added" | "deleted" | "changed", name}` of
 * each; a setting is whatever else stands at the top of a flow. */
export function changesBetween(before, after) {
	if (before === after) return [];
	const changes = [];
	const note = (what, change, name) => changes.push({ what, change, name });
	if (!sameValue(before.trigger, after.trigger)) note("trigger", "changed", null);
	compare(entries(before.variables), entries(after.variables), (change, name) =>
		note("variable", change, name),
	);
	compare(settings(before), settings(after), (change, name) => note("setting", change, name));
	const [old, now] = [indexFlow(before), indexFlow(after)];
	compare(old.byId, now.byId, (change, id) => note("step", change, id));
	const inBoth = (index, other) => index.ids.filter((id) => other.byId.has(id));
	if (!sameValue(inBoth(old, now), inBoth(now, old))) note("order", "changed", null);
	return changes;
}

function entries(variables) {
	return new Map(isObject(variables) ? Object.entries(variables) : []);
}

const APART = ["version", "trigger", "variables", "steps"];
const settings = (flow) => new Map(Object.entries(flow).filter(([key]) => !APART.includes(key)));

function compare(before, after, note) {
	for (const [name, value] of before) {
		if (!after.has(name)) note("deleted", name);
		else if (!sameValue(value, after.get(name))) note("changed", name);
	}
	for (const name of after.keys()) if (!before.has(name)) note("added", name);
}
