/** Which "+" belongs to a step, what it is called, and where a step goes when it is moved by keys. */

import { TRIGGER } from "../model/flow.js";

export const keyOf = (place) =>
	JSON.stringify([place.parent_id || null, place.branch || null, place.after || [], place.before || []]);

/** What a screen reader says of a "+". */
export function placeLabel(place, index, t) {
	const label = (id) => index.byId.get(id)?.label || "";
	const after = (place.after || []).map(label).filter(Boolean);
	const inner = place.parent_id && place.after.every((id) => id === place.parent_id);
	if (after.length && !inner) return t("Add a step after {0}", [listed(after, t)]);
	if (place.branch) return t("Add a step on branch {0} of {1}", [place.branch, label(place.parent_id)]);
	if (place.parent_id) return t("Add a step under {0}", [label(place.parent_id)]);
	return t("Add a step at the start");
}

function listed(names, t) {
	if (names.length < 2) return names.join("");
	return t("{0} and {1}", [names.slice(0, -1).join(", "), names[names.length - 1]]);
}

/** The "+" below a step: the one that a new step after it would take. */
export function plusAfter(id, layout, index) {
	if (id === TRIGGER) return layout.pluses[0] || null;
	const step = index.byId.get(id);
	if (!step) return null;
	const ends = new Set([id, ...index.lastSteps(id)]);
	const peers = layout.pluses.filter(
		({ place }) =>
			(place.parent_id || null) === (step.parent_id || null) &&
			(place.branch || null) === (step.branch || null),
	);
	return (
		peers.find(({ place }) => place.after.length && place.after.every((one) => ends.has(one))) ||
		peers.find(({ place }) => place.after.some((one) => ends.has(one))) ||
		null
	);
}

/** The first "+" of each branch of a step, in the order of its lanes. */
export function plusesUnder(id, layout) {
	const seen = new Set();
	return layout.pluses.filter(({ place }) => {
		if (place.parent_id !== id || seen.has(place.branch || "")) return false;
		seen.add(place.branch || "");
		return true;
	});
}

/** "+" that stand at the step: shown to the keyboard while it is selected. */
export function plusesAt(id, layout, index) {
	const after = plusAfter(id, layout, index);
	return new Set([after, ...plusesUnder(id, layout)].filter(Boolean).map(({ place }) => keyOf(place)));
}

/**
 * Where a step goes when it is moved by an arrow: up and down among its peers, left and right into a neighbouring
 * lane. The "+", or null where there is no such place. outside(place): whether the step may go there at all.
 */
export function plusTowards(direction, id, layout, index, outside) {
	const card = layout.cards.find((one) => one.id === id);
	const step = index.byId.get(id);
	if (!card || !step) return null;
	const centre = { x: card.x + card.width / 2, y: card.y + card.height / 2 };
	const own = (place) =>
		(place.parent_id || null) === (step.parent_id || null) &&
		(place.branch || null) === (step.branch || null);
	const candidates = layout.pluses.filter((plus) => outside(plus.place) && !touches(plus.place, id));
	const distance = (plus) => Math.abs(plus.x - centre.x) + Math.abs(plus.y - centre.y);
	const nearest = (list) => list.sort((a, b) => distance(a) - distance(b))[0] || null;
	if (direction === "up") {
		return nearest(candidates.filter((plus) => own(plus.place) && plus.y < centre.y));
	}
	if (direction === "down") {
		return nearest(candidates.filter((plus) => own(plus.place) && plus.y > centre.y));
	}
	const side = direction === "left" ? -1 : 1;
	const beside = candidates.filter((plus) => !own(plus.place) && (plus.x - centre.x) * side > 1);
	return (
		nearest(beside) ||
		nearest(candidates.filter((plus) => !own(plus.place) && plus.y * side > centre.y * side))
	);
}

/** A "+" right above or below the step itself: moving there changes nothing. */
function touches(place, id) {
	return (place.after || []).includes(id) || (place.before || []).includes(id);
}

/** The place after the chosen step, without a drawing: where pasted steps go. */
export function plusAfterIn(editor) {
	const index = editor.index.value;
	const id = editor.selected.value;
	if (!id || !index.byId.has(id)) {
		const first = index.children(null)[0];
		return { parent_id: null, branch: null, after: [], before: first ? startsOf(index) : [] };
	}
	const after = index.lastSteps(id);
	const before = index
		.peers(id)
		.filter((peer) => peer.id !== id && index.links(peer.id).includes(id))
		.map((peer) => peer.id);
	return { parent_id: index.parentOf(id), branch: index.branchOf(id), after, before };
}

/** The steps that nothing comes before. */
function startsOf(index) {
	return index
		.children(null)
		.filter((step) => !index.links(step.id).length)
		.map((step) => step.id);
}
