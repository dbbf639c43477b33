// Random valid flows and random edits, from the numbers that whoever asks gives: a property test its shrinkable
// ones, the server's judge those of a seed.
import {
	indexFlow,
	layoutFlow,
	OPERATION_TYPES,
} from "../../flow_engine/public/js/flow_engine_editor/model/index.js";
import { catalog } from "./catalog.js";
import { frozen } from "./sketch.js";

const KINDS = ["notify", "condition", "webhook", "wait", "issue", "agent_understand"];

/** A flow of `count` steps; `next(n)` gives whole numbers below n. */
export function randomFlow(next, count) {
	const steps = [];
	for (let i = 0; i < count; i++) {
		const index = indexFlow({ steps: [...steps] }, catalog);
		const step = randomStep(next, i);
		if (steps.length && next(10) < 4) hang(next, index, step);
		for (let tries = next(4); tries > 0 && steps.length; tries--) wait(next, index, steps, step);
		if (next(8) === 0) {
			const reads = steps.length ? steps[next(steps.length)].id : step.id;
			step.payload = { body: `{{steps.${reads}.result.name}}` };
		}
		steps.push(step);
		caught(steps, step);
	}
	// The list order is for people: sometimes it is not the order of the flow.
	if (next(3) === 0) steps.sort(() => next(3) - 1);
	const variables = next(2) ? { size: next(5) } : {};
	return frozen({ version: 1, trigger: { event: "manual", condition: "" }, variables, steps });
}

function randomStep(next, i) {
	const kind = KINDS[next(KINDS.length)];
	const waits = kind === "wait" && next(2);
	return {
		id: `s${i}`,
		kind,
		label: `Step ${i}`,
		parent_id: null,
		branch: null,
		depends_on: [],
		trigger: waits ? { type: "manual", timeout_hours: 2 } : { type: "on_prev_complete" },
		payload: {},
		...(next(4) ? {} : { sla: { breach: "3d" } }),
	};
}

function hang(next, index, step) {
	const parent = index.ids[next(index.ids.length)];
	const branches = [null, ...index.branches(parent), "error", "timeout", "sla_breach"];
	const branch = branches[next(branches.length)];
	if (!index.allowsBranch(parent, branch)) return;
	step.parent_id = parent;
	step.branch = branch;
}

function wait(next, index, steps, step) {
	const other = steps[next(steps.length)].id;
	if (step.depends_on.includes(other) || index.isExcludedAt(step.parent_id, step.branch, other)) return;
	step.depends_on.push(other);
}

function caught(steps, step) {
	if (step.branch !== "error") return;
	const at = steps.findIndex((one) => one.id === step.parent_id);
	steps[at] = { ...steps[at], on_error: "branch" };
}

/** Types of edits that change where steps hang and what they wait for. */
export const SHAPING = OPERATION_TYPES.filter(
	(type) =>
		![
			"set_trigger",
			"set_variables",
			"set_sla",
			"set_compensate",
			"set_starters",
			"replace",
			"rename",
		].includes(type),
);

const LANES = [null, "yes", "no", "error", "timeout", "sla_breach", "compensate", "unclear"];

/** An edit of a flow, sensible or not. `types`: the types to choose from; `drawn`: places of the picture only. */
export function randomOperation(flow, next, { types = OPERATION_TYPES, drawn = false } = {}) {
	const index = indexFlow(flow, catalog);
	const type = types[next(types.length)];
	const id = () =>
		index.ids.length && (drawn || next(20)) ? index.ids[next(index.ids.length)] : "missing";
	const place = () => (drawn || next(3) ? drawnPlace(flow, next) : anyPlace(index, next, id));
	switch (type) {
		case "add":
			return {
				type,
				kind: KINDS[next(KINDS.length)],
				place: place(),
				seed: next(2) ? next(1000) : undefined,
			};
		case "edit":
			return { type, id: id(), changes: randomChanges(next) };
		case "rename":
			return { type, id: id(), label: "x".repeat(next(4)) };
		case "move":
			return { type, id: id(), place: place() };
		case "delete":
			return { type, ids: Array.from({ length: drawn ? 1 : next(4) }, id) };
		case "duplicate":
			return { type, id: id() };
		case "paste":
			return { type, place: place(), steps: taken(index, next, id, drawn) };
		case "change_branch":
			return { type, id: id(), branch: LANES[next(LANES.length)] };
		case "set_trigger":
			return { type, trigger: { event: "on_issue_opened", condition: "" } };
		case "set_variables":
			return { type, variables: { size: next(9) } };
		case "set_sla":
			return { type, sla: [undefined, { breach: "1w" }, { warn: "1d", breach: "2d" }][next(3)] };
		case "set_compensate":
			return { type, when: [undefined, "ask", "both"][next(3)] };
		case "set_starters":
			return { type, starters: [undefined, { users: ["ann"] }, { roles: ["Auditor"] }][next(3)] };
		case "replace":
			return { type, flow: randomFlow(next, next(6)) };
		default:
			return { type, from: id(), to: id() };
	}
}

function drawnPlace(flow, next) {
	const { pluses } = layoutFlow(flow, catalog);
	return pluses[next(pluses.length)].place;
}

function anyPlace(index, next, id) {
	const parent_id = next(3) && index.ids.length ? id() : null;
	const known = index.byId.has(parent_id) ? index.branches(parent_id) : [];
	const branches = [null, "error", "timeout", "sla_breach", ...known];
	const branch = branches[next(branches.length)];
	if (next(4) === 0) return { parent_id, branch, next: next(2) ? id() : null };
	const some = () => Array.from({ length: next(3) }, id);
	return { parent_id, branch, after: some(), before: some() };
}

function taken(index, next, id, whole) {
	const root = id();
	if (!index.byId.has(root)) return [];
	const block = index.block(root);
	return index.ids
		.filter((one) => (whole ? block.has(one) : block.has(one) || next(4) === 0))
		.map((one) => index.step(one));
}

function randomChanges(next) {
	const choices = [
		{ label: "Other" },
		{ trigger: { type: "on_flow_start" } },
		{ trigger: { type: "manual", timeout_hours: 3 } },
		{ trigger: { type: "after_delay", delay_days: 1 } },
		{ kind: KINDS[next(KINDS.length)] },
		{ on_error: ["fail", "continue", "branch"][next(3)] },
		{ payload: { channel: next(2) ? "sms" : "email" } },
		{ disabled: true, note: undefined },
		{ sla: [undefined, { breach: "3d" }, { warn: "1d" }][next(3)] },
		{ depends_on: [] },
	];
	return choices[next(choices.length)];
}
