// connect {from, to}: `to` waits for `from` as well.
import { needNamedStep, OperationRefused } from "./refusal.js";
import { patchSteps } from "./rewiring.js";

export function connect(index, { from, to }) {
	if (index.dependencies(to).includes(from)) return index.flow;
	needNamedStep(index, to);
	const refusal = index.dependencyRefusal(to, from);
	if (refusal) throw new OperationRefused(refusal, to);
	const depends_on = [...index.dependencies(to), from];
	return patchSteps(index.flow, index, new Map([[to, { depends_on }]]));
}
