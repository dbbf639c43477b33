// Steps that undo another one: where they hang, what they may wait for, and what nothing else waits for.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
	apply,
	COMPENSATE,
	layoutFlow,
	placeAfter,
	placeAtEnd,
	variablesAt,
} from "../../flow_engine/public/js/flow_engine_editor/model/index.js";
import { catalog } from "./catalog.js";
import { after, becomes, flow, index, refused, step } from "./sketch.js";

const UNDONE = "a b[a] u<a.compensate v<u w<a.compensate[u] c[b]";

test("every step can be undone by steps of its own, but those cannot", () => {
	const found = index(UNDONE);
	assert.ok(found.allowsBranch("b", COMPENSATE));
	for (const id of ["u", "v", "w"]) assert.equal(found.allowsBranch(id, COMPENSATE), false);
	assert.deepEqual(
		["a", "b", "u", "v", "w"].map((id) => found.undoneBy(id)),
		[null, null, "a", "a", "a"],
	);
});

test("the branch is shown where it is used or asked for, and last", () => {
	assert.deepEqual(index("K x<K.compensate y<K.yes").branches("K"), ["yes", "no", COMPENSATE]);
	assert.deepEqual(index("a").branches("a"), []);
	const asked = after("a", { type: "edit", id: "a", changes: { compensate: true } });
	assert.deepEqual(index(asked).branches("a"), [COMPENSATE]);
});

test("what undoes a step waits for nothing else, and nothing else for it", () => {
	const found = index(UNDONE);
	assert.equal(found.dependencyRefusal("w", "b"), "unreachable");
	assert.equal(found.dependencyRefusal("c", "u"), "unreachable");
	assert.equal(found.dependencyRefusal("w", "v"), null);
	assert.deepEqual(
		found.dependencyChoices("w").map((one) => one.id),
		["v"],
	);
	assert.ok(!found.dependencyChoices("c").some((one) => ["u", "v", "w"].includes(one.id)));
	refused(UNDONE, { type: "connect", from: "u", to: "c" }, "unreachable");
});

test("what comes after a step does not wait for what would undo it", () => {
	assert.deepEqual(index("a u<a.compensate").lastSteps("a"), ["a"]);
	assert.deepEqual(index("a x<a u<a.compensate").lastSteps("a"), ["x"]);
	assert.deepEqual(index("K x<K.yes y<K.no u<K.compensate").lastSteps("K"), ["x", "y"]);
});

test("a step is added to the branch and moved out of it", () => {
	const adding = (i) => ({ type: "add", kind: "notify", place: placeAtEnd(i, "a", COMPENSATE) });
	becomes("a b[a]", adding, "a notify<a.compensate b[a]");
	becomes("a b[a] u<a.compensate", adding, "a b[a] u<a.compensate notify<a.compensate[u]");
	becomes(
		"a u<a.compensate b[a]",
		(i) => ({ type: "move", id: "u", place: placeAfter(i, "a") }),
		"a u[a] b[u]",
	);
	const into = (id) => (i) => ({ type: "move", id, place: placeAtEnd(i, "a", COMPENSATE) });
	becomes("a b[a] c[b]", into("b"), "a b<a.compensate c[a]");
	refused(
		"a u<a.compensate x<u",
		(i) => ({ type: "move", id: "a", place: placeAtEnd(i, "u", COMPENSATE) }),
		"inside_itself",
	);
});

test("how a flow and a step are undone is set and taken away again", () => {
	const start = flow("a");
	const both = after(start, { type: "set_compensate", when: "both" });
	assert.equal(both.compensate, "both");
	assert.equal(apply(both, { type: "set_compensate", when: "both" }, catalog), both);
	assert.deepEqual(after(both, { type: "set_compensate", when: undefined }), start);
	const left = after(start, { type: "edit", id: "a", changes: { compensate: false } });
	assert.equal(step(left, "a").compensate, false);
	refused("a", { type: "edit", id: "a", changes: { compensate: "no" } }, "bad_value");
});

test("a step that undoes another one reads what that one left, and why it is undone", () => {
	const paths = (id) =>
		variablesAt(flow(UNDONE), id, { catalog }).flatMap((one) => one.items.map((value) => value.path));
	assert.ok(paths("u").includes("compensates.run"));
	assert.ok(paths("u").includes("steps.a.status"));
	assert.ok(!paths("b").some((path) => path.startsWith("compensates")));
});

test("nothing is drawn to go on from what undoes a step", () => {
	const { edges, pluses } = layoutFlow(flow("a u<a.compensate v<a.compensate[u] b[a]"), catalog);
	assert.ok(!edges.some((edge) => edge.kind === "join" && edge.from === "v"));
	assert.ok(edges.some((edge) => edge.kind === "tail" && edge.from === "v"));
	assert.equal(pluses.filter((plus) => plus.place.branch === COMPENSATE).length, 3);
});
