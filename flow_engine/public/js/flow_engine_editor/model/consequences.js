// What an edit would break, said before it is made.
import { indexFlow } from "./flow.js";
import { sentence } from "./messages.js";
import { apply, OperationRefused } from "./operations.js";
import { reachOf } from "./reach.js";
import { idsNamed, stepsRead } from "./reads.js";

const WIRING = ["move", "delete", "change_branch", "disconnect", "paste", "edit"];

/**
 * `[{step, code, args, message, refused?}]`: dependencies that a step loses without being asked, results that are
 * read and will be gone or no longer waited for, steps that nothing leads to any more. An edit that is refused has
 * that one, with `refused`. `t(text, args)` translates the messages.
 */
export function consequences(flow, operation, catalog, t) {
	const before = indexFlow(flow, catalog);
	let next;
	try {
		next = apply(flow, operation, catalog);
	} catch (error) {
		if (!(error instanceof OperationRefused)) throw error;
		const { code, step, args } = error;
		return [{ step, code, args, message: sentence(code, args, t), refused: true }];
	}
	if (next === flow || !WIRING.includes(operation.type)) return [];
	const found = [];
	const tell = (step, code, ...args) => found.push({ step, code, args, message: sentence(code, args, t) });
	const after = indexFlow(next, catalog);
	const reach = { before: reachOf(before), after: reachOf(after) };
	const label = (id) => (after.step(id) || before.step(id))?.label || id;
	lostDependencies(before, after, reach, operation, (id, other) =>
		tell(id, "dependency_dropped", label(id), label(other)),
	);
	lostReads(before, after, reach, (id, other, code) => tell(id, code, label(id), label(other)));
	lostErrorBranches(before, after, tell, label);
	if (operation.type === "paste") leftOut(before, operation, tell);
	return found;
}

function lostDependencies(before, after, reach, operation, tell) {
	for (const id of before.ids) {
		if (!after.byId.has(id)) continue;
		for (const other of before.extraDependencies(id)) {
			const asked = operation.type === "disconnect" && operation.to === id && operation.from === other;
			if (!asked && after.byId.has(other) && !reach.after(other, id)) tell(id, other);
		}
	}
}

function lostReads(before, after, reach, tell) {
	for (const id of before.ids) {
		if (!after.byId.has(id)) continue;
		for (const other of stepsRead(before.step(id))) {
			if (!before.byId.has(other)) continue;
			if (!after.byId.has(other)) tell(id, other, "reads_deleted");
			else if (reach.before(other, id) && !reach.after(other, id)) tell(id, other, "reads_later");
		}
	}
}

function lostErrorBranches(before, after, tell, label) {
	for (const id of after.ids) {
		const old = before.step(id);
		if (!old) continue;
		const children = after.groupIds(id, "error");
		if (old.on_error === "branch" && after.step(id).on_error !== "branch") {
			for (const child of children) tell(child, "branch_unused", label(child), label(id));
		}
		const emptied = before.groupIds(id, "error").length && !children.length;
		if (emptied && after.step(id).on_error === "branch") tell(id, "error_branch_empty", label(id));
	}
}

/** What pasted steps waited for or read outside of themselves: steps of another flow have no name here. */
function leftOut(before, { steps }, tell) {
	const source = indexFlow({ steps: Array.isArray(steps) ? steps : [] }, before.catalog);
	for (const id of source.ids) {
		const step = source.step(id);
		const name = step.label || id;
		const waits = Array.isArray(step.depends_on) ? step.depends_on : [];
		const gone = waits.filter((other) => typeof other === "string" && !source.byId.has(other));
		for (const other of gone) {
			const known = before.step(other)?.label;
			if (known) tell(null, "dependency_dropped", name, known);
			else tell(null, "outside_dropped", name);
		}
		for (const other of idsNamed([step.payload, step.trigger])) {
			if (source.byId.has(other)) continue;
			const known = before.step(other)?.label;
			if (known) tell(null, "reads_deleted", name, known);
			else tell(null, "reads_outside", name);
		}
	}
}
