// disconnect {from, to}: `to` no longer waits for `from`, also when there is no such step any more.
import { needNamedStep } from "./refusal.js";
import { spliced } from "./rewiring.js";

export function disconnect(index, { from, to }) {
	const step = needNamedStep(index, to);
	const named = Array.isArray(step.depends_on) ? step.depends_on : [];
	if (!named.includes(from)) return index.flow;
	const depends_on = named.filter((other) => other !== from);
	const steps = spliced(index.flow.steps, index.position.get(to), 1, [{ ...step, depends_on }]);
	return { ...index.flow, steps };
}
