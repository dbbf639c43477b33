// set_trigger {trigger}, set_variables {variables}, set_sla {sla}, replace {flow}: what belongs to the flow as a whole.
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

export function replace(index, { flow }) {
	if (!isObject(flow)) throw new OperationRefused("bad_value", null, ["flow"]);
	return sameValue(index.flow, flow) ? index.flow : flow;
}

function withValue(flow, key, value) {
	if (!isObject(value)) throw new OperationRefused("bad_value", null, [key]);
	return sameValue(flow[key], value) ? flow : { ...flow, [key]: value };
}
