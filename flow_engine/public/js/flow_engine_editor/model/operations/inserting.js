// Steps that come into a flow: a new one, a copy, a paste, a block that was moved.
import { indexFlow } from "../flow.js";
import { newId } from "../kinds.js";
import { idsNamed, renameReads } from "../reads.js";
import { listPosition } from "./place.js";
import { keepJoins, patchSteps, spliced } from "./rewiring.js";

/**
 * The flow with `steps` at a place (as readPlace gives it). Their roots are those whose parent is not among
 * them; they get the place's parent and branch, and the first of them what the place waits for.
 */
export function insertSteps(index, place, steps, position = listPosition(index, place)) {
	const { flow } = index;
	const { parent_id, branch, after = [], before = [] } = place;
	const block = indexFlow({ steps }, index.catalog);
	const firsts = block.group(null, null);
	const placed = steps.map((step, at) => {
		const id = block.ids[at];
		if (block.parentOf(id) !== null) return step;
		const waits = firsts.before.get(id).length ? [] : after;
		return {
			...step,
			parent_id,
			branch,
			depends_on: [...new Set([...waits, ...(Array.isArray(step.depends_on) ? step.depends_on : [])])],
		};
	});
	const patches = new Map(
		before.map((id) => [
			id,
			{ depends_on: exchanged(index.dependencies(id), after, block.lastOfGroup(null, null)) },
		]),
	);
	if (branch === "error" && index.step(parent_id).on_error !== "branch") {
		patches.set(parent_id, { ...patches.get(parent_id), on_error: "branch" });
	}
	const patched = patchSteps(flow, index, patches);
	const inserted = { ...patched, steps: spliced(patched.steps, position, 0, placed) };
	return keepJoins(index, inserted, { except: new Set(before) });
}

/** `ids` with `come` where the first of `go` stood, or at the end when there was none. */
function exchanged(ids, go, come) {
	const place = ids.findIndex((id) => go.includes(id));
	const kept = ids.filter((id) => !go.includes(id));
	const at = place === -1 ? kept.length : ids.slice(0, place).filter((id) => !go.includes(id)).length;
	return [...new Set(spliced(kept, at, 0, come))];
}

/** Ids that a new step may not have: those there are, and those that some text still names. */
export function takenIds(index) {
	return new Set([...index.ids, ...idsNamed(index.flow)]);
}

/** Numbers in [0, 1) from a seed (mulberry32); undefined without one. */
export function randomFrom(seed) {
	if (seed === undefined || seed === null) return undefined;
	let state = seed >>> 0;
	return () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let mixed = Math.imul(state ^ (state >>> 15), state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
	};
}

/** Copies under new ids, naming each other by them. `keep(id)`: whether a dependency outside of them stays. */
export function copySteps(steps, ids, { taken, random, keep }) {
	const renames = new Map();
	steps.forEach((step, at) => {
		const id = newId(taken, random, step.kind || "step");
		taken.add(id);
		renames.set(ids[at], id);
	});
	return steps.map((step, at) => ({
		...step,
		id: renames.get(ids[at]),
		parent_id: renames.get(step.parent_id) ?? null,
		branch: renames.has(step.parent_id) ? (step.branch ?? null) : null,
		depends_on: [
			...new Set(
				(Array.isArray(step.depends_on) ? step.depends_on : [])
					.filter((other) => renames.has(other) || keep(other))
					.map((other) => renames.get(other) ?? other),
			),
		],
		payload: renameReads(step.payload ?? {}, renames),
		trigger: renameReads(step.trigger ?? { type: "on_prev_complete" }, renames),
	}));
}

/** A label that no step of the flow has yet: the label itself, or with a number behind it. */
export function freeLabel(index, label) {
	const taken = new Set([...index.byId.values()].map((step) => step.label));
	const base = String(label ?? "").replace(/ \d+$/, "");
	for (let count = 2; ; count++) {
		const candidate = `${base} ${count}`.trim();
		if (!taken.has(candidate)) return candidate;
	}
}
