/** Which "+" belongs to a step, what it is called, and where a step goes when it is moved by keys. */
import { TRIGGER } from "../model/flow.js";

/** Does the "+" begin a lane (or the flow)? `plus.after` then names what the lane hangs under. */
const begins = (plus) => plus.after.length === 1 && plus.after[0] === (plus.place.parent_id ?? TRIGGER);

/** What a screen reader says of a "+". */
export function plusLabel(plus, index, t) {
	const label = (id) => index.byId.get(id)?.label || id;
	const { parent_id: parent, branch } = plus.place;
	if (!begins(plus)) return t("Add a step after {0}", [listed(plus.after.map(label), t)]);
	if (branch) return t("Add a step on branch {0} of {1}", [branch, label(parent)]);
	if (parent) return t("Add a step under {0}", [label(parent)]);
	return t("Add a step at the start");
}

function listed(names, t) {
	if (names.length < 2) return names.join("");
	return t("{0} and {1}", [names.slice(0, -1).join(", "), names[names.length - 1]]);
}

/** The "+" below a step: the one that a new step after it would take. */
export function plusAfter(id, layout) {
	if (id === TRIGGER) return layout.pluses.find((plus) => plus.after.includes(TRIGGER)) || null;
	return layout.pluses.find((plus) => plus.after.includes(id) && !begins(plus)) || null;
}

/** The first "+" of each branch of a step, in the order of its lanes. */
const plusesUnder = (id, layout) => layout.pluses.filter((plus) => plus.after[0] === id && begins(plus));

/** Keys of the "+" that stand at the step: the keyboard reaches them while it is selected. */
export function plusesAt(id, layout) {
	const found = [plusAfter(id, layout), ...(id === TRIGGER ? [] : plusesUnder(id, layout))];
	return new Set(found.filter(Boolean).map((plus) => plus.key));
}

/**
 * Where a step goes when it is moved by an arrow: up and down among its peers, left and right into a neighbouring
 * lane. The "+", or null where there is no such place. fits(plus): whether the step may go there at all.
 */
export function plusTowards(direction, id, layout, index, fits) {
	const card = layout.cards.find((one) => one.id === id);
	const step = index.byId.get(id);
	if (!card || !step) return null;
	const centre = { x: card.x + card.width / 2, y: card.y + card.height / 2 };
	const own = (place) =>
		(place.parent_id || null) === (step.parent_id || null) &&
		(place.branch || null) === (step.branch || null);
	const candidates = layout.pluses.filter((plus) => fits(plus));
	const distance = (plus) => Math.abs(plus.x - centre.x) + Math.abs(plus.y - centre.y);
	const nearest = (list) => list.sort((a, b) => distance(a) - distance(b))[0] || null;
	if (direction === "up") {
		return nearest(candidates.filter((plus) => own(plus.place) && plus.y < centre.y));
	}
	if (direction === "down") {
		return nearest(candidates.filter((plus) => own(plus.place) && plus.y > centre.y));
	}
	const side = direction === "left" ? -1 : 1;
	const others = candidates.filter((plus) => !own(plus.place));
	const beside = others.filter((plus) => (plus.x - centre.x) * side > 1);
	// The lanes of the same step first: that is where somebody who presses an arrow looks.
	const sisters = beside.filter((plus) => (plus.place.parent_id || null) === (step.parent_id || null));
	return nearest(step.parent_id ? sisters : []) || nearest(beside) || nearest(others);
}
