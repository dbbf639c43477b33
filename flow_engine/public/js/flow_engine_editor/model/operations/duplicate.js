// duplicate {id, label?, seed?}: a step and everything under it once more. In a chain the copy comes after the
// original; elsewhere it waits for what the original waits for, beside it.
import { copySteps, freeLabel, insertSteps, randomFrom, takenIds } from "./inserting.js";
import { placeAfter } from "./place.js";
import { needNamedStep } from "./refusal.js";

export function duplicate(index, { id, label, seed }) {
	const step = needNamedStep(index, id);
	const block = index.block(id);
	const ids = index.ids.filter((one) => block.has(one));
	const [parent_id, branch] = [index.parentOf(id), index.branchOf(id)];
	const inChain = index.isChain(parent_id, branch);
	const shown = new Set(inChain ? index.links(id).flatMap((peer) => index.lastSteps(peer)) : []);
	const copies = copySteps(
		ids.map((one) => index.step(one)),
		ids,
		{ taken: takenIds(index), random: randomFrom(seed), keep: (other) => index.byId.has(other) },
	);
	const root = copies[ids.indexOf(id)];
	root.label = label || freeLabel(index, step.label);
	root.depends_on = root.depends_on.filter((other) => !shown.has(other));
	const end = Math.max(...[...block].map((one) => index.position.get(one))) + 1;
	return insertSteps(index, inChain ? placeAfter(index, id) : { parent_id, branch }, copies, end);
}
