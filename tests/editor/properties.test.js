// What holds whatever is done to a flow. A failure prints the numbers that led to it.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
	apply,
	blankFlow,
	consequences,
	createHistory,
	indexFlow,
	MESSAGES,
	OperationRefused,
} from "../../flow_engine/public/js/flow_engine_editor/model/index.js";
import { knots } from "../../flow_engine/public/js/flow_engine_editor/model/operations/structure.js";
import { catalog } from "./catalog.js";
import { randomFlow, randomOperation } from "./random_flows.js";
import { frozen } from "./sketch.js";

const RUNS = { numRuns: 300 };
const numbers = fc.array(fc.nat(1_000_000), { maxLength: 400, size: "max" });

/** Numbers below n from a list, zeros when it is used up: shorter lists are simpler flows. */
function reader(list) {
	let at = 0;
	return (n) => (at < list.length ? list[at++] % n : 0);
}

/** The flow after random edits; `told(before, operation, after | refusal)` sees each. */
function edited(start, next, count, options, told = () => {}) {
	let flow = start;
	for (let i = 0; i < count; i++) {
		const operation = randomOperation(flow, next, options);
		let made;
		try {
			made = frozen(apply(flow, operation, catalog));
		} catch (error) {
			if (!(error instanceof OperationRefused)) throw error;
			told(flow, operation, error);
			continue;
		}
		told(flow, operation, made);
		flow = made;
	}
	return flow;
}

export function assertSound(flow) {
	const ids = flow.steps.map((step) => step.id.toLowerCase());
	assert.equal(new Set(ids).size, ids.length, "ids are unique");
	const index = indexFlow(flow, catalog);
	assert.deepEqual([...knots(index)], [], "nothing waits for itself");
	for (const step of flow.steps) {
		assert.ok(
			step.parent_id === null || index.byId.has(step.parent_id),
			`${step.id}: its parent is there`,
		);
		assert.ok(step.branch === null || index.branches(step.parent_id).includes(step.branch));
		assert.equal(new Set(step.depends_on).size, step.depends_on.length);
		for (const other of step.depends_on) {
			assert.ok(index.byId.has(other), `${step.id} waits for ${other}, which is not there`);
			assert.ok(
				!index.isExcludedAt(step.parent_id, step.branch, other),
				`${step.id} waits for ${other} in vain`,
			);
		}
		if (step.trigger.type === "on_flow_start") assert.ok(!step.parent_id && !step.depends_on.length);
	}
}

test("any edits of any valid flow give a valid flow or a named refusal", () => {
	fc.assert(
		fc.property(numbers, fc.nat(14), fc.nat(12), (list, size, count) => {
			const next = reader(list);
			const start = randomFlow(next, size);
			assertSound(start);
			edited(start, next, count, {}, (before, operation, made) => {
				if (made instanceof OperationRefused) assert.ok(made.code in MESSAGES, made.code);
				else assertSound(made);
			});
		}),
		RUNS,
	);
});

test("undo gives back the very flows there were, and redo too", () => {
	fc.assert(
		fc.property(numbers, fc.nat(8), fc.nat(12), (list, size, count) => {
			const next = reader(list);
			const start = randomFlow(next, size);
			const text = JSON.stringify(start);
			const history = createHistory(start);
			const seen = [start];
			for (let i = 0; i < count; i++) {
				const operation = randomOperation(history.present, next);
				try {
					const made = frozen(history.apply(operation, catalog));
					if (made !== seen.at(-1)) seen.push(made);
				} catch (error) {
					if (!(error instanceof OperationRefused)) throw error;
				}
			}
			for (let i = seen.length - 1; i > 0; i--) {
				assert.equal(history.present, seen[i]);
				history.undo();
			}
			assert.equal(history.present, start);
			assert.equal(JSON.stringify(history.present), text);
			assert.equal(history.canUndo, false);
			for (const one of seen.slice(1)) assert.equal(history.redo(), one);
			assert.equal(history.canRedo, false);
		}),
		RUNS,
	);
});

test("chains stay chains", () => {
	const types = ["add", "move", "delete", "duplicate", "paste", "change_branch", "rename"];
	fc.assert(
		fc.property(numbers, fc.nat(25), (list, count) => {
			const next = reader(list);
			edited(blankFlow(), next, count, { types, drawn: true }, (before, operation, made) => {
				if (made instanceof OperationRefused) return;
				const index = indexFlow(made, catalog);
				for (const { id } of made.steps) {
					const [parent, branch] = [index.parentOf(id), index.branchOf(id)];
					assert.ok(
						index.isChain(parent, branch),
						`${operation.type}: ${parent}.${branch} is a chain`,
					);
					assert.deepEqual(index.extraDependencies(id), [], `${operation.type}: ${id}`);
				}
			});
		}),
		{ numRuns: 500 },
	);
});

test("a move takes nothing away and adds nothing", () => {
	fc.assert(
		fc.property(numbers, fc.nat(14), (list, size) => {
			const next = reader(list);
			const start = randomFlow(next, size);
			edited(start, next, 3, { types: ["move", "change_branch"] }, (before, operation, made) => {
				if (made instanceof OperationRefused) return;
				const said = (flow) =>
					flow.steps
						.map(({ id, kind, label, payload }) => JSON.stringify([id, kind, label, payload]))
						.sort();
				assert.deepEqual(said(made), said(before));
			});
		}),
		RUNS,
	);
});

test("steps that neither change their place nor what they wait for are the same objects", () => {
	fc.assert(
		fc.property(numbers, fc.nat(14), fc.nat(6), (list, size, count) => {
			const next = reader(list);
			edited(randomFlow(next, size), next, count, {}, (before, operation, made) => {
				if (made instanceof OperationRefused || operation.type === "replace") return;
				const old = new Map(before.steps.map((step) => [step.id, step]));
				for (const step of made.steps) {
					if (!old.has(step.id) || step === old.get(step.id)) continue;
					assert.notDeepEqual(
						step,
						old.get(step.id),
						`${operation.type}: ${step.id} is another object`,
					);
				}
			});
		}),
		RUNS,
	);
});

test("consequences are told for every edit and never change the flow", () => {
	fc.assert(
		fc.property(numbers, fc.nat(14), (list, size) => {
			const next = reader(list);
			const start = randomFlow(next, size);
			const operation = randomOperation(start, next);
			for (const { code, message, refused } of consequences(start, operation, catalog)) {
				assert.ok(code in MESSAGES);
				assert.doesNotMatch(message, /\{\d\}|undefined/);
				if (refused) assert.throws(() => apply(start, operation, catalog), { code });
			}
		}),
		RUNS,
	);
});

test("edits of definitions that nobody should have made are made or refused", () => {
	const step = fc.oneof(
		fc.record(
			{
				id: fc.constantFrom("s0", "S0", "s1", "", "x y", "__proto__", null, 3),
				kind: fc.constantFrom("notify", "condition", "gone", null, 3),
				label: fc.constantFrom("Step", null, {}),
				parent_id: fc.constantFrom("s0", "s1", "gone", null, 3),
				branch: fc.constantFrom("yes", "error", "", null, {}),
				depends_on: fc.constantFrom([], ["s0"], ["s1", "gone", null], "s0", null),
				trigger: fc.constantFrom({ type: "on_flow_start" }, "manual", null, {}),
				payload: fc.constantFrom({}, [], null, "{{steps.s0.result}}"),
				on_error: fc.constantFrom("branch", "fail", 3),
			},
			{ requiredKeys: [] },
		),
		fc.constantFrom(null, 3, "text", []),
	);
	fc.assert(
		fc.property(fc.array(step, { maxLength: 6 }), numbers, (steps, list) => {
			const next = reader(list);
			const start = frozen({ version: 1, trigger: null, variables: [], steps });
			edited(start, next, 5, {}, (before, operation, made) => {
				if (made instanceof OperationRefused) assert.ok(made.code in MESSAGES, made.code);
				consequences(before, operation, catalog);
			});
		}),
		{ numRuns: 500 },
	);
});
