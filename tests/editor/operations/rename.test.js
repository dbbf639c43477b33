import assert from "node:assert/strict";
import { test } from "node:test";
import { after, flow, refused, step } from "../sketch.js";

test("a step is called otherwise and keeps its id, by which others name it", () => {
	const made = after("a b[a]", { type: "rename", id: "a", label: "<b>Hello</b> ‮" });
	assert.equal(step(made, "a").label, "<b>Hello</b> ‮");
	assert.deepEqual(step(made, "b"), step(flow("a b[a]"), "b"));
	refused("a", { type: "rename", id: "a", label: null }, "bad_value");
	refused("a", { type: "rename", id: "b", label: "B" }, "unknown_step");
});
