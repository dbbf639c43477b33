// Places: where something goes. `{parent_id, branch, after, before}`: under which step and on which branch;
// what comes there waits for `after`, and each step of `before` waits for it instead of for `after`.
// `{parent_id, branch, next}`: in front of `next` in the list (null: at the end), for an order that only people
// read; in a chain it is turned into the links that it means (`same`: it stands there already).
import { OperationRefused, needNamedStep, needStep } from "./refusal.js";

/** The place after everything of a group; of the top level without arguments. */
export function placeAtEnd(index, parent_id = null, branch = null) {
	return { parent_id, branch, after: [...index.lastOfGroup(parent_id, branch)], before: [] };
}

/** The place before everything of a group. */
export function placeAtStart(index, parent_id = null, branch = null) {
	const { ids, before } = index.group(parent_id, branch);
	return { parent_id, branch, after: [], before: ids.filter((id) => !before.get(id).length) };
}

/** The place between a step (with what hangs under it) and what comes after it. */
export function placeAfter(index, id) {
	const next = index.groupOf(id).ids.filter((peer) => index.links(peer).includes(id));
	return { ...around(index, id), after: [...index.lastSteps(id)], before: next };
}

/** The place between what comes before a step and the step. */
export function placeBefore(index, id) {
	const after = index.links(id).flatMap((peer) => index.lastSteps(peer));
	return { ...around(index, id), after: [...new Set(after)], before: [id] };
}

function around(index, id) {
	return { parent_id: index.parentOf(id), branch: index.branchOf(id) };
}

/** A place as data from anywhere, made whole. Throws OperationRefused. */
export function readPlace(index, raw, moving = null) {
	const parent_id = raw?.parent_id ?? null;
	const branch = raw?.branch || null;
	if (parent_id === null) {
		if (branch !== null) throw new OperationRefused("branch_without_parent");
	} else {
		const parent = needNamedStep(index, parent_id);
		if (!index.allowsBranch(parent_id, branch)) {
			throw new OperationRefused("unknown_branch", parent_id, [parent.label || parent_id, branch]);
		}
	}
	if (raw && "next" in raw) return inOrder(index, parent_id, branch, raw.next, moving);
	const after = [...new Set(raw?.after || [])];
	const before = [...new Set(raw?.before || [])];
	for (const id of [...after, ...before]) needStep(index, id);
	return { parent_id, branch, after, before };
}

function inOrder(index, parent_id, branch, next, moving) {
	const { ids, chain } = index.group(parent_id, branch);
	if (next !== null && !ids.includes(next)) throw new OperationRefused("unknown_step", next);
	if (!chain) return { parent_id, branch, next };
	const at = next === null ? chain.length : chain.indexOf(next);
	const here = moving === null ? -1 : chain.indexOf(moving);
	if (here !== -1 && (here === at || here === at - 1)) return { parent_id, branch, next, same: true };
	const last = chain[at - 1];
	const after = last === undefined ? [] : [...index.lastSteps(last)];
	return { parent_id, branch, after, before: next === null ? [] : [next] };
}

/** Where in the list something at this place belongs, so that the list reads like the tree. */
export function listPosition(index, place) {
	const positions = (ids) => [...ids].map((id) => index.position.get(id));
	if (place.next) return index.position.get(place.next);
	if (place.before?.length) return Math.min(...positions(place.before));
	const peers = lastFilled(index, place);
	const above = (place.after || []).map((id) => topmost(index, id, place));
	const preceding = above.filter((id) => peers.includes(id));
	const anchors = preceding.length ? preceding : peers;
	let end = place.parent_id === null ? -1 : index.position.get(place.parent_id);
	for (const id of anchors.length ? anchors : place.parent_id === null ? index.ids : []) {
		for (const position of positions(index.block(id))) end = Math.max(end, position);
	}
	return end + 1;
}

/** The steps of the place's lane, or of the nearest lane before it that has any. */
function lastFilled(index, { parent_id, branch }) {
	if (parent_id === null || branch === null) return index.groupIds(parent_id, branch);
	const lanes = index.lanesOf(parent_id);
	const own = lanes.findIndex((lane) => lane.branch === branch);
	const before = lanes.slice(0, own === -1 ? lanes.length : own + 1).filter((lane) => lane.ids.length);
	return before.at(-1)?.ids || [];
}

function topmost(index, id, place) {
	let here = id;
	while (index.parentOf(here) !== null && index.parentOf(here) !== place.parent_id)
		here = index.parentOf(here);
	return here;
}
