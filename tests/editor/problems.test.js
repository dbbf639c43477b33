import assert from "node:assert/strict";
import { test } from "node:test";
import { fieldOf, placeProblems } from "../../flow_engine/public/js/flow_engine_editor/model/index.js";
import { flow } from "./sketch.js";

test("problems stand beside the step they name, by its place in the list", () => {
	const problems = [
		{ path: "steps[1].payload.url", step: "b", code: "missing_field" },
		{ path: "steps[1].trigger.at", step: "b", code: "missing_field" },
		{ path: "steps[9].id", step: null, code: "x" },
		{ path: "trigger.condition.all[0].op", step: null, code: "unknown_operator" },
		{ path: "steps", step: null, code: "too_many_steps" },
		{ path: "", step: null, code: "bad_json" },
	];
	const { byStep, trigger, flow: whole } = placeProblems(problems, flow("a b[a]"));
	assert.deepEqual([...byStep], [["b", problems.slice(0, 2)]]);
	assert.deepEqual(trigger, [problems[3]]);
	assert.deepEqual(whole, [problems[2], problems[4], problems[5]]);
});

test("a step without a sound id has its problems too", () => {
	const steps = [{ id: "a" }, { id: "a" }, null];
	const { byStep } = placeProblems([{ path: "steps[1].id" }, { path: "steps[2]" }], { steps });
	assert.deepEqual([...byStep.keys()], ["#1", "#2"]);
	assert.deepEqual(placeProblems(null, {}), { byStep: new Map(), trigger: [], flow: [] });
});

const ROWS = [
	["steps[3].payload.url", "payload", "url"],
	["steps[3].payload.headers.X-Key", "payload", "headers"],
	["steps[3].payload.all[0].field", "payload", "all"],
	["steps[3].payload", "payload", null],
	["steps[3].label", "label", null],
	["steps[3].depends_on[1]", "depends_on", null],
	["steps[3].retry.max_attempts", "retry", "max_attempts"],
	["steps[3]", "step", null],
	["trigger.condition.any[2].value", "trigger", "condition"],
	["variables", "variables", null],
	["", "flow", null],
];
for (const [path, section, field] of ROWS) {
	test(`${path || "the whole"} is the field ${field} of ${section}`, () =>
		assert.deepEqual(fieldOf({ path }), { section, field }));
}
