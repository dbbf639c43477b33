import assert from "node:assert/strict";
import { test } from "node:test";
import { after, becomes, flow, refused, sketch, step } from "../sketch.js";

const twice = (id) => ({ type: "duplicate", id });

const ROWS = [
	["in a chain, behind it", "a b[a]", "a", "a notify[a] b[notify]"],
	["at the end of a chain", "a b[a]", "b", "a b[a] notify[b]"],
	[
		"with all that hangs under it",
		"K a<K.yes b<K.yes[a] d[K,b]",
		"K",
		"K a<K.yes b<K.yes[a] condition[K,b] notify<condition.yes notify_2<condition.yes[notify] d[condition,notify_2]",
	],
	["in a graph, beside it", "a b d[a,b]", "a", "a notify b d[a,b]"],
	["on a branch", "K a<K.yes d[K,a]", "a", "K a<K.yes notify<K.yes[a] d[K,notify]"],
	[
		"keeping what else it waits for",
		"a b[a] K[b] d<K.yes[a]",
		"d",
		"a b[a] K[b] d<K.yes[a] notify<K.yes[d,a]",
	],
];
for (const [name, start, id, end] of ROWS) {
	test(`a step is duplicated ${name}`, () => becomes(start, twice(id), end));
}

test("a copy names itself where the original did, and others as before", () => {
	const payload = { body: "{{steps.b.result.name}} {{steps.a.result.name}} {{links.b}} steps.b" };
	const condition = { field: "steps.b.result.score", op: "==", value: "{{steps.a.result.x}}" };
	const start = after(
		"a K[a] b<K.yes d<K.yes[b]",
		{ type: "edit", id: "d", changes: { payload } },
		{ type: "edit", id: "b", changes: { payload: condition } },
	);
	const made = after(start, twice("K"));
	assert.equal(
		step(made, "notify_2").payload.body,
		"{{steps.notify.result.name}} {{steps.a.result.name}} {{links.notify}} steps.b",
	);
	assert.deepEqual(step(made, "notify").payload, { ...condition, field: "steps.notify.result.score" });
	assert.deepEqual(step(made, "d"), step(start, "d"));
});

test("labels are numbered on", () => {
	const made = after("a", twice("a"), twice("a"));
	assert.deepEqual(
		made.steps.map((one) => one.label),
		["a", "a 3", "a 2"],
	);
	assert.equal(after("a", { ...twice("a"), label: "Other" }).steps[1].label, "Other");
	assert.equal(sketch(flow("a")), "a");
	refused("a", twice("b"), "unknown_step");
});
