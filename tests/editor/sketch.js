// Flows written short: "a K[a] b<K.yes d[b,K]" is a, then a condition K, b on its branch yes, and d that waits for
// both. An id tells its kind by its first letter: K or L a condition, M a person within two hours, H a webhook, other
// letters a notification.
import assert from "node:assert/strict";
import {
	apply,
	indexFlow,
	OperationRefused,
} from "../../flow_engine/public/js/flow_engine_editor/model/index.js";
import { catalog } from "./catalog.js";

const KINDS = { K: "condition", L: "condition", H: "webhook", M: "wait" };
const WORD = /^(\w+)(?:<(\w+)(?:\.(\w+))?)?(?:\[([\w,]*)\])?$/;

export function flow(sketch) {
	const steps = sketch
		.split(/\s+/)
		.filter(Boolean)
		.map((word) => {
			const [, id, parent_id = null, branch = null, waits = ""] = WORD.exec(word);
			const kind = KINDS[id[0]] || "notify";
			const trigger =
				kind === "wait" ? { type: "manual", timeout_hours: 2 } : { type: "on_prev_complete" };
			const depends_on = waits ? waits.split(",") : [];
			return { id, kind, label: id, parent_id, branch, depends_on, trigger, payload: {} };
		});
	const caught = new Set(steps.filter((step) => step.branch === "error").map((step) => step.parent_id));
	for (const step of steps) if (caught.has(step.id)) step.on_error = "branch";
	return frozen({ version: 1, trigger: { event: "manual", condition: "" }, variables: {}, steps });
}

export function sketch({ steps }) {
	return steps
		.map(({ id, parent_id, branch, depends_on }) => {
			const under = parent_id ? `<${parent_id}${branch ? `.${branch}` : ""}` : "";
			return id + under + (depends_on.length ? `[${depends_on}]` : "");
		})
		.join(" ");
}

/** The flow after operations, each of which may be a function of the index before it. */
export function after(start, ...operations) {
	let here = typeof start === "string" ? flow(start) : start;
	for (const one of operations) {
		const operation = typeof one === "function" ? one(indexFlow(here, catalog)) : one;
		here = frozen(apply(here, operation, catalog));
	}
	return here;
}

/** What an operation makes of a sketch. */
export function becomes(start, operation, end) {
	assert.equal(sketch(after(start, operation)), end);
}

export function refused(start, operation, code) {
	const before = flow(start);
	assert.throws(
		() => after(before, operation),
		(error) => error instanceof OperationRefused && error.code === code,
	);
}

/** Frozen through and through: an operation that writes into its input fails. */
export function frozen(value) {
	if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
		Object.freeze(value);
		for (const one of Object.values(value)) frozen(one);
	}
	return value;
}

export const index = (value) => indexFlow(typeof value === "string" ? flow(value) : value, catalog);
export const step = (value, id) => value.steps.find((one) => one.id === id);
