import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
	beyondForm,
	fits,
	payloadFields,
	problemsBeside,
	problemsOf,
	readText,
	shownText,
	withValue,
} from "../../flow_engine/public/js/flow_engine_editor/payload/fields.js";

const SCHEMA = {
	type: "object",
	properties: {
		customer_name: { type: "string", title: "Customer", description: "Who it is for" },
		note: { type: "string", maxLength: 2000 },
		amount: { type: "number" },
		floors: { type: "integer", default: 1 },
		urgent: { type: "boolean" },
		day: { type: "string", format: "date" },
		at: { type: ["string", "null"], format: "date-time" },
		kind: { enum: ["new", "move"] },
		mixed: { enum: ["new", 1] },
		tags: { type: "array", items: { type: "string" } },
		sizes: { type: "array", items: { $ref: "#/$defs/size" } },
		lines: { type: "array", items: { type: "object" } },
		size: { $ref: "#/$defs/size", title: "Size" },
		either: { anyOf: [{ type: "string" }, { type: "number" }] },
		any: {},
	},
	required: ["customer_name"],
	$defs: { size: { type: "number", title: "Of the definition" } },
};
const field = (name) => payloadFields(SCHEMA).find((one) => one.name === name);

test("each field has the widget that fits its type, and JSON where none does", () => {
	const widgets = Object.fromEntries(payloadFields(SCHEMA).map((one) => [one.name, one.widget]));
	assert.deepEqual(widgets, {
		customer_name: "text",
		note: "long",
		amount: "number",
		floors: "integer",
		urgent: "check",
		day: "date",
		at: "datetime",
		kind: "choice",
		mixed: "json",
		tags: "list",
		sizes: "list",
		lines: "json",
		size: "number",
		either: "json",
		any: "json",
	});
});

test("a field says what it is called, what it is for, and whether it must be given", () => {
	const { label, help, required } = field("customer_name");
	assert.deepEqual([label, help, required], ["Customer", "Who it is for", true]);
	assert.equal(field("size").label, "Size");
	assert.equal(field("floors").default, 1);
	assert.equal(payloadFields({ properties: { last_visit: {} } })[0].label, "Last visit");
});

test("a schema that cannot be read has no fields", () => {
	for (const schema of [null, undefined, {}, { properties: 3 }, [], "text"])
		assert.deepEqual(payloadFields(schema), []);
	assert.equal(payloadFields({ properties: { x: 3 } })[0].widget, "json");
	assert.equal(payloadFields({ properties: { x: { $ref: "#/nowhere" } } })[0].widget, "json");
	const circle = { properties: { x: { $ref: "#/properties/x" } } };
	assert.equal(payloadFields(circle)[0].widget, "json");
});

test("whatever a widget shows is read as the same value again", () => {
	const value = fc.oneof(
		fc.string(),
		fc.double({ noNaN: true, noDefaultInfinity: true }),
		fc.integer(),
		fc.boolean(),
		fc.constant(undefined),
		fc.constantFrom("2026-01-31", "2026-01-31T10:00", "new", "a\nb", " a"),
		fc.array(fc.oneof(fc.string(), fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }))),
		fc.jsonValue(),
	);
	const typed = payloadFields(SCHEMA).filter((one) => !["json", "check", "choice"].includes(one.widget));
	fc.assert(
		fc.property(fc.constantFrom(...typed), value, (one, given) => {
			if (Object.is(given, -0) || JSON.stringify(given)?.includes("-0")) return;
			if (Array.isArray(given) && given.length === 0) return;
			if (fits(one, given)) assert.deepEqual(readText(one, shownText(one, given)), given);
		}),
		{ numRuns: 3000 },
	);
});

test("a value that its widget cannot show as it is stays JSON", () => {
	assert.equal(fits(field("customer_name"), 3), false);
	assert.equal(fits(field("customer_name"), "two\nlines"), false);
	assert.equal(fits(field("kind"), "gone"), false);
	assert.equal(fits(field("at"), "2026-01-31T10:00:00Z"), false);
	assert.equal(fits(field("tags"), ["a", 1]), false);
	assert.equal(fits(field("tags"), ["a\nb"]), false);
	assert.equal(fits(field("amount"), "3"), false);
});

test("what is typed is read by the field's type, and what cannot be read is kept for the server to name", () => {
	assert.equal(readText(field("amount"), " 2.50 "), 2.5);
	assert.equal(readText(field("amount"), "two"), "two");
	assert.equal(readText(field("amount"), "0x10"), "0x10");
	assert.equal(readText(field("floors"), ""), undefined);
	assert.deepEqual(readText(field("tags"), "a\n\n b \n"), ["a", "b"]);
	assert.deepEqual(readText(field("sizes"), "1\ntwo"), [1, "two"]);
});

test("a value that is taken back is not there, and the rest of the payload stays", () => {
	const payload = { customer_name: "Ann", extra: { deep: [1] } };
	assert.deepEqual(withValue(payload, "customer_name", undefined), { extra: { deep: [1] } });
	assert.deepEqual(payload, { customer_name: "Ann", extra: { deep: [1] } });
	assert.deepEqual(beyondForm(payloadFields(SCHEMA), payload), ["extra"]);
});

test("a problem stands beside the field that its path names, or above them all", () => {
	const problems = [
		{ path: "lines[2].price", code: "bad_value", message: "…" },
		{ path: "customer_name", code: "missing_field", message: "…" },
		{ path: "customer", code: "unknown_key", message: "…" },
		{ path: "", code: "too_large", message: "…" },
	];
	assert.deepEqual(
		problemsOf(problems, "lines").map(({ rest }) => rest),
		["[2].price"],
	);
	assert.deepEqual(
		problemsBeside(problems, payloadFields(SCHEMA)).map(({ path }) => path),
		["customer", ""],
	);
});
