import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
	blankFlow,
	buildStep,
	kindOf,
	newId,
	STEP_ID,
} from "../../flow_engine/public/js/flow_engine_editor/model/index.js";
import { catalog } from "./catalog.js";

test("a new step has the defaults of its kind, and no other values", () => {
	for (const kind of catalog.kinds) {
		const step = buildStep(kind, []);
		const defaults = kind.fields.filter((field) => field.default !== null);
		assert.deepEqual(
			step.payload,
			Object.fromEntries(defaults.map((field) => [field.name, field.default])),
		);
		assert.equal(step.label, kind.label);
	}
	assert.deepEqual(buildStep(kindOf(catalog, "wait"), []).trigger, { type: "after_delay", delay_days: 1 });
	assert.deepEqual(buildStep(kindOf(catalog, "issue"), []).trigger, { type: "on_prev_complete" });
});

test("a new id is sound and not taken, case aside, whatever the kind is called and chance gives", () => {
	fc.assert(
		fc.property(
			fc.array(fc.string()),
			fc.string(),
			fc.option(fc.double({ min: 0, max: 0.999, noNaN: true })),
			(taken, stem, number) => {
				const random = number === null ? undefined : () => number;
				const first = newId(taken, random, stem);
				const second = newId([...taken, first.toUpperCase()], random, stem);
				assert.match(first, STEP_ID);
				assert.match(second, STEP_ID);
				assert.notEqual(first.toLowerCase(), second.toLowerCase());
				assert.ok(!taken.some((one) => one.toLowerCase() === first.toLowerCase()));
			},
		),
	);
});

test("a blank flow is started by hand unless it is told otherwise", () => {
	assert.equal(blankFlow().trigger.event, "manual");
	assert.deepEqual(blankFlow({ event: "on_issue_opened" }).trigger, { event: "on_issue_opened" });
});
