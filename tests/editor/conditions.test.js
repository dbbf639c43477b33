import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
	fromBuilder,
	fromLogic,
	operatorsFor,
	toBuilder,
	toLogic,
} from "../../flow_engine/public/js/flow_engine_editor/model/index.js";
import { catalog } from "./catalog.js";
import { anyCondition } from "./random_conditions.js";

const numbers = fc.array(fc.nat(1_000_000), { maxLength: 120, size: "max" });
const plain = (value) => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)));

test("a condition shown and not changed is exactly what it was; rebuilt from what is shown, the same", () => {
	fc.assert(
		fc.property(numbers, fc.boolean(), (list, asText) => {
			let at = 0;
			const data = plain(anyCondition((n) => (at < list.length ? list[at++] % n : 0)));
			const raw = asText ? JSON.stringify(data) : data;
			const builder = toBuilder(raw);
			assert.equal(fromBuilder(builder), raw);
			const { told, ...shown } = builder;
			if (shown.mode === "always") assert.equal(fromBuilder(shown), "");
			else assert.deepEqual(fromBuilder(shown), data);
		}),
		{ numRuns: 1000 },
	);
});

const ROWS = [
	["nothing", "", "always"],
	["one comparison", { field: "doc.a", op: "==", value: 1 }, "rows"],
	["a group in a group", { all: [{ any: [{ field: "doc.a", op: "empty" }] }] }, "rows"],
	["turned around twice", { not: { not: { field: "doc.a", op: "empty" } } }, "rows"],
	["a comparison with a key too many", { field: "doc.a", op: "==", value: 1, more: 2 }, "rows"],
	["JSONLogic", { logic: { "==": [{ var: "doc.a" }, 1] } }, "logic"],
	["JSONLogic without its name", { "==": [{ var: "doc.a" }, 1] }, "logic"],
	["JSONLogic over a list", { all: [{ var: "doc.items" }, { ">": [{ var: "rate" }, 1] }] }, "logic"],
	["JSONLogic inside a group", { all: [{ logic: true }] }, "other"],
	["something else", { what: 1, ever: 2 }, "other"],
	["text that is no JSON", "doc.a == 1", "other"],
];
for (const [name, raw, mode] of ROWS)
	test(`${name} is shown as ${mode}`, () => assert.equal(toBuilder(raw).mode, mode));

test("a row that is added to one comparison makes a group", () => {
	const { group } = toBuilder({ field: "doc.a", op: "==", value: 1 });
	const items = [...group.items, { field: "doc.b", op: "empty", not: true }];
	assert.deepEqual(fromBuilder({ mode: "rows", group: { ...group, items } }), {
		all: [{ field: "doc.a", op: "==", value: 1 }, { not: { field: "doc.b", op: "empty" } }],
	});
});

test("what rows and JSONLogic both say is converted there and back", () => {
	for (const raw of [
		{ field: "doc.a", op: "==", value: "Open" },
		{ field: "doc.a", op: ">", value: 5000 },
		{ field: "doc.a", op: "<", value: 5 },
		{ field: "doc.a", op: "==", value: 0 },
		{ field: "doc.a", op: "!=", value: "" },
		{ field: "doc.a", op: "in", value: ["Open", "Closed"] },
		{ field: "doc.a", op: "not_in", value: ["Open"] },
		{ field: "doc.a", op: "contains", value: "pen" },
		{ field: "doc.a", op: "starts_with", value: "🙂a" },
		{ field: "doc.a", op: "ends_with", value: "pen" },
		{
			not: {
				any: [
					{ field: "doc.a", op: "==", value: "x" },
					{ all: [{ field: "doc.b", op: ">=", value: -1 }] },
				],
			},
		},
	]) {
		assert.deepEqual(fromLogic(toLogic(raw)), raw);
	}
});

test("where the two might not say the same there is no conversion", () => {
	for (const value of ["2026-03-18", "{{doc.b}}", "true", "1e3", ["x"], {}]) {
		assert.equal(toLogic({ field: "doc.a", op: "==", value }), null, JSON.stringify(value));
	}
	for (const raw of [
		{ field: "{{doc.a|upper}}", op: "==", value: "A" },
		{ field: "doc.a.length", op: "==", value: 3 },
		{ field: "doc.a", op: "empty" },
		{ field: "doc.a", op: "<", value: "Open" },
		{ field: "doc.a", op: "==", value: "Open", more: 1 },
		{ all: [{ field: "doc.a", op: "empty" }], more: 1 },
		{ what: 1, ever: 2 },
	]) {
		assert.equal(toLogic(raw), null, JSON.stringify(raw));
	}
	const read = { var: "doc.a" };
	for (const logic of [
		{ "<": [read, 5] },
		{ "==": [read, 0] },
		{ "==": [read, "2026-03-18"] },
		{ "===": [read, 5] },
		{ "==": [{ var: ["doc.a", 3] }, 5] },
		{ and: [] },
		{ "+": [1, 2] },
		{ and: [{ "!": [{ missing: ["doc.b"] }] }, { "<": [read, 5] }] },
		{ some: [{ var: "doc.items" }, { "==": [{ var: "" }, 1] }] },
		[],
		false,
		"text",
	]) {
		assert.equal(fromLogic(logic), null, JSON.stringify(logic));
	}
});

test("operators fit the field's type; of an unknown type all are offered", () => {
	const names = (type) => operatorsFor(type, catalog).map((one) => one.name);
	assert.ok(names("Currency").includes(">") && !names("Currency").includes("contains"));
	assert.ok(names("Data").includes("contains") && names("Data").includes("empty"));
	assert.ok(!names("Check").includes("in"));
	for (const type of [null, undefined, "Nonsense"])
		assert.equal(names(type).length, catalog.operators.length);
	assert.deepEqual(operatorsFor("Data", null), []);
});
