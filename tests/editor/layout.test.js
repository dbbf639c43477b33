// The picture of a flow: everything once, nothing over anything else, every line from where to where it says; for
// any flow, and for definitions that nobody should have made.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
	indexFlow,
	layoutFlow,
	layoutNarrow,
	TRIGGER,
} from "../../flow_engine/public/js/flow_engine_editor/model/index.js";
import { catalog } from "./catalog.js";
import { randomFlow } from "./random_flows.js";
import { flow } from "./sketch.js";

const numbers = fc.array(fc.nat(1_000_000), { maxLength: 400, size: "max" });

function reader(list) {
	let at = 0;
	return (n) => (at < list.length ? list[at++] % n : 0);
}

const card = (picture, id) => picture.cards.find((one) => one.id === id);
const under = (picture, a, b) => card(picture, a).y > card(picture, b).y + card(picture, b).height;
const right = (picture, a, b) => card(picture, a).x >= card(picture, b).x + card(picture, b).width;

function assertWhole(value, picture) {
	const ids = indexFlow(value, catalog).ids;
	assert.deepEqual(
		picture.cards.map((one) => one.id),
		ids,
		"every step has its card",
	);
	assert.deepEqual([...picture.order].sort(), [TRIGGER, ...ids].sort(), "everything is read once");
	for (const list of [picture.edges, picture.pluses]) {
		assert.equal(new Set(list.map((one) => one.key)).size, list.length, "keys are unique");
	}
	const inside = ({ x, y, width = 0, height = 0 }) =>
		x >= 0 && y >= 0 && x + width <= picture.width && y + height <= picture.height;
	for (const one of [...picture.cards, ...picture.pluses, ...picture.lanes, picture.trigger]) {
		assert.ok(
			Object.values(one).every((number) => !Number.isNaN(number)) && inside(one),
			"everything is inside",
		);
	}
	const boxes = [picture.trigger, ...picture.cards].sort((a, b) => a.y - b.y);
	boxes.forEach((one, at) => {
		for (let next = at + 1; next < boxes.length && boxes[next].y < one.y + one.height; next++) {
			const other = boxes[next];
			assert.ok(other.x >= one.x + one.width || one.x >= other.x + other.width, "cards do not overlap");
		}
	});
}

/** The ends of a line lie on the card it comes from, or below its whole block, and on the card it goes to. */
function assertTouching(picture) {
	const cards = new Map(picture.cards.map((one) => [one.id, one]));
	const trigger = { ...picture.trigger };
	trigger.exit = { x: trigger.x + trigger.width / 2, y: trigger.y + trigger.height };
	cards.set(TRIGGER, trigger);
	const onEdge = ({ x, y }, box) =>
		([box.x, box.x + box.width].includes(x) && y >= box.y && y <= box.y + box.height) ||
		([box.y, box.y + box.height].includes(y) && x >= box.x && x <= box.x + box.width);
	const at = (point, other) => point.x === other.x && point.y === other.y;
	for (const { kind, from, to, start, end, path } of picture.edges) {
		const leaves = onEdge(start, cards.get(from)) || at(start, cards.get(from).exit);
		assert.ok(leaves, `${kind}: leaves ${from}`);
		if (to === null)
			assert.ok(
				picture.pluses.some((plus) => at(plus, end)),
				`${kind}: ends at a “+”`,
			);
		else if (kind === "join" || from === to)
			assert.ok(at(end, cards.get(to).exit), `${kind}: joins below ${to}`);
		else assert.ok(onEdge(end, cards.get(to)), `${kind}: reaches ${to}`);
		assert.ok(path.startsWith(`M${start.x} ${start.y}`) && path.endsWith(`${end.x} ${end.y}`));
		assert.doesNotMatch(path, /NaN|undefined/);
	}
}

test("every step has one card, nothing overlaps, every line touches what it joins", () => {
	fc.assert(
		fc.property(numbers, fc.nat(30), fc.nat(3), (list, size, tall) => {
			const next = reader(list);
			const value = randomFlow(next, size);
			const options = { tall: (id) => tall > 0 && id.charCodeAt(1) % (tall + 1) === 0 };
			const picture = layoutFlow(value, catalog, options);
			assertWhole(value, picture);
			assertTouching(picture);
			assert.deepEqual(
				layoutFlow(value, catalog, options),
				picture,
				"the same flow has the same picture",
			);
		}),
		{ numRuns: 300 },
	);
});

test("a chain is a column, in its order", () => {
	const picture = layoutFlow(flow("c[b] a b[a]"), catalog);
	assert.ok(under(picture, "b", "a") && under(picture, "c", "b"));
	assert.equal(new Set(picture.cards.map((one) => one.x)).size, 1);
	assert.deepEqual(picture.order, [TRIGGER, "a", "b", "c"]);
});

test("branches stand side by side under their step and join before what comes after", () => {
	const picture = layoutFlow(flow("K a<K.yes b<K.no d[a,b]"), catalog);
	assert.ok(under(picture, "a", "K") && right(picture, "b", "a") && under(picture, "d", "b"));
	assert.equal(card(picture, "a").y, card(picture, "b").y);
	assert.deepEqual(
		picture.lanes.map(({ parent, branch }) => [parent, branch]),
		[
			["K", "yes"],
			["K", "no"],
		],
	);
	assert.deepEqual(picture.edges.map(({ kind, from, to }) => `${kind} ${from} ${to}`).sort(), [
		"branch K a",
		"branch K b",
		`flow ${TRIGGER} K`,
		"flow K d",
		"join a K",
		"join b K",
		"tail d null",
	]);
});

test("beside an error branch stands the way on", () => {
	const picture = layoutFlow(flow("a e<a.error b[a,e]"), catalog);
	assert.deepEqual(
		picture.lanes.map(({ branch }) => branch),
		[null, "error"],
	);
	assert.ok(under(picture, "b", "e"));
});

test("what runs side by side stands side by side, and what waits for both below", () => {
	const picture = layoutFlow(flow("a b[a] c[b] d[a] e[c,d]"), catalog);
	assert.ok(right(picture, "d", "b") && right(picture, "d", "c"));
	assert.ok(under(picture, "c", "b") && under(picture, "e", "c") && under(picture, "b", "a"));
	const crosswise = layoutFlow(flow("a b c[a,b] d[a,b]"), catalog);
	assert.equal(card(crosswise, "c").y, card(crosswise, "d").y);
	assert.ok(under(crosswise, "c", "a") && right(crosswise, "b", "a"));
});

test("a dependency that no line shows has a bow of its own", () => {
	const picture = layoutFlow(flow("a b[a] K[b] x<K.yes[a]"), catalog);
	const bows = picture.edges.filter(({ kind }) => kind === "dependency");
	assert.deepEqual(
		bows.map(({ from, to }) => [from, to]),
		[["a", "x"]],
	);
});

test("a block that is folded shows its card only", () => {
	const start = flow("a K[a] b<K.yes L<K.no d<L.yes e[K,b,L,d]");
	const picture = layoutFlow(start, catalog, { collapsed: new Set(["K"]) });
	assert.deepEqual(
		picture.cards.map((one) => one.id),
		["a", "K", "e"],
	);
	assert.deepEqual(picture.order, [TRIGGER, "a", "K", "e"]);
	assertTouching(picture);
});

test("the place of each “+” is between what it is drawn between", () => {
	const places = layoutFlow(flow("a K[a] b<K.yes e[K,b]"), catalog).pluses.map(({ place }) => place);
	const at = (parent_id, branch, after, before) => ({ parent_id, branch, after, before });
	for (const place of [
		at(null, null, [], ["a"]),
		at(null, null, ["a"], ["K"]),
		at(null, null, ["K", "b"], ["e"]),
		at(null, null, ["e"], []),
		at("K", "yes", [], ["b"]),
		at("K", "yes", ["b"], []),
		at("K", "no", [], []),
	]) {
		assert.equal(places.filter((one) => JSON.stringify(one) === JSON.stringify(place)).length, 1);
	}
	assert.equal(places.length, 7);
});

test("definitions that nobody should have made are drawn, broken steps at the top level", () => {
	const step = (id, more = {}) => ({ id, kind: "notify", ...more });
	const hostile = [
		[step("a", { parent_id: "a", depends_on: ["a", "a"] })],
		[step("a", { parent_id: "b" }), step("b", { parent_id: "d" }), step("d", { parent_id: "a" })],
		[
			step("a", { depends_on: ["b"] }),
			step("b", { depends_on: ["d"] }),
			step("d", { depends_on: ["a"] }),
			step("e", { depends_on: ["a"] }),
		],
		[step("a", { parent_id: "gone", branch: "yes", depends_on: ["gone", 3, null, {}] })],
		[step("a"), step("A"), step("a"), step(""), step(undefined), step(7), step("x y"), step(TRIGGER)],
		[null, 3, "text", [], {}, undefined],
		[step("__proto__"), step("constructor", { parent_id: "__proto__", branch: "toString" })],
		[step("a", { branch: 3, parent_id: 4, depends_on: "a", trigger: "x", on_error: [], payload: 5 })],
		[step("a", { kind: {} }), step("b", { kind: null, parent_id: "a", branch: "constructor" })],
	];
	for (const steps of hostile) {
		const picture = layoutFlow({ steps }, catalog);
		assertWhole({ steps }, picture);
		assertTouching(picture);
		assert.equal(layoutNarrow({ steps }, catalog).length, steps.length);
	}
	assert.equal(card(layoutFlow({ steps: hostile[3] }, catalog), "a").depth, 0);
	for (const odd of [{}, { steps: null }, { steps: {} }]) assertWhole(odd, layoutFlow(odd, catalog));
});

const many = (count, make) => ({ steps: Array.from({ length: count }, (_, i) => make(i)) });
const LARGE = {
	chain: (n) => many(n, (i) => ({ id: `s${i}`, kind: "notify", depends_on: i ? [`s${i - 1}`] : [] })),
	abreast: (n) => many(n, (i) => ({ id: `s${i}`, kind: "notify" })),
	nested: (n) =>
		many(n, (i) => ({
			id: `s${i}`,
			kind: "condition",
			parent_id: i ? `s${i - 1}` : null,
			branch: i ? "yes" : null,
		})),
	circle: (n) => many(n, (i) => ({ id: `s${i}`, kind: "notify", depends_on: [`s${(i + 1) % n}`] })),
	"circle of parents": (n) =>
		many(n, (i) => ({ id: `s${i}`, kind: "notify", parent_id: `s${(i + 1) % n}` })),
	ladder: (n) =>
		many(n, (i) => ({
			id: `s${i}`,
			kind: "notify",
			depends_on: [i - 2, i - 3].filter((k) => k >= 0).map((k) => `s${k}`),
		})),
	fan: (n) =>
		many(n, (i) => ({
			id: `s${i}`,
			kind: "notify",
			depends_on:
				i && i < n - 1 ? ["s0"] : i ? Array.from({ length: n - 2 }, (_, k) => `s${k + 1}`) : [],
		})),
};
for (const [name, make] of Object.entries(LARGE)) {
	test(`2,000 steps as a ${name} are drawn, with as much for each as for 200`, () => {
		const sizes = [200, 2_000].map((count) => {
			const value = make(count);
			const picture = layoutFlow(value, catalog);
			assertWhole(value, picture);
			assertTouching(picture);
			return picture.edges.length + picture.pluses.length + picture.lanes.length;
		});
		assert.ok(sizes[1] <= 10 * sizes[0] + 100, `${sizes}`);
	});
}

test("the narrow list has every step once, each under the one it hangs under", () => {
	const rows = layoutNarrow(flow("a K[a] b<K.yes d<K.yes[b] f<K.no e[d,f]"), catalog);
	assert.deepEqual(
		rows.map(({ id, depth, lane, first }) => [id, depth, lane, first]),
		[
			["a", 0, null, true],
			["K", 0, null, false],
			["b", 1, "yes", true],
			["d", 1, "yes", false],
			["f", 1, "no", true],
			["e", 0, null, false],
		],
	);
});
