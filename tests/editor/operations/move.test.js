import assert from "node:assert/strict";
import { test } from "node:test";
import {
	consequences,
	placeAfter,
	placeAtEnd,
	placeAtStart,
	placeBefore,
} from "../../../flow_engine/public/js/flow_engine_editor/model/index.js";
import { catalog } from "../catalog.js";
import { after, becomes, flow, index, refused, sketch } from "../sketch.js";

const moving = (id, place) => (index) => ({ type: "move", id, place: place(index) });

const ROWS = [
	["down a chain", "a b[a] c[b] d[c]", "b", (i) => placeAfter(i, "c"), "a c[a] b[c] d[b]"],
	["up a chain", "a b[a] c[b] d[c]", "d", (i) => placeAfter(i, "a"), "a d[a] b[d] c[b]"],
	["to the start of a chain", "a b[a] c[b]", "c", (i) => placeAtStart(i), "c a[c] b[a]"],
	["to the end of a chain", "a b[a] c[b]", "a", (i) => placeAtEnd(i), "b c[b] a[c]"],
	["to where it is", "a b[a] c[b]", "b", (i) => placeAfter(i, "a"), "a b[a] c[b]"],
	["to right behind itself", "a b[a] c[b]", "b", (i) => placeAfter(i, "b"), "a b[a] c[b]"],
	[
		"into a branch",
		"a K[a] b<K.yes c[K,b]",
		"a",
		(i) => placeAtEnd(i, "K", "no"),
		"K b<K.yes a<K.no c[b,a]",
	],
	[
		"out of a branch",
		"K a<K.yes b<K.yes[a] c[K,b]",
		"b",
		(i) => placeAfter(i, "K"),
		"K a<K.yes b[K,a] c[b]",
	],
	["the only step out of a branch", "K a<K.yes c[K,a]", "a", (i) => placeAfter(i, "K"), "K a[K] c[a]"],
	[
		"with all that hangs under it",
		"a K[a] b<K.yes c[K,b]",
		"K",
		(i) => placeAtStart(i),
		"K b<K.yes a[K,b] c[a]",
	],
	["past a block", "a K[a] b<K.yes c[K,b]", "a", (i) => placeAfter(i, "K"), "K b<K.yes a[K,b] c[a]"],
];
for (const [name, start, id, place, end] of ROWS) {
	test(`a step moves ${name}`, () => becomes(start, moving(id, place), end));
}

test("moving into itself is refused", () => {
	refused(
		"K a<K.yes",
		moving("K", (i) => placeAtEnd(i, "K", "no")),
		"inside_itself",
	);
	refused(
		"K L<K.yes a<L.no",
		moving("K", (i) => placeAtEnd(i, "L", "no")),
		"inside_itself",
	);
});

test("a step that is moved away and back leaves the flow as it was", () => {
	const start = flow("a K[a] b<K.yes c<K.no d[b,c] e[d]");
	const there = after(
		start,
		moving("d", (i) => placeAfter(i, "b")),
	);
	assert.equal(sketch(there), "a K[a] b<K.yes d<K.yes[b] c<K.no e[d,c]");
	const back = after(
		there,
		moving("d", (i) => placeAfter(i, "K")),
	);
	assert.equal(sketch(back), "a K[a] b<K.yes c<K.no d[b,c] e[d]");
});

test("in the list order of a graph nothing is rewired; in a chain the order is what waits for what", () => {
	const to = (next) => ({ parent_id: null, branch: null, next });
	becomes(
		"a b c[a,b]",
		moving("b", () => to("a")),
		"b a c[a,b]",
	);
	becomes(
		"a b c[a,b]",
		moving("a", () => to(null)),
		"b c[a,b] a",
	);
	becomes(
		"a b[a] c[b]",
		moving("c", () => to("b")),
		"a c[a] b[c]",
	);
	becomes(
		"a b[a] c[b]",
		moving("a", () => to(null)),
		"b c[b] a[c]",
	);
	becomes(
		"a b[a] c[b]",
		moving("b", () => to("c")),
		"a b[a] c[b]",
	);
});

test("in a graph only the links of the moved step change", () => {
	becomes(
		"a b[a] c[a] d[b,c]",
		moving("c", (i) => placeBefore(i, "b")),
		"a c[a] b[c] d[b,a]",
	);
});

test("other dependencies stay where they can, and what cannot stay is said", () => {
	const start = flow("a b[a] c[b] d[c,a]");
	const operation = moving("a", (i) => placeAfter(i, "c"))(index(start));
	assert.equal(sketch(after(start, operation)), "b c[b] a[c] d[a]");
	const far = flow("a b[a] K[b] x<K.yes[a] y[K,x]");
	const past = moving("a", (i) => placeAtEnd(i))(index(far));
	assert.equal(sketch(after(far, past)), "b K[b] x<K.yes y[K,x] a[y]");
	assert.deepEqual(
		consequences(far, past, catalog).map(({ step, code }) => [step, code]),
		[["x", "dependency_dropped"]],
	);
});

test("what waits for a moved step from elsewhere still does, or waits for what that step waited for", () => {
	becomes(
		"a b[a] K[b] x<K.yes[a] y[K,x]",
		moving("a", (i) => placeAfter(i, "b")),
		"b a[b] K[a] x<K.yes[a] y[K,x]",
	);
	becomes(
		"a b[a] K[b] x<K.yes[b] y[K,x]",
		moving("b", (i) => placeAtEnd(i)),
		"a K[a] x<K.yes[a] y[K,x] b[y]",
	);
	becomes(
		"a b[a] K[b] x<K.yes[a] y[K,x]",
		moving("x", (i) => placeAtEnd(i)),
		"a b[a] K[b] y[K] x[y,a]",
	);
});

test("a result that would no longer be waited for is said", () => {
	const start = after("a b[a] c[b]", {
		type: "edit",
		id: "b",
		changes: { payload: { body: "{{steps.a.result.name}}" } },
	});
	const said = consequences(start, moving("a", (i) => placeAtEnd(i))(index(start)), catalog);
	assert.deepEqual(
		said.map(({ step, code }) => [step, code]),
		[["b", "reads_later"]],
	);
});
