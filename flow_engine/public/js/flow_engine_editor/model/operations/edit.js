// edit {id, changes}: what a step says of itself; `undefined` takes a key away. Where it hangs and what it waits
// for have operations of their own. A step without an id of its own gets one.
import { isObject } from "../flow.js";
import { canBeLate, canTimeOut, COMPENSATE, kindOf, LATE_BRANCH, newId } from "../kinds.js";
import { takenIds } from "./inserting.js";
import { OperationRefused, needStep } from "./refusal.js";
import { sameValue, spliced } from "./rewiring.js";

const IS_TEXT = (value) => typeof value === "string";
const FORMS = {
	kind: IS_TEXT,
	label: IS_TEXT,
	note: IS_TEXT,
	trigger: isObject,
	payload: isObject,
	retry: isObject,
	timeout_seconds: () => true,
	sla: isObject,
	on_error: IS_TEXT,
	disabled: () => true,
	compensate: (value) => typeof value === "boolean",
};

export function edit(index, { id, changes }) {
	const step = needStep(index, id);
	if (!isObject(changes)) throw new OperationRefused("bad_value", id, ["changes"]);
	const raw = index.flow.steps[index.position.get(id)];
	const next = isObject(raw) ? { ...raw } : {};
	for (const [key, value] of Object.entries(changes)) {
		if (!Object.hasOwn(FORMS, key)) throw new OperationRefused("not_editable", id, [key]);
		if (value === undefined) delete next[key];
		else if (!FORMS[key](value)) throw new OperationRefused("bad_value", id, [key]);
		else next[key] = value;
	}
	if (sameValue(raw, next)) return index.flow;
	if (step !== raw) next.id = newId(takenIds(index), undefined, next.kind);
	needBranches(index, id, step, next);
	return { ...index.flow, steps: spliced(index.flow.steps, index.position.get(id), 1, [next]) };
}

/** Branches with steps on them must stay. */
function needBranches(index, id, step, next) {
	const [was, is] = [kindOf(index.catalog, step.kind), kindOf(index.catalog, next.kind)];
	const refuse = (branch) => {
		throw new OperationRefused("branch_in_use", id, [step.label || id, branch]);
	};
	for (const branch of index.branches(id)) {
		if (branch === "error" || branch === COMPENSATE || !index.groupIds(id, branch).length) continue;
		if (branch === "timeout") {
			if (canTimeOut(step, was) && !canTimeOut(next, is)) refuse(branch);
		} else if (branch === LATE_BRANCH) {
			if (canBeLate(step) && !canBeLate(next)) refuse(branch);
		} else if (was?.branches.includes(branch) && is && !is.branches.includes(branch)) {
			refuse(branch);
		}
	}
}
