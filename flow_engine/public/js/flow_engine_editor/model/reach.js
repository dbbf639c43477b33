// Who waits for whom, of all steps at once: for questions about many pairs. (A set for each of n steps would take n²
// entries; bits take n²/8 bytes, and are let go with the answer.)

/** A function `(a, b)`: does b wait for a, through parents and dependencies? In and behind a circle, anything may. */
export function reachOf(index) {
	const place = new Map(index.ids.map((id, at) => [id, at]));
	const words = Math.ceil(index.ids.length / 32);
	const bits = new Uint32Array(words * index.ids.length);
	const settled = new Set();
	for (const id of inOrder(index)) {
		const row = place.get(id) * words;
		for (const other of before(index, id)) {
			const at = place.get(other);
			bits[row + (at >> 5)] |= 1 << (at & 31);
			for (let word = 0; word < words; word++) bits[row + word] |= bits[at * words + word];
		}
		settled.add(id);
	}
	return (a, b) => {
		if (!settled.has(b)) return true;
		const at = place.get(a);
		return at !== undefined && (bits[place.get(b) * words + (at >> 5)] & (1 << (at & 31))) !== 0;
	};
}

function before(index, id) {
	const parent = index.parentOf(id);
	return parent === null ? index.dependencies(id) : [parent, ...index.dependencies(id)];
}

/** Everything after what it waits for; what is in a circle, or behind one, is left out. */
export function inOrder(index) {
	const missing = new Map();
	const ready = [];
	for (const id of index.ids) {
		const count = before(index, id).length;
		missing.set(id, count);
		if (!count) ready.push(id);
	}
	const settle = (id) => {
		missing.set(id, missing.get(id) - 1);
		if (missing.get(id) === 0) ready.push(id);
	};
	for (const id of ready) {
		for (const lane of (index.lanes.get(id) || new Map()).values()) lane.forEach(settle);
		index.neededBy.get(id).forEach(settle);
	}
	return ready;
}
