import assert from "node:assert/strict";
import { test } from "node:test";
import { apply } from "../../../flow_engine/public/js/flow_engine_editor/model/index.js";
import { catalog } from "../catalog.js";
import { becomes, flow, refused } from "../sketch.js";

test("a step no longer waits for another", () => {
	becomes("a b d[a,b]", { type: "disconnect", from: "a", to: "d" }, "a b d[b]");
	const start = flow("a b");
	assert.equal(apply(start, { type: "disconnect", from: "a", to: "b" }, catalog), start);
	refused("a", { type: "disconnect", from: "a", to: "b" }, "unknown_step");
});

test("a dependency on a step that is gone can be taken away", () => {
	becomes("a b[gone,a]", { type: "disconnect", from: "gone", to: "b" }, "a b[a]");
});
