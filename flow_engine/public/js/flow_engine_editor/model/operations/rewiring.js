// Keeping what waits for what, while steps come and go: the part all operations share.
//
// Three rules. What waited for a step that goes waits for what that step waited for. What came after the whole
// of a block still does when the block has got other last steps. And the steps that an edit does not concern
// stay the same objects.
import { indexFlow, isObject } from "../flow.js";

/** The flow with some steps changed: `patches` is id → what differs. The same flow when nothing does. */
export function patchSteps(flow, index, patches) {
	let changed = false;
	const steps = flow.steps.map((step, position) => {
		const patch = patches.get(index.ids[position]);
		if (!patch || !isObject(step) || Object.keys(patch).every((key) => sameValue(step[key], patch[key])))
			return step;
		changed = true;
		return { ...step, ...patch };
	});
	return changed ? { ...flow, steps } : flow;
}

/** The list with `count` items at `at` exchanged for `come`. */
export function spliced(list, at, count, come) {
	return [...list.slice(0, at), ...come, ...list.slice(at + count)];
}

export function sameValue(a, b) {
	if (Object.is(a, b)) return true;
	if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
	if (Array.isArray(a) !== Array.isArray(b)) return false;
	const keys = Object.keys(a);
	return (
		keys.length === Object.keys(b).length &&
		keys.every((key) => Object.hasOwn(b, key) && sameValue(a[key], b[key]))
	);
}

/** For each step of `removed` (a set of ids), the ids outside that it waited for: through dependencies, and
 * through its parent where that goes too. */
export function inheritance(index, removed) {
	const found = new Map();
	// Iterative: a block may be as deep as it has steps.
	const visit = (start) => {
		const stack = [start];
		const open = new Set();
		while (stack.length) {
			const id = stack.at(-1);
			const parent = index.parentOf(id);
			const inside = index.dependencies(id).filter((other) => removed.has(other));
			if (parent !== null && removed.has(parent)) inside.push(parent);
			const missing = inside.filter((other) => !found.has(other) && !open.has(other));
			if (missing.length && !open.has(id)) {
				open.add(id);
				stack.push(...missing);
				continue;
			}
			stack.pop();
			const outside = new Set(index.dependencies(id).filter((other) => !removed.has(other)));
			for (const other of inside) for (const one of found.get(other) || []) outside.add(one);
			found.set(id, [...outside]);
		}
	};
	for (const id of removed) if (!found.has(id)) visit(id);
	return found;
}

/**
 * The flow without the steps of `removed`. `heal(id, gone)`: the ids that `id`, which waited for `gone`, waits for
 * instead; what it cannot or need not wait for is left out here.
 */
export function withoutSteps(index, removed, heal) {
	const { flow } = index;
	const bridged = (id, other) => {
		if (!removed.has(other)) return [other];
		return heal(id, other).filter((one) => canInherit(index, id, one));
	};
	const patches = new Map();
	for (const gone of removed) {
		for (const { id } of index.dependents(gone)) {
			if (removed.has(id) || patches.has(id)) continue;
			const kept = index.dependencies(id).flatMap((other) => bridged(id, other));
			patches.set(id, { depends_on: [...new Set(kept)] });
		}
	}
	const patched = patchSteps(flow, index, patches);
	const steps = patched.steps.filter((_, position) => !removed.has(index.ids[position]));
	return keepJoins(index, { ...patched, steps }, { bridged });
}

function canInherit(index, id, other) {
	if (id === other || index.isAncestor(other, id)) return false;
	return !index.isExcludedAt(index.parentOf(id), index.branchOf(id), other);
}

/**
 * What came after the whole of a block before, and is still beside it, comes after the whole of it now.
 * `bridged(id, other)`: what stands for a dependency that is gone. `except`: ids that the edit wired itself.
 */
export function keepJoins(before, flow, { bridged = (id, other) => [other], except = new Set() } = {}) {
	const after = indexFlow(flow, before.catalog);
	const patches = new Map();
	for (const id of before.ids) {
		const links = before.links(id);
		if (!links.length || except.has(id) || !after.byId.has(id)) continue;
		const moved = links.filter(
			(peer) =>
				after.byId.has(peer) &&
				after.arePeers(peer, id) &&
				!sameMembers(before.lastSteps(peer), after.lastSteps(peer)),
		);
		if (!moved.length) continue;
		const old = new Set(moved.flatMap((peer) => before.lastSteps(peer)));
		const others = before.dependencies(id).filter((other) => !old.has(other));
		const waits = [
			...moved.flatMap((peer) => after.lastSteps(peer)),
			...others.flatMap((other) => bridged(id, other)),
		];
		patches.set(id, { depends_on: [...new Set(waits)] });
	}
	return patchSteps(flow, after, patches);
}

function sameMembers(a, b) {
	if (a === b) return true;
	if (a.length !== b.length) return false;
	const members = new Set(a);
	return b.every((one) => members.has(one));
}
