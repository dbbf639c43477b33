// Edits as data: apply(flow, operation, catalog) → flow. One file per operation in operations/.
import { indexFlow } from "./flow.js";
import { add } from "./operations/add.js";
import { changeBranch } from "./operations/change_branch.js";
import { connect } from "./operations/connect.js";
import { remove } from "./operations/delete.js";
import { disconnect } from "./operations/disconnect.js";
import { duplicate } from "./operations/duplicate.js";
import { edit } from "./operations/edit.js";
import {
	replace,
	setCompensate,
	setPayloadSchema,
	setSla,
	setStarters,
	setTrigger,
	setVariables,
} from "./operations/flow_values.js";
import { move } from "./operations/move.js";
import { paste } from "./operations/paste.js";
import { OperationRefused } from "./operations/refusal.js";
import { rename } from "./operations/rename.js";
import { sameValue } from "./operations/rewiring.js";
import { needSoundStructure, settleStartTriggers } from "./operations/structure.js";

export { consequences } from "./consequences.js";
export { OperationRefused } from "./operations/refusal.js";

const OPERATIONS = {
	add,
	edit,
	rename,
	move,
	delete: remove,
	duplicate,
	paste,
	connect,
	disconnect,
	change_branch: changeBranch,
	set_trigger: setTrigger,
	set_variables: setVariables,
	set_payload_schema: setPayloadSchema,
	set_sla: setSla,
	set_compensate: setCompensate,
	set_starters: setStarters,
	replace,
};
export const OPERATION_TYPES = Object.keys(OPERATIONS);
const TAKEN_AS_IT_IS = [
	"replace",
	"set_trigger",
	"set_variables",
	"set_sla",
	"set_payload_schema",
	"set_compensate",
	"set_starters",
];

/**
 * The flow after an edit; the same object when the edit changes nothing, and steps it does not concern are the
 * same objects. Throws OperationRefused.
 */
export function apply(flow, operation, catalog) {
	const run = Object.hasOwn(OPERATIONS, operation.type) ? OPERATIONS[operation.type] : null;
	if (!run) throw new OperationRefused("unknown_operation", null, [operation.type]);
	const whole = Array.isArray(flow.steps) ? flow : { ...flow, steps: [] };
	const index = indexFlow(whole, catalog);
	const next = run(index, operation);
	if (next === whole) return flow;
	if (TAKEN_AS_IT_IS.includes(operation.type)) return next;
	const settled = shared(flow, index, settleStartTriggers(whole, next));
	if (settled !== flow) needSoundStructure(index, indexFlow(settled, catalog));
	return settled;
}

/** The flow with the old objects of steps that came out the same, and the old flow when all did. */
function shared(flow, { byId }, next) {
	const steps = next.steps.map((raw) => {
		const old = byId.get(raw?.id);
		if (old === raw) return raw;
		const step = named(raw);
		return old && sameValue(old, step) ? old : step;
	});
	const same = steps.length === flow.steps?.length && steps.every((step, at) => step === flow.steps[at]);
	return same ? flow : { ...next, steps };
}

/** A step that goes by its place, having no id of its own, cannot be waited for. */
function named(step) {
	const waits = Array.isArray(step?.depends_on) ? step.depends_on : [];
	const kept = waits.filter((id) => !String(id).startsWith("#"));
	return kept.length === waits.length ? step : { ...step, depends_on: kept };
}

/** Ids of the steps that `after` has and `before` has not, in list order: what an add, a paste or a copy made. */
export function addedIds(before, after) {
	const old = indexFlow(before).byId;
	return indexFlow(after).ids.filter((id) => !old.has(id));
}
