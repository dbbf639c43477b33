// delete {ids}: the steps and everything under them. What waited for them waits for what they waited for.
import { needStep } from "./refusal.js";
import { inheritance, withoutSteps } from "./rewiring.js";

export function remove(index, { ids }) {
	const removed = new Set();
	for (const id of ids) {
		needStep(index, id);
		for (const one of index.block(id)) removed.add(one);
	}
	if (!removed.size) return index.flow;
	const inherited = inheritance(index, removed);
	return withoutSteps(index, removed, (_, gone) => inherited.get(gone));
}
