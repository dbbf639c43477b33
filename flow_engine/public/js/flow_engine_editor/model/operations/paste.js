// paste {place, steps, seed?}: steps from this or another flow, under new ids. What they name among themselves is
// named anew; what they waited for outside is left out. Steps come from a clipboard: they may be anything.
import { indexFlow, isObject } from "../flow.js";
import { copySteps, insertSteps, randomFrom, takenIds } from "./inserting.js";
import { readPlace } from "./place.js";
import { OperationRefused } from "./refusal.js";

const KEYS = [
	"kind",
	"label",
	"payload",
	"trigger",
	"retry",
	"timeout_seconds",
	"sla",
	"on_error",
	"disabled",
	"note",
];

export function paste(index, { place: raw, steps, seed }) {
	const place = readPlace(index, raw);
	const given = Array.isArray(steps)
		? steps.filter((step) => isObject(step) && typeof step.kind === "string")
		: [];
	if (!given.length) throw new OperationRefused("nothing_to_paste");
	const source = indexFlow({ steps: given }, index.catalog);
	const whole = given.map((step, at) => cleaned(source, step, source.ids[at]));
	const copies = copySteps(whole, source.ids, {
		taken: takenIds(index),
		random: randomFrom(seed),
		keep: () => false,
	});
	return insertSteps(index, place, copies);
}

function cleaned(source, step, id) {
	const kept = Object.fromEntries(
		KEYS.filter((key) => Object.hasOwn(step, key)).map((key) => [key, step[key]]),
	);
	const parent_id = source.parentOf(id);
	return {
		...kept,
		payload: isObject(step.payload) ? step.payload : {},
		trigger: isObject(step.trigger) ? step.trigger : { type: "on_prev_complete" },
		parent_id,
		branch: source.branchOf(id),
		depends_on: source.dependencies(id),
	};
}
