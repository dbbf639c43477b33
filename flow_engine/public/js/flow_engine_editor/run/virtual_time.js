/** The virtual clock of a test run: where every step stood at a moment, and the moments as a list with gaps. */
import { between } from "./times.js";

/** Steps `[{id, status, …}]` after the first `place` entries of the timeline; at its end as they ended. */
export function statesAt(steps, timeline, place) {
	if (place >= timeline.length) return Object.entries(steps).map(([id, state]) => ({ ...state, id }));
	const then = new Map();
	const late = new Map();
	for (const entry of timeline.slice(0, place)) {
		then.set(entry.step, entry);
		if (entry.sla) late.set(entry.step, entry.sla);
	}
	return Object.entries(steps).map(([id, state]) => {
		const entry = then.get(id);
		if (!entry) return { id, status: "pending", attempts: 0 };
		const sla = late.has(id) ? { ...state.sla, standing: late.get(id), open: true } : null;
		if (entry.status === state.status) return { ...state, id, sla };
		// What it would come to was not known yet.
		const { trigger_at, started_at } = state;
		return { id, status: entry.status, trigger_at, started_at, attempts: 0, sla };
	});
}

/**
 * The timeline by moments: `[{at, gap, entries: [{step, status, place}]}]`; gap: milliseconds since the moment
 * before, place: how many entries have happened once this one has.
 */
export function momentsOf(timeline) {
	const moments = [];
	timeline.forEach((entry, index) => {
		let last = moments[moments.length - 1];
		if (!last || last.at !== entry.at) {
			last = { at: entry.at, gap: last ? between(last.at, entry.at) : null, entries: [] };
			moments.push(last);
		}
		last.entries.push({ ...entry, place: index + 1 });
	});
	return moments;
}
