import assert from "node:assert/strict";
import { test } from "node:test";
import {
	apply,
	consequences,
	indexFlow,
} from "../../../flow_engine/public/js/flow_engine_editor/model/index.js";
import { catalog } from "../catalog.js";
import { after, flow, refused, step } from "../sketch.js";

const editing = (id, changes) => ({ type: "edit", id, changes });

test("keys are set and, with undefined, taken away; other steps are the same objects", () => {
	const start = flow("a b[a]");
	const noted = after(start, editing("a", { note: "Why", retry: { max_attempts: 3 } }));
	assert.equal(step(noted, "a").note, "Why");
	assert.equal(noted.steps[1], start.steps[1]);
	const bare = after(noted, editing("a", { note: undefined, retry: undefined }));
	assert.deepEqual(bare, start);
});

test("an edit that changes nothing gives the same flow", () => {
	const start = flow("a b[a]");
	assert.equal(apply(start, editing("a", { payload: {}, disabled: undefined }), catalog), start);
});

test("where a step hangs and what it waits for is not edited", () => {
	for (const key of ["id", "parent_id", "branch", "depends_on", "anything"]) {
		refused("a b[a]", editing("b", { [key]: null }), "not_editable");
	}
	refused("a", editing("x", { label: "X" }), "unknown_step");
	for (const changes of [{ payload: [] }, { label: 3 }, { trigger: "manual" }, { retry: null }]) {
		refused("a", editing("a", changes), "bad_value");
	}
	refused("a", editing("a", null), "bad_value");
});

test("a step that waits for others cannot be made to fire at the start", () => {
	const made = after("a b[a]", editing("b", { trigger: { type: "on_flow_start" } }));
	assert.deepEqual(step(made, "b").trigger, { type: "on_prev_complete" });
	const first = after("a b[a]", editing("a", { trigger: { type: "on_flow_start" } }));
	assert.deepEqual(step(first, "a").trigger, { type: "on_flow_start" });
});

test("branches with steps on them stay", () => {
	refused("K a<K.yes", editing("K", { kind: "notify" }), "branch_in_use");
	refused("M a<M.timeout", editing("M", { trigger: { type: "manual" } }), "branch_in_use");
	refused(
		"M a<M.timeout",
		editing("M", { trigger: { type: "after_delay", delay_days: 1 } }),
		"branch_in_use",
	);
	after("M a<M.timeout", editing("M", { trigger: { type: "on_webhook", timeout_hours: 5 } }));
	after("K a<K.yes", editing("K", { kind: "agent_decide" }));
	const sms = after("a", editing("a", { payload: { channel: "sms" } }), {
		type: "add",
		kind: "issue",
		place: { parent_id: "a", branch: "timeout", after: [], before: [] },
	});
	assert.throws(() => apply(sms, editing("a", { payload: { channel: "email" } }), catalog), {
		code: "branch_in_use",
	});
});

test("what can be late has a branch for it, which stays while steps are on it", () => {
	const late = { parent_id: "a", branch: "sla_breach", after: [], before: [] };
	refused("a", { type: "add", kind: "issue", place: late }, "unknown_branch");
	const promised = after("a", editing("a", { sla: { warn: "1d", breach: "2d" } }));
	assert.deepEqual(indexFlow(promised, catalog).branches("a"), ["sla_breach"]);
	const made = after(promised, { type: "add", kind: "issue", place: late });
	for (const sla of [{ warn: "1d" }, undefined]) {
		assert.throws(() => apply(made, editing("a", { sla }), catalog), { code: "branch_in_use" });
	}
	after(made, editing("a", { sla: { breach: "1w" } }));
});

test("steps that nothing leads to any more are said", () => {
	const start = flow("a e<a.error b[a,e]");
	const said = consequences(start, editing("a", { on_error: "fail" }), catalog);
	assert.deepEqual(
		said.map(({ step: id, code }) => [id, code]),
		[["e", "branch_unused"]],
	);
});

test("a step without an id of its own gets one when it is edited, and only then can be named", () => {
	const broken = { ...flow("a"), steps: [...flow("a").steps, { id: "a", kind: "notify" }] };
	for (const operation of [
		{ type: "move", id: "#1", place: { parent_id: null, after: [], before: ["a"] } },
		{ type: "duplicate", id: "#1" },
		{ type: "connect", from: "a", to: "#1" },
	]) {
		assert.throws(() => apply(broken, operation, catalog), { code: "unsound_id" });
	}
	const mended = after(broken, editing("#1", { label: "Second" }), {
		type: "connect",
		from: "a",
		to: "notify",
	});
	assert.deepEqual(step(mended, "notify"), {
		id: "notify",
		kind: "notify",
		label: "Second",
		depends_on: ["a"],
	});
});
