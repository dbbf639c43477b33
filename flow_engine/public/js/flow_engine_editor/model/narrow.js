// A flow as a list with indents, for narrow screens.
import { indexFlow } from "./flow.js";

/**
 * Rows in reading order: `{id, depth, lane, first}`. depth: how many steps it hangs under. lane: the branch
 * it stands on, or null; `first`: begins that lane, so that its label stands above it.
 */
export function layoutNarrow(flow, catalog) {
	const index = indexFlow(flow, catalog);
	const rows = [];
	const waiting = lane(index, null, null);
	while (waiting.length) {
		const row = waiting.pop();
		rows.push(row);
		const lanes = index.lanesOf(row.id).flatMap(({ branch }) => lane(index, row.id, branch).reverse());
		waiting.push(...lanes.reverse());
	}
	return rows;
}

/** The steps of a lane, last first; by what waits for what, then by the list. */
function lane(index, parent, branch) {
	const { rows } = index.group(parent, branch);
	const ids = rows.flat();
	return ids.map((id, at) => ({ id, depth: index.depth.get(id), lane: branch, first: at === 0 })).reverse();
}
