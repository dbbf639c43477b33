// move {id, place}: a step and everything under it, somewhere else.
//
// A stand-in takes the place first; then the block is taken out, so that all that waits or is waited for closes
// up around both; then the block takes the stand-in's place. Links that the lines show are rewritten by that;
// any other dependency of or on the block stays where it still can.
import { indexFlow } from "../flow.js";
import { newId } from "../kinds.js";
import { insertSteps } from "./inserting.js";
import { listPosition, readPlace } from "./place.js";
import { OperationRefused, needNamedStep } from "./refusal.js";
import { inheritance, patchSteps, spliced, withoutSteps } from "./rewiring.js";

export function move(index, { id, place: raw }) {
	needNamedStep(index, id);
	const block = index.block(id);
	if (block.has(raw?.parent_id)) throw new OperationRefused("inside_itself", id);
	const place = readPlace(index, raw, id);
	if (place.same) return index.flow;
	if (
		place.next !== undefined &&
		index.parentOf(id) === place.parent_id &&
		index.branchOf(id) === place.branch
	) {
		return reordered(index, block, place);
	}
	const standIn = { id: newId(index.ids, undefined, "stand_in"), kind: "", depends_on: [] };
	const withStandIn = indexFlow(insertSteps(index, place, [standIn]), index.catalog);
	const loose = looseEnds(withStandIn, index, block, standIn.id);
	const inherited = inheritance(withStandIn, block);
	const heal = (waiting, gone) =>
		loose.some(([one, other]) => one === waiting && other === gone) ? [] : inherited.get(gone);
	const without = indexFlow(withoutSteps(withStandIn, block, heal), index.catalog);
	const moved = takePlace(without, standIn.id, id, inSteps(index, block), index.lastSteps(id));
	return tieLooseEnds(indexFlow(moved, index.catalog), loose, block, inherited);
}

/** The list order of people: the block in front of `next`, nothing else. */
function reordered(index, block, place) {
	if (block.has(place.next)) return index.flow;
	const { steps } = index.flow;
	const at =
		place.next === null ? listPosition(index, { ...place, next: undefined }) : listPosition(index, place);
	const inside = (_, position) => block.has(index.ids[position]);
	const outside = (_, position) => !block.has(index.ids[position]);
	const head = steps.slice(0, at).filter(outside);
	const tail = steps.slice(at).filter((_, position) => !block.has(index.ids[position + at]));
	const result = [...head, ...steps.filter(inside), ...tail];
	return result.every((step, position) => step === steps[position])
		? index.flow
		: { ...index.flow, steps: result };
}

function inSteps(index, block) {
	return index.flow.steps.filter((_, position) => block.has(index.ids[position]));
}

/** `[id, other]` of the dependencies between the block and the rest that no line shows: `id` waits for `other`. */
function looseEnds(index, original, block, standIn) {
	const found = [];
	for (const id of index.ids) {
		if (id === standIn) continue;
		const linked = new Set(
			(block.has(id) ? original : index).links(id).flatMap((peer) => index.lastSteps(peer)),
		);
		for (const other of (block.has(id) ? original : index).dependencies(id)) {
			if (block.has(id) !== block.has(other) && !linked.has(other)) found.push([id, other]);
		}
	}
	return found;
}

function takePlace(index, standIn, id, steps, lasts) {
	const inside = new Set(steps.map((step) => step?.id));
	const { parent_id, branch, depends_on } = index.step(standIn);
	const placed = steps.map((step) => {
		const waits = Array.isArray(step?.depends_on) ? step.depends_on : [];
		const kept = waits.filter((other) => inside.has(other));
		if (step?.id === id) {
			return { ...step, parent_id, branch, depends_on: [...new Set([...depends_on, ...kept])] };
		}
		return kept.length === waits.length ? step : { ...step, depends_on: kept };
	});
	const patches = new Map(
		index.dependents(standIn).map((step) => [
			step.id,
			{
				depends_on: [
					...new Set(
						index.dependencies(step.id).flatMap((one) => (one === standIn ? lasts : [one])),
					),
				],
			},
		]),
	);
	const patched = patchSteps(index.flow, index, patches);
	return { ...patched, steps: spliced(patched.steps, index.position.get(standIn), 1, placed) };
}

function tieLooseEnds(index, loose, block, inherited) {
	let here = index;
	const tie = (id, other) => {
		if (here.isAncestor(other, id) || here.dependencyRefusal(id, other)) return false;
		if (!here.dependencies(id).includes(other)) {
			const depends_on = [...here.dependencies(id), other];
			here = indexFlow(patchSteps(here.flow, here, new Map([[id, { depends_on }]])), here.catalog);
		}
		return true;
	};
	for (const [id, other] of loose) {
		if (tie(id, other) || block.has(id)) continue;
		for (const one of inherited.get(other) || []) tie(id, one);
	}
	return here.flow;
}
