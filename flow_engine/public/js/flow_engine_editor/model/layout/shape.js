// The shape of a group: what stands under what, and what side by side.
//
// A step that everything of a group leads through stands alone; between two such steps, what hangs together makes
// a column beside the others, and each column is seen the same way. What cannot be taken apart so is put in rows.
//
// A shape is `{type: "block", id}`, `{type: "series" | "parallel", parts}` or `{type: "rows", rows: [[block]]}`.

/** The shape of a group as groups.js gives it; null for one without steps. */
export function shapeOf(group, position) {
	if (!group.ids.length) return null;
	// By row is an order in which everything comes after what it waits for, circles aside.
	const ids = [...group.ids].sort(
		(a, b) => group.row.get(a) - group.row.get(b) || position.get(a) - position.get(b),
	);
	return seen({ ...group, position }, ids);
}

/** The peers that a step waits for, without those that only a circle leads to. */
export function peersBefore(group, id) {
	return group.before.get(id).filter((peer) => group.row.get(peer) < group.row.get(id));
}

const block = (id) => ({ type: "block", id });

function seen(group, ids) {
	if (ids.length === 1) return block(ids[0]);
	const cuts = cutsOf(group, ids);
	if (!cuts.size) return sideBySide(group, ids, true);
	const parts = [];
	let between = [];
	const close = () => {
		if (between.length) parts.push(sideBySide(group, between, false));
		between = [];
	};
	for (const id of ids) {
		if (cuts.has(id)) {
			close();
			parts.push(block(id));
		} else between.push(id);
	}
	close();
	return { type: "series", parts };
}

/** Steps that lie on every way through `ids`: no dependency leads past them, from or to anywhere. */
function cutsOf(group, ids) {
	const place = new Map(ids.map((id, at) => [id, at]));
	const change = new Array(ids.length + 1).fill(0);
	const cover = (from, to) => {
		change[from + 1]++;
		change[to]--;
	};
	const followed = new Set();
	ids.forEach((id, at) => {
		const before = peersBefore(group, id).filter((peer) => place.has(peer));
		for (const peer of before) {
			followed.add(peer);
			cover(place.get(peer), at);
		}
		if (!before.length) cover(-1, at);
	});
	ids.forEach((id, at) => {
		if (!followed.has(id)) cover(at, ids.length);
	});
	const cuts = new Set();
	let passing = 0;
	ids.forEach((id, at) => {
		passing += change[at];
		if (passing === 0) cuts.add(id);
	});
	return cuts;
}

function sideBySide(group, ids, whole) {
	const columns = components(group, ids);
	if (columns.length > 1) return { type: "parallel", parts: columns.map((column) => seen(group, column)) };
	return whole ? inRows(group, ids) : seen(group, ids);
}

function components(group, ids) {
	const here = new Set(ids);
	const beside = new Map(ids.map((id) => [id, []]));
	for (const id of ids) {
		for (const peer of peersBefore(group, id)) {
			if (!here.has(peer)) continue;
			beside.get(id).push(peer);
			beside.get(peer).push(id);
		}
	}
	const column = new Map();
	let count = 0;
	for (const start of [...ids].sort((a, b) => group.position.get(a) - group.position.get(b))) {
		if (column.has(start)) continue;
		const waiting = [start];
		column.set(start, count);
		while (waiting.length) {
			for (const other of beside.get(waiting.pop())) {
				if (column.has(other)) continue;
				column.set(other, count);
				waiting.push(other);
			}
		}
		count++;
	}
	const columns = Array.from({ length: count }, () => []);
	for (const id of ids) columns[column.get(id)].push(id);
	return columns;
}

function inRows(group, ids) {
	const rows = [];
	const place = new Map();
	for (const id of ids) (rows[group.row.get(id)] ||= []).push(id);
	const filled = rows.filter(Boolean);
	for (const row of filled) {
		const middle = (id) => {
			const before = peersBefore(group, id).filter((peer) => place.has(peer));
			return before.length
				? before.reduce((sum, peer) => sum + place.get(peer), 0) / before.length
				: group.position.get(id);
		};
		const wanted = new Map(row.map((id) => [id, middle(id)]));
		row.sort((a, b) => wanted.get(a) - wanted.get(b) || group.position.get(a) - group.position.get(b));
		row.forEach((id, at) => place.set(id, at));
	}
	return { type: "rows", rows: filled.map((row) => row.map(block)) };
}

/** The blocks a shape begins with. */
export function firstsOf(shape, group) {
	if (shape.type === "block") return [shape.id];
	if (shape.type === "series") return firstsOf(shape.parts[0], group);
	if (shape.type === "parallel") return shape.parts.flatMap((part) => firstsOf(part, group));
	const inside = idsInRows(shape);
	return [...inside].filter((id) => !peersBefore(group, id).some((peer) => inside.has(peer)));
}

/** The blocks a shape ends with. */
export function lastsOf(shape, group) {
	if (shape.type === "block") return [shape.id];
	if (shape.type === "series") return lastsOf(shape.parts.at(-1), group);
	if (shape.type === "parallel") return shape.parts.flatMap((part) => lastsOf(part, group));
	const inside = idsInRows(shape);
	const followed = new Set([...inside].flatMap((id) => peersBefore(group, id)));
	return [...inside].filter((id) => !followed.has(id));
}

export function idsInRows(shape) {
	return new Set(shape.rows.flat().map((one) => one.id));
}
