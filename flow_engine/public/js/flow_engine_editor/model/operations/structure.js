// What holds after every edit: no new circle, no new dependency between branches that exclude each other, and no
// step that fires at the start of the flow and yet waits.
import { inOrder } from "../reach.js";
import { OperationRefused } from "./refusal.js";

/** Steps that got a parent or a dependency no longer fire when the flow starts. */
export function settleStartTriggers(before, flow) {
	const old = new Set(before.steps);
	let changed = false;
	const steps = flow.steps.map((step) => {
		if (old.has(step) || step?.trigger?.type !== "on_flow_start") return step;
		if (!step.parent_id && !step.depends_on?.length) return step;
		changed = true;
		return { ...step, trigger: { type: "on_prev_complete" } };
	});
	return changed ? { ...flow, steps } : flow;
}

/** Throws OperationRefused `cycle` or `unreachable` for what was not wrong before. */
export function needSoundStructure(before, after) {
	const knotted = knots(after);
	if (knotted.size) {
		const old = knots(before);
		for (const id of knotted) if (!old.has(id)) throw new OperationRefused("cycle", id);
	}
	for (const id of placedAnew(before, after)) {
		for (const other of after.dependencies(id)) {
			if (!isExcluded(after, id, other)) continue;
			if (!before.dependencies(id).includes(other) || !isExcluded(before, id, other)) {
				throw new OperationRefused("unreachable", id);
			}
		}
	}
}

function isExcluded(index, id, other) {
	return index.isExcludedAt(index.parentOf(id), index.branchOf(id), other);
}

/** Steps in a circle of parents and dependencies, or behind one. */
export function knots(index) {
	const left = new Set(index.ids);
	for (const id of inOrder(index)) left.delete(id);
	return left;
}

/** Steps that changed, and where one changed its place also what hangs under it and what waits for those. */
function placedAnew(before, after) {
	const found = new Set();
	for (const id of after.ids) {
		const [step, old] = [after.step(id), before.step(id)];
		if (step === old) continue;
		found.add(id);
		if (
			!old ||
			after.parentOf(id) !== before.parentOf(id) ||
			after.branchOf(id) !== before.branchOf(id)
		) {
			for (const one of after.block(id)) {
				found.add(one);
				for (const { id: waiting } of after.dependents(one)) found.add(waiting);
			}
		}
	}
	return found;
}
