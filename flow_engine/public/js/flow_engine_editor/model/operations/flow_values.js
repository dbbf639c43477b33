// set_trigger {trigger}, set_variables {variables}, set_sla {sla}, set_payload_schema {payload_schema},
// set_compensate {when}, set_starters {starters}, replace {flow}: what belongs to the flow as a whole.
import { isObject } from "../flow.js";
import { OperationRefused } from "./refusal.js";
import { sameValue } from "./rewiring.js";

export function setTrigger(index, { trigger }) {
	return withValue(index.flow, "trigger", trigger);
}

export function setVariables(index, { variables }) {
	return withValue(index.flow, "variables", variables);
}

/** Without `sla` the flow makes no promise about its runs. */
export function setSla(index, { sla }) {
	if (sla !== undefined) return withValue(index.flow, "sla", sla);
	if (!("sla" in index.flow)) return index.flow;
	const { sla: _, ...others } = index.flow;
	return others;
}

/** Without `payload_schema` the flow asks for nothing in particular. */
export function setPayloadSchema(index, { payload_schema: schema }) {
	if (schema !== undefined) return withValue(index.flow, "payload_schema", schema);
	if (!("payload_schema" in index.flow)) return index.flow;
	const { payload_schema: _, ...others } = index.flow;
	return others;
}

/** Who may start it by hand; without `starters` that is not the flow's to say. */
export function setStarters(index, { starters }) {
	if (starters !== undefined) return withValue(index.flow, "starters", starters);
	if (!("starters" in index.flow)) return index.flow;
	const { starters: _, ...others } = index.flow;
	return others;
}

/** When what a run has done is undone by itself; without `when` it is only where somebody asks for it. */
export function setCompensate(index, { when }) {
	const { compensate: was, ...others } = index.flow;
	if (when === undefined) return was === undefined ? index.flow : others;
	if (typeof when !== "string") throw new OperationRefused("bad_value", null, ["compensate"]);
	return was === when ? index.flow : { ...index.flow, compensate: when };
}

export function replace(index, { flow }) {
	if (!isObject(flow)) throw new OperationRefused("bad_value", null, ["flow"]);
	return sameValue(index.flow, flow) ? index.flow : flow;
}

function withValue(flow, key, value) {
	if (!isObject(value)) throw new OperationRefused("bad_value", null, [key]);
	return sameValue(flow[key], value) ? flow : { ...flow, [key]: value };
}
