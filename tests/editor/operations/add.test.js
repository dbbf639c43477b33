import assert from "node:assert/strict";
import { test } from "node:test";
import {
	addedIds,
	layoutFlow,
	placeAfter,
	placeAtEnd,
	placeAtStart,
	placeBefore,
} from "../../../flow_engine/public/js/flow_engine_editor/model/index.js";
import { catalog } from "../catalog.js";
import { after, becomes, flow, refused, step } from "../sketch.js";

const adding = (place) => (index) => ({ type: "add", kind: "notify", place: place(index) });

const ROWS = [
	["the first step of a flow", "", (i) => placeAtEnd(i), "notify"],
	["at the end of a chain", "a b[a]", (i) => placeAtEnd(i), "a b[a] notify[b]"],
	["between two steps", "a b[a]", (i) => placeAfter(i, "a"), "a notify[a] b[notify]"],
	["before the first step", "a b[a]", (i) => placeAtStart(i), "notify a[notify] b[a]"],
	["before a step", "a b[a]", (i) => placeBefore(i, "b"), "a notify[a] b[notify]"],
	["onto an empty branch", "K", (i) => placeAtEnd(i, "K", "yes"), "K notify<K.yes"],
	["at the end of a branch", "K a<K.no", (i) => placeAtEnd(i, "K", "no"), "K a<K.no notify<K.no[a]"],
	[
		"after a block with both branches",
		"K a<K.yes b<K.no",
		(i) => placeAfter(i, "K"),
		"K a<K.yes b<K.no notify[a,b]",
	],
	["after an if without else", "K a<K.yes", (i) => placeAfter(i, "K"), "K a<K.yes notify[K,a]"],
	["after a condition without steps", "K", (i) => placeAfter(i, "K"), "K notify[K]"],
	[
		"after a step with an error branch",
		"a e<a.error",
		(i) => placeAfter(i, "a"),
		"a e<a.error notify[a,e]",
	],
	["before all of several", "a b", (i) => placeAtStart(i), "notify a[notify] b[notify]"],
	["after all of several", "a b", (i) => placeAtEnd(i), "a b notify[a,b]"],
	[
		"in one of two ways side by side",
		"a b[a] c[a] d[b,c]",
		(i) => placeBefore(i, "c"),
		"a b[a] notify[a] c[notify] d[b,c]",
	],
];
for (const [name, start, place, end] of ROWS) {
	test(`a step is added ${name}`, () => becomes(start, adding(place), end));
}

test("what comes after a whole block still does when the block gets another last step", () => {
	becomes(
		"K a<K.yes d[K,a]",
		adding((i) => placeAtEnd(i, "K", "yes")),
		"K a<K.yes notify<K.yes[a] d[K,notify]",
	);
	becomes(
		"K a<K.yes d[K,a]",
		adding((i) => placeAtEnd(i, "K", "no")),
		"K a<K.yes notify<K.no d[a,notify]",
	);
	becomes(
		"K L<K.yes a<L.no d[K,L,a]",
		adding((i) => placeAtEnd(i, "K", "no")),
		"K L<K.yes a<L.no notify<K.no d[L,a,notify]",
	);
});

test("the way of a step that waits for a part of a block only is left alone", () => {
	becomes(
		"K a<K.yes d[K]",
		adding((i) => placeAtEnd(i, "K", "yes")),
		"K a<K.yes notify<K.yes[a] d[K]",
	);
});

test("a step on the error branch makes its parent go there", () => {
	const made = after(
		"a",
		adding((i) => placeAtEnd(i, "a", "error")),
	);
	assert.equal(step(made, "a").on_error, "branch");
});

test("the first step fires when the flow starts, until something comes before it", () => {
	const first = after(
		"",
		adding((i) => placeAtEnd(i)),
	);
	assert.equal(first.steps[0].trigger.type, "on_flow_start");
	const second = after(first, {
		type: "add",
		kind: "issue",
		place: { parent_id: null, after: [], before: ["notify"] },
	});
	assert.deepEqual(step(second, "notify").trigger, { type: "on_prev_complete" });
	assert.deepEqual(step(second, "notify").depends_on, ["issue"]);
});

test("a new step has its kind's defaults and an id that nothing names", () => {
	const start = flow("a");
	const named = after(start, {
		type: "edit",
		id: "a",
		changes: { payload: { body: "{{steps.notify.result.name}}" } },
	});
	const made = after(
		named,
		adding((i) => placeAtEnd(i)),
	);
	assert.deepEqual(addedIds(named, made), ["notify_2"]);
	assert.deepEqual(step(made, "notify_2").payload, { channel: "email" });
	assert.equal(step(made, "notify_2").label, catalog.kinds.find((kind) => kind.name === "notify").label);
});

test("a seed gives the same id twice, and another seed another", () => {
	const made = (seed) =>
		addedIds(
			flow("a"),
			after("a", (i) => ({ type: "add", kind: "wait", seed, place: placeAtEnd(i) })),
		);
	assert.deepEqual(made(7), made(7));
	assert.notDeepEqual(made(7), made(8));
	assert.match(made(7)[0], /^step_[a-z0-9]{6}$/);
});

test("every “+” of the picture can be used", () => {
	const start = flow("a K[a] b<K.yes L<K.no[ ] e<a.error M[K,b] t<M.timeout".replace("[ ]", ""));
	for (const { place } of layoutFlow(start, catalog).pluses) {
		const made = after(start, { type: "add", kind: "issue", place });
		assert.deepEqual(addedIds(start, made), ["issue"]);
	}
});

test("places that do not exist are refused", () => {
	const at = (place) => ({ type: "add", kind: "notify", place });
	refused("a", at({ parent_id: "x", branch: null, after: [], before: [] }), "unknown_step");
	refused("a", at({ parent_id: null, branch: null, after: ["x"], before: [] }), "unknown_step");
	refused("a", at({ parent_id: null, branch: "yes", after: [], before: [] }), "branch_without_parent");
	refused("a", at({ parent_id: "a", branch: "yes", after: [], before: [] }), "unknown_branch");
	refused("a", at({ parent_id: "a", branch: "timeout", after: [], before: [] }), "unknown_branch");
	refused("a b[a]", at({ parent_id: null, branch: null, after: ["b"], before: ["a"] }), "cycle");
	refused("K a<K.yes", at({ parent_id: "K", branch: "no", after: ["a"], before: [] }), "unreachable");
	refused("a", { type: "add", kind: "nothing", place: {} }, "unknown_kind");
	refused("a", { type: "add", step: { id: "A", kind: "notify" }, place: {} }, "duplicate_id");
});

test("a step that writes a document proposes the one that the flow is about", () => {
	const adds = (trigger) => {
		const made = after(
			{ ...flow(""), trigger },
			{ type: "add", kind: "erp_update", place: { parent_id: null, branch: null } },
		);
		return made.steps[0].payload.doctype;
	};
	assert.equal(adds({ event: "on_contract_signed", condition: "" }), "Contract");
	assert.equal(adds({ event: "doc_event", doctype: "Issue", doc_event: "on_update" }), "Issue");
	assert.equal(adds({ event: "manual", condition: "" }), undefined);
});
