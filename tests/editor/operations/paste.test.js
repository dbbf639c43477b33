import assert from "node:assert/strict";
import { test } from "node:test";
import {
	consequences,
	placeAfter,
	placeAtEnd,
} from "../../../flow_engine/public/js/flow_engine_editor/model/index.js";
import { catalog } from "../catalog.js";
import { after, becomes, flow, refused, step } from "../sketch.js";

const pasting = (steps, place) => (index) => ({ type: "paste", place: place(index), steps });
const taken = (sketch, ids) => flow(sketch).steps.filter((one) => ids.includes(one.id));

const ROWS = [
	["one step into a chain", "a b[a]", taken("x", "x"), (i) => placeAfter(i, "a"), "a notify[a] b[notify]"],
	[
		"a chain into a chain",
		"a b[a]",
		taken("x y[x]", "xy"),
		(i) => placeAfter(i, "a"),
		"a notify[a] notify_2[notify] b[notify_2]",
	],
	[
		"a block onto a branch",
		"K b[K]",
		taken("w L[w] x<L.yes", "Lx"),
		(i) => placeAtEnd(i, "K", "no"),
		"K condition<K.no notify<condition.yes b[K,condition,notify]",
	],
	[
		"steps side by side",
		"a b[a]",
		taken("x y", "xy"),
		(i) => placeAfter(i, "a"),
		"a notify[a] notify_2[a] b[notify,notify_2]",
	],
];
for (const [name, start, steps, place, end] of ROWS) {
	test(`${name} is pasted`, () => becomes(start, pasting(steps, place), end));
}

test("pasting into the flow it was copied from makes a second one", () => {
	const start = flow("a K[a] b<K.yes");
	const made = after(
		start,
		pasting(start.steps, (i) => placeAtEnd(i)),
	);
	assert.equal(made.steps.length, 6);
	assert.equal(new Set(made.steps.map((one) => one.id)).size, 6);
});

test("what they name among themselves is named anew; the rest stays, and is said", () => {
	const source = after("a b[a]", {
		type: "edit",
		id: "b",
		changes: {
			payload: { body: "{{steps.a.result.name}} {{steps.far.result.name}}" },
			trigger: { type: "on_date", at: "{{steps.a.result.at}}" },
		},
	});
	const steps = [source.steps[0], { ...source.steps[1], depends_on: ["a", "far"] }];
	const operation = pasting(steps, (i) => placeAtEnd(i));
	const made = after("", operation);
	assert.equal(
		step(made, "notify_2").payload.body,
		"{{steps.notify.result.name}} {{steps.far.result.name}}",
	);
	assert.equal(step(made, "notify_2").trigger.at, "{{steps.notify.result.at}}");
	assert.deepEqual(step(made, "notify_2").depends_on, ["notify"]);
	const said = consequences(flow(""), { type: "paste", steps, place: {} }, catalog);
	assert.deepEqual(
		said.map(({ code, args }) => [code, ...args]),
		[
			["outside_dropped", "b"],
			["reads_outside", "b"],
		],
	);
});

test("a clipboard may hold anything", () => {
	for (const steps of [undefined, null, [], "text", [1, null, []], [{ id: "a" }]]) {
		refused("a", { type: "paste", place: {}, steps }, "nothing_to_paste");
	}
	const strange = [
		{ kind: "notify", id: "x", parent_id: "y", depends_on: "y", payload: [], extra: 1 },
		{ kind: "notify", id: "y", parent_id: "x", depends_on: ["y", "x", 3], trigger: [] },
		{ kind: "notify", id: "x" },
		"text",
	];
	const made = after(
		"a",
		pasting(strange, (i) => placeAtEnd(i)),
	);
	assert.equal(made.steps.length, 4);
	assert.ok(made.steps.every((one) => !("extra" in one)));
});
