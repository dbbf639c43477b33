import assert from "node:assert/strict";
import { test } from "node:test";
import { apply } from "../../../flow_engine/public/js/flow_engine_editor/model/index.js";
import { catalog } from "../catalog.js";
import { after, flow, refused } from "../sketch.js";

test("the trigger and the variables are set as a whole; the steps are the same objects", () => {
	const start = flow("a b[a]");
	const trigger = { event: "on_issue_opened", condition: "" };
	const made = after(
		start,
		{ type: "set_trigger", trigger },
		{ type: "set_variables", variables: { x: 1 } },
	);
	assert.deepEqual([made.trigger, made.variables], [trigger, { x: 1 }]);
	assert.equal(made.steps, start.steps);
	assert.equal(apply(made, { type: "set_trigger", trigger: { ...trigger } }, catalog), made);
	refused("a", { type: "set_trigger", trigger: "manual" }, "bad_value");
	refused("a", { type: "set_variables", variables: [] }, "bad_value");
});

test("a promise about whole runs is made, changed and taken back", () => {
	const start = flow("a");
	const made = after(start, { type: "set_sla", sla: { breach: "1w" } });
	assert.deepEqual([made.sla, made.steps === start.steps], [{ breach: "1w" }, true]);
	assert.equal(apply(made, { type: "set_sla", sla: { breach: "1w" } }, catalog), made);
	assert.equal("sla" in after(made, { type: "set_sla", sla: undefined }), false);
	assert.equal(apply(start, { type: "set_sla" }, catalog), start);
	refused("a", { type: "set_sla", sla: "1w" }, "bad_value");
});

test("who may start a flow is said and unsaid", () => {
	const start = flow("a");
	const made = after(start, { type: "set_starters", starters: { users: ["ann"] } });
	assert.deepEqual([made.starters, made.steps === start.steps], [{ users: ["ann"] }, true]);
	assert.equal(apply(made, { type: "set_starters", starters: { users: ["ann"] } }, catalog), made);
	assert.equal("starters" in after(made, { type: "set_starters", starters: undefined }), false);
	assert.equal(apply(start, { type: "set_starters" }, catalog), start);
	refused("a", { type: "set_starters", starters: "ann" }, "bad_value");
});

test("a flow is replaced by another as it is, good or bad", () => {
	const other = { version: 1, steps: [{ id: "x" }, { id: "x" }, null] };
	assert.equal(after("a", { type: "replace", flow: other }), other);
	const start = flow("a");
	assert.equal(apply(start, { type: "replace", flow: flow("a") }, catalog), start);
	refused("a", { type: "replace", flow: [] }, "bad_value");
});

test("what is no operation is refused", () => {
	refused("a", { type: "constructor" }, "unknown_operation");
	refused("a", {}, "unknown_operation");
});
