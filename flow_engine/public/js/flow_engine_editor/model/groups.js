// The steps of one parent and branch: which waits for which, in rows of the longest way, and whether they are a
// chain.

/**
 * `before`: id → the peers in whose blocks its dependencies stand, without those that another of them waits for
 * already. `links`: those of them it waits for as a whole. `row`: id → the longest way to it; `rows`: ids by
 * row. `chain`: the ids one after the other when each is linked to the one before, else null.
 */
export function readGroup(index, ids) {
	const named = namedPeers(index, ids);
	const row = rowsOf(ids, named);
	const before = new Map();
	const links = new Map();
	for (const id of ids) {
		const peers = direct(named.get(id), named, row);
		before.set(id, peers);
		if (peers.length) {
			const waits = new Set(index.dependencies(id));
			links.set(
				id,
				peers.filter((peer) => index.lastSteps(peer).every((last) => waits.has(last))),
			);
		}
	}
	const rows = [];
	for (const id of ids) (rows[row.get(id)] ||= []).push(id);
	const inOrder = rows.length === ids.length ? rows.map(([id]) => id) : null;
	const chained = inOrder?.every((id, i) => i === 0 || links.get(id)?.includes(inOrder[i - 1]));
	return { ids, before, links, row, rows, chain: chained ? inOrder : null };
}

function namedPeers(index, ids) {
	const named = new Map();
	for (const id of ids) {
		const peers = new Set();
		for (const other of index.dependencies(id)) {
			const peer = index.peerAbove(other, id);
			if (peer !== null) peers.add(peer);
		}
		named.set(id, [...peers]);
	}
	return named;
}

/** Peers that wait for each other are put into rows as if the rest of their circle were not there. */
function rowsOf(ids, named) {
	const missing = new Map();
	const after = new Map(ids.map((id) => [id, []]));
	for (const id of ids) {
		missing.set(id, named.get(id).length);
		for (const peer of named.get(id)) after.get(peer).push(id);
	}
	const row = new Map();
	const ready = ids.filter((id) => missing.get(id) === 0);
	const queued = new Set(ready);
	let next = 0;
	for (let done = 0; done < ids.length; done++) {
		if (done === ready.length) {
			while (queued.has(ids[next])) next++;
			queued.add(ids[next]);
			ready.push(ids[next]);
		}
		const id = ready[done];
		row.set(id, Math.max(-1, ...named.get(id).map((peer) => row.get(peer) ?? -1)) + 1);
		for (const other of after.get(id)) {
			missing.set(other, missing.get(other) - 1);
			if (missing.get(other) === 0 && !queued.has(other)) {
				queued.add(other);
				ready.push(other);
			}
		}
	}
	return row;
}

function direct(peers, named, row) {
	if (peers.length < 2) return peers;
	const lowest = Math.min(...peers.map((peer) => row.get(peer)));
	const reached = new Set();
	const waiting = [...peers];
	while (waiting.length) {
		const here = waiting.pop();
		for (const other of named.get(here)) {
			// Rows grow along every way, so what lies above the lowest leads to none of them.
			if (!reached.has(other) && row.get(other) >= lowest && row.get(other) < row.get(here)) {
				reached.add(other);
				waiting.push(other);
			}
		}
	}
	return peers.filter((peer) => !reached.has(peer));
}
