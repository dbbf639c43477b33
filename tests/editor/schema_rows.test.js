import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
	newRow,
	readSchema,
	TYPES,
	withType,
	writeField,
	writeSchema,
} from "../../flow_engine/public/js/flow_engine_editor/payload/schema_rows.js";
import { payloadItems } from "../../flow_engine/public/js/flow_engine_editor/model/variables/payload.js";
import {
	apply,
	blankFlow,
	countChanges,
	variablesAt,
} from "../../flow_engine/public/js/flow_engine_editor/model/index.js";

const field = fc.oneof(
	fc.constantFrom(
		{ type: "string" },
		{ type: "string", maxLength: 20, title: "Name", description: "Whose" },
		{ type: "string", format: "date" },
		{ type: "string", format: "date-time", default: "2026-01-31T09:00" },
		{ type: "string", format: "email" },
		{ type: "string", enum: ["a", "b"], default: "a" },
		{ type: "string", enum: ["a", 1] },
		{ type: "string", enum: [] },
		{ enum: ["a"] },
		{ type: "number", minimum: 3, default: 4 },
		{ type: "integer", default: null },
		{ type: "boolean", default: false, title: "" },
		{ type: "array", items: { type: "string" }, minItems: 1 },
		{ type: "array", items: { type: "string", minLength: 2 } },
		{ type: ["string", "null"] },
		{ $ref: "#/$defs/size", title: "Size" },
		{ type: "object", properties: { deep: { type: "string" } } },
		true,
		{},
		{ title: 3 },
	),
	fc.jsonValue(),
);
const name = fc.string({ minLength: 1, maxLength: 8 }).filter((text) => text !== "__proto__");
const schema = fc
	.record(
		{
			properties: fc.dictionary(name, field, { maxKeys: 5 }),
			additionalProperties: fc.constantFrom(true, false, { type: "string" }),
			title: fc.string(),
			$defs: fc.constant({ size: { type: "number" } }),
			minProperties: fc.nat(3),
		},
		{ requiredKeys: ["properties"] },
	)
	.chain((made) =>
		fc
			.subarray(Object.keys(made.properties))
			.map((required) => ({ type: "object", ...made, ...(required.length ? { required } : {}) })),
	);
const plain = (value) => JSON.parse(JSON.stringify(value));
const sorted = (value) => ({ ...value, required: [...(value.required ?? [])].sort() });

test("rows say everything that a schema says, and are written as the same schema again", () => {
	fc.assert(
		fc.property(schema, (given) => {
			const read = readSchema(plain(given));
			assert.deepEqual(sorted(plain(writeSchema(read))), sorted(plain(given)));
		}),
		{ numRuns: 2000 },
	);
});

test("a schema that rows cannot say stays JSON", () => {
	for (const given of [
		null,
		[],
		"text",
		{},
		{ type: "array" },
		{ type: "object", properties: [] },
		{ type: "object", required: ["a"], properties: {} },
		{ type: "object", required: ["a", "a"], properties: { a: {} } },
		{ type: "object", required: "a", properties: { a: {} } },
	])
		assert.equal(readSchema(given), null, JSON.stringify(given));
});

test("each type of a row is read from what it writes", () => {
	for (const type of TYPES) {
		const row = { ...withType(newRow([]), type), label: "L", help: "H", required: true };
		const [read] = readSchema(writeSchema({ rows: [row], closed: true })).rows;
		assert.deepEqual(read, row, type);
	}
	assert.deepEqual(writeField(withType(newRow([]), "list")), { type: "array", items: { type: "string" } });
});

test("another type takes nothing along that only the former one meant", () => {
	const row = readSchema({
		type: "object",
		properties: { x: { type: "string", maxLength: 3, default: "a" } },
	}).rows[0];
	assert.deepEqual(writeField(withType(row, "integer")), { type: "integer" });
	assert.deepEqual(writeField(withType(row, "choice")), { type: "string", enum: ["A", "B"] });
});

test("a new field has a name that is free", () => {
	const rows = [newRow([])];
	rows.push(newRow(rows));
	assert.deepEqual(
		rows.map(({ name: own }) => own),
		["field_1", "field_2"],
	);
	assert.equal(newRow([{ name: "field_2" }]).name, "field_3");
});

test("what a flow asks for is set, counted as a change, and taken away again", () => {
	const flow = blankFlow();
	const asked = { type: "object", properties: {} };
	const set = apply(flow, { type: "set_payload_schema", payload_schema: asked });
	assert.deepEqual(set.payload_schema, asked);
	assert.equal(countChanges(flow, set), 1);
	assert.equal(apply(set, { type: "set_payload_schema", payload_schema: { ...asked } }), set);
	const gone = apply(set, { type: "set_payload_schema", payload_schema: undefined });
	assert.deepEqual(gone, flow);
	assert.throws(() => apply(flow, { type: "set_payload_schema", payload_schema: [] }));
});

test("the fields of the schema are variables to choose from, with their labels and types", () => {
	const asked = {
		type: "object",
		properties: {
			customer: { type: "string", title: "Customer" },
			day: { type: "string", format: "date" },
			kind: { enum: ["new", "move"], default: "new" },
			address: { type: "object", properties: { city: { type: "string" } } },
			odd: true,
		},
	};
	assert.deepEqual(payloadItems(asked)[0], { path: "variables.customer", label: "Customer", type: "Data" });
	const flow = { ...blankFlow(), variables: { day: "2026-01-01" }, payload_schema: asked };
	const found = variablesAt(flow, "@trigger").find((group) => group.roots.includes("variables"));
	const told = Object.fromEntries(found.items.map((one) => [one.path, one.type]));
	assert.deepEqual(told, {
		"variables.day": "Data",
		"variables.customer": "Data",
		"variables.kind": "Select",
		"variables.address": "JSON",
		"variables.odd": null,
	});
	assert.equal(
		found.items.find(({ path }) => path === "variables.address").children[0].path,
		"variables.address.city",
	);
	assert.deepEqual(payloadItems({ properties: [] }), []);
});
