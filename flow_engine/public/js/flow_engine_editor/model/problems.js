// The server's problems, put where they are shown: beside the field of the step that they name.
import { indexFlow } from "./flow.js";

const STEP_PATH = /^steps\[(\d+)\](?:\.(.*))?$/s;

/** `{byStep: Map id → problems, trigger, flow}`; a problem of a step is known by its place in the list, which also
 * a step without a sound id has. */
export function placeProblems(problems, flow) {
	const index = indexFlow(flow);
	const placed = { byStep: new Map(), trigger: [], flow: [] };
	for (const problem of problems || []) {
		const path = problem.path || "";
		const place = STEP_PATH.exec(path);
		const id = place ? index.ids[Number(place[1])] : undefined;
		if (id !== undefined) {
			if (!placed.byStep.has(id)) placed.byStep.set(id, []);
			placed.byStep.get(id).push(problem);
		} else if (path === "trigger" || path.startsWith("trigger.")) placed.trigger.push(problem);
		else placed.flow.push(problem);
	}
	return placed;
}

/** `{section, field}`: for `steps[3].payload.url` payload and url, for `trigger.condition` trigger and condition,
 * for `steps[3].label` label and null. What lies deeper than a field belongs to it. */
export function fieldOf(problem) {
	const path = problem.path || "";
	const place = STEP_PATH.exec(path);
	const inside = place ? place[2] || "" : path;
	const [section, field] = inside.split(/[.[]/, 2);
	const name = inside.includes("[") && inside.indexOf("[") === section.length ? null : field;
	return { section: section || (place ? "step" : "flow"), field: name || null };
}
