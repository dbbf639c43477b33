// add {place, kind | step, label?, seed?}: a new step.
import { buildStep, kindOf } from "../kinds.js";
import { isObject, STEP_ID } from "../flow.js";
import { documentType } from "../variables.js";
import { insertSteps, randomFrom, takenIds } from "./inserting.js";
import { readPlace } from "./place.js";
import { OperationRefused } from "./refusal.js";

export function add(index, operation) {
	const place = readPlace(index, operation.place);
	const step = operation.step ? given(index, operation.step) : made(index, operation);
	if (place.parent_id === null && !place.after?.length && step.trigger.type === "on_prev_complete") {
		step.trigger = { type: "on_flow_start" };
	}
	return insertSteps(index, place, [step]);
}

function made(index, { kind, label, seed }) {
	const entry = kindOf(index.catalog, kind);
	if (!entry) throw new OperationRefused("unknown_kind", null, [kind]);
	const step = buildStep(entry, takenIds(index), { random: randomFrom(seed), label });
	return aboutItsDocument(step, entry, documentType(index.flow, index.catalog));
}

/** A step that writes a document most often writes the one that the flow is about. */
function aboutItsDocument(step, entry, doctype) {
	const field = entry.document_field;
	if (!field || !doctype || step.payload[field] !== undefined) return step;
	return { ...step, payload: { ...step.payload, [field]: doctype } };
}

function given(index, step) {
	if (!isObject(step) || !STEP_ID.test(step.id)) throw new OperationRefused("bad_value", null, ["id"]);
	const taken = index.ids.some((id) => id.toLowerCase() === step.id.toLowerCase());
	if (taken) throw new OperationRefused("duplicate_id", step.id, [step.id]);
	const trigger = isObject(step.trigger) ? step.trigger : { type: "on_prev_complete" };
	return { ...step, parent_id: null, branch: null, depends_on: [], trigger };
}
