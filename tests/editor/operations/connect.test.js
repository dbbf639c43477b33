import assert from "node:assert/strict";
import { test } from "node:test";
import { apply } from "../../../flow_engine/public/js/flow_engine_editor/model/index.js";
import { catalog } from "../catalog.js";
import { after, becomes, flow, index, refused, step } from "../sketch.js";

const between = (from, to) => ({ type: "connect", from, to });

test("a step waits for another as well", () => {
	becomes("a b d[b]", between("a", "d"), "a b d[b,a]");
	becomes("K a<K.yes d", between("a", "d"), "K a<K.yes d[a]");
	assert.equal(apply(flow("a b[a]"), between("a", "b"), catalog).steps[1].depends_on.length, 1);
});

test("a step that waits no longer fires at the start", () => {
	const start = after("a b", { type: "edit", id: "b", changes: { trigger: { type: "on_flow_start" } } });
	assert.equal(step(after(start, between("a", "b")), "b").trigger.type, "on_prev_complete");
});

test("what cannot be waited for is refused", () => {
	refused("a", between("a", "a"), "self_reference");
	refused("a b[a] d[b]", between("d", "a"), "cycle");
	refused("K a<K.yes", between("a", "K"), "cycle");
	refused("K a<K.yes b<K.no", between("a", "b"), "unreachable");
	refused("a e<a.error", between("a", "e"), "unreachable");
	refused("a", between("x", "a"), "unknown_dependency");
	refused("a", between("a", "x"), "unknown_step");
});

test("exactly the steps that can be waited for are offered", () => {
	const start = "a b[a] K[b] x<K.yes y<K.no z[K,x,y] e<b.error w";
	const value = flow(start);
	for (const { id } of value.steps) {
		const offered = index(value)
			.dependencyChoices(id)
			.map((one) => one.id);
		const ancestors = index(value)
			.ancestors(id)
			.map((one) => one.id);
		for (const { id: other } of value.steps) {
			if (step(value, id).depends_on.includes(other) || ancestors.includes(other)) continue;
			let possible = true;
			try {
				apply(value, between(other, id), catalog);
			} catch {
				possible = false;
			}
			assert.equal(offered.includes(other), possible, `${id} waits for ${other}`);
		}
	}
});
