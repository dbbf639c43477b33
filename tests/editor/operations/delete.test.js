import assert from "node:assert/strict";
import { test } from "node:test";
import { consequences } from "../../../flow_engine/public/js/flow_engine_editor/model/index.js";
import { catalog } from "../catalog.js";
import { after, becomes, flow, refused } from "../sketch.js";

const ROWS = [
	["in a chain", "a b[a] c[b]", "b", "a c[a]"],
	["at the start", "a b[a]", "a", "b"],
	["several at once", "a b[a] c[b] d[c]", "b,c", "a d[a]"],
	["with all that hangs under it", "a K[a] b<K.yes L<K.no d<L.yes e[b,L,d] f[e]", "K", "a e[a] f[e]"],
	["at the end of a branch", "K a<K.yes b<K.yes[a] d[K,b]", "b", "K a<K.yes d[K,a]"],
	["the only one of a branch", "K a<K.yes b<K.no d[a,b]", "a", "K b<K.no d[K,b]"],
	["the only one of both branches", "K a<K.yes b<K.no d[a,b]", "a,b", "K d[K]"],
	["of an error branch", "a e<a.error b[a,e]", "e", "a b[a]"],
	["in a graph", "a b[a] d[a] e[b,d]", "b", "a d[a] e[a,d]"],
	["with what several wait for", "a b f[a,b] d[f] e[f]", "f", "a b d[a,b] e[a,b]"],
	["everything", "a K[a] b<K.yes", "a,K", ""],
	["nothing", "a b[a]", "", "a b[a]"],
];
for (const [name, start, ids, end] of ROWS) {
	test(`a step is deleted ${name}`, () => {
		becomes(start, { type: "delete", ids: ids ? ids.split(",") : [] }, end);
	});
}

test("what only a part of the deleted steps led to is not waited for across branches", () => {
	// d stands on K's yes and waits for s, which came after K's no: without s there is nothing it could wait for.
	becomes("K a<K.no s[K,a] d<K.yes[s]", { type: "delete", ids: ["s"] }, "K a<K.no d<K.yes");
});

test("reading a result that will be gone, and an error branch that will be empty, are said", () => {
	const start = after("a e<a.error b[a,e]", {
		type: "edit",
		id: "b",
		changes: { payload: { body: "See {{ steps.e.result.name | upper }}" } },
	});
	const said = consequences(start, { type: "delete", ids: ["e"] }, catalog);
	assert.deepEqual(
		said.map(({ step, code }) => [step, code]),
		[
			["b", "reads_deleted"],
			["a", "error_branch_empty"],
		],
	);
	assert.deepEqual(consequences(flow("a b[a]"), { type: "delete", ids: ["b"] }, catalog), []);
});

test("a step that is not there is refused", () => {
	refused("a", { type: "delete", ids: ["a", "b"] }, "unknown_step");
	refused("a", { type: "delete", ids: ["@trigger"] }, "unknown_step");
});
