// Undo: the flows there were. Flows share what they have in common, so a past is cheap to keep.
import { countChanges } from "./diff.js";
import { apply } from "./operations.js";

// An afternoon's work; the oldest goes first.
const LONGEST = 1_000;

/**
 * The past and future of one flow. `apply(operation, catalog)` answers the flow after it and throws as
 * operations.apply does. Edits with the same `merge` key that follow each other, like the letters typed into one
 * field, are undone as one; undo, redo and `seal` end that.
 */
export function createHistory(flow) {
	let present = flow;
	let past = [];
	let future = [];
	let saved = flow;
	let merging = null;

	return {
		get present() {
			return present;
		},
		get canUndo() {
			return past.length > 0;
		},
		get canRedo() {
			return future.length > 0;
		},
		get dirty() {
			return present !== saved && countChanges(saved, present) > 0;
		},
		/** How many things differ from what was saved last. */
		get changes() {
			return countChanges(saved, present);
		},
		apply(operation, catalog) {
			const next = apply(present, operation, catalog);
			if (next === present) return present;
			const merge = operation.merge ?? null;
			if (merge === null || merge !== merging || !past.length)
				past = [...past, present].slice(-LONGEST);
			merging = merge;
			future = [];
			return (present = next);
		},
		undo() {
			if (!past.length) return present;
			future = [present, ...future];
			present = past.at(-1);
			past = past.slice(0, -1);
			merging = null;
			return present;
		},
		redo() {
			if (!future.length) return present;
			past = [...past, present];
			[present, ...future] = future;
			merging = null;
			return present;
		},
		/** What is typed next is undone by itself. */
		seal() {
			merging = null;
		},
		/** `present`, or the flow that was sent meanwhile, is what is stored. */
		markSaved(stored = present) {
			saved = stored;
			merging = null;
		},
	};
}
