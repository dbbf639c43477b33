import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
	conditionOf,
	conditionParts,
	withCondition,
} from "../../flow_engine/public/js/flow_engine_editor/panel/condition_parts.js";
import {
	clockOf,
	dayOffset,
	hoursOf,
} from "../../flow_engine/public/js/flow_engine_editor/panel/date_offsets.js";
import {
	fromRows,
	fromText,
	jsonText,
	readJson,
} from "../../flow_engine/public/js/flow_engine_editor/panel/json_rows.js";
import { matching, opened } from "../../flow_engine/public/js/flow_engine_editor/panel/picker_rows.js";
import {
	piecesOf,
	replaced,
	typedAt,
} from "../../flow_engine/public/js/flow_engine_editor/panel/placeholders.js";
import {
	delays,
	effectOf,
	retrySentence,
} from "../../flow_engine/public/js/flow_engine_editor/panel/retry_words.js";
import { catalog } from "./catalog.js";

const t = (text, args = []) => text.replace(/\{(\d)\}/g, (_, at) => String(args[at]));

test("the pieces of a text are the text, and only well-formed paths are paths", () => {
	fc.assert(
		fc.property(
			fc.array(fc.constantFrom("{{", "}}", "doc.a", "|date", " ", "\n", "x", "__b", ".")),
			(parts) => {
				const text = parts.join("");
				const pieces = piecesOf(text);
				assert.equal(pieces.map((piece) => piece.text).join(""), text);
				for (const { path } of pieces) assert.ok(!path || !/[\s{}]|(^|\.)__|\.\.|^\.|\.$/.test(path));
			},
		),
	);
});

test("a value chosen at the cursor always becomes one placeholder and leaves the rest as it was", () => {
	const around = fc.constantFrom("", "Hello ", "a\nb", "{{doc.x}} ", "}} ");
	fc.assert(
		fc.property(
			around,
			fc.constantFrom("", "do", "doc.sta"),
			fc.constantFrom("", "}}", "tus}}"),
			around,
			(...parts) => {
				const [before, query, rest, after] = parts;
				const text = `${before}{{${query}${rest}${after}`;
				const typed = typedAt(text, before.length + 2 + query.length);
				assert.equal(typed.part, "path");
				assert.equal(typed.query, query);
				const made = replaced(text, typed.from, typed.to, "{{doc.status}}");
				assert.ok(made.text.startsWith(`${before}{{doc.status}}`));
				assert.ok(made.text.endsWith(after));
				assert.equal(made.caret, before.length + "{{doc.status}}".length);
			},
		),
	);
});

test("outside a placeholder nothing is being typed, and behind a bar it is a filter", () => {
	assert.equal(typedAt("{{doc.a}} and", 13), null);
	assert.equal(typedAt("{ {", 3), null);
	assert.deepEqual(typedAt("{{doc.a|da}}", 10), {
		part: "filter",
		query: "da",
		from: 8,
		to: 10,
		closed: true,
	});
	assert.equal(typedAt("{{doc.a|add_days:3}}", 18), null);
});

test("rows, text and data of a JSON field say the same", () => {
	const object = fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true });
	fc.assert(
		fc.property(object, (drawn) => {
			const data = JSON.parse(JSON.stringify(drawn));
			for (const stored of [data, JSON.stringify(data)]) {
				const read = readJson(stored);
				if (!Object.keys(data).length && read.kind === "empty") continue;
				assert.equal(read.kind, "rows");
				assert.deepEqual(fromRows(read.rows), data);
			}
			assert.deepEqual(fromText(jsonText(data)), data);
		}),
	);
	assert.equal(readJson("[1]").reason, "list");
	assert.equal(readJson("{").reason, "broken");
	assert.equal(fromText('{"a": '), '{"a": ');
	assert.equal(fromText('"text"'), '"text"');
});

test("the parts of a condition go into its payload and out again; other fields stay", () => {
	const names = conditionParts(catalog.kinds.find((kind) => kind.name === "condition").fields);
	assert.deepEqual([...names].sort(), ["all", "any", "field", "logic", "not", "op", "value"]);
	assert.deepEqual(conditionParts(catalog.kinds.find((kind) => kind.name === "agent_decide").fields), []);
	const payload = { field: "doc.a", op: "==", value: 1, other: 2 };
	assert.deepEqual(conditionOf(payload, names), { field: "doc.a", op: "==", value: 1 });
	assert.deepEqual(withCondition(payload, names, { all: [] }), { other: 2, all: [] });
	assert.deepEqual(withCondition(payload, names, { "==": [1, 1] }), { other: 2, logic: { "==": [1, 1] } });
	assert.deepEqual(withCondition(payload, names, ""), { other: 2 });
});

test("a time of day is an offset in hours and the same time again", () => {
	for (let minute = 0; minute < 24 * 60; minute += 1) {
		const clock = `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
		assert.equal(clockOf(hoursOf(clock)), minute ? clock : "");
	}
	for (const [value, clock] of [
		[9, "09:00"],
		["9.5", "09:30"],
		[-1, null],
		[24, null],
		["{{doc.h}}", null],
	]) {
		assert.equal(clockOf(value), clock);
	}
	for (const [value, days] of [
		[-2, -2],
		["3", 3],
		[undefined, 0],
		[1.5, null],
		["{{x}}", null],
	]) {
		assert.equal(dayOffset(value), days);
	}
});

test("what a retry policy means is said, and whose it is depends on what the step changes", () => {
	const { external, database } = catalog.limits.retry;
	assert.deepEqual(delays(external), [30, 60, 120, 240]);
	assert.match(
		retrySentence({ ...external, jitter: false }, t),
		/^Tries 5 times: again after 30 s, 1 min, 2 min, 4 min\.$/,
	);
	assert.equal(retrySentence(database, t), "Tries once.");
	assert.equal(delays({ ...external, max_attempts: 20 }).at(-1), 3600);
	const notify = catalog.kinds.find((kind) => kind.name === "notify");
	assert.equal(effectOf(notify, { channel: "sms" }), "external");
	assert.equal(effectOf(notify, {}), "database");
});

test("of many values the useful stand first, and a search finds by label, path and group", () => {
	const item = (path, label, children) => ({ path, label, type: "Data", children });
	const fields = ["name", "owner", "status", "start_date"].map((name) =>
		item(`doc.${name}`, name.replace("_", " ")),
	);
	const items = item("doc.items", "Items", [item("doc.items.0.qty", "Quantity")]);
	const steps = Array.from({ length: 40 }, (_, at) => ({
		label: `Step ${at}`,
		roots: [`steps.s${at}`],
		items: [item(`steps.s${at}.result.name`, "Name of the document")],
	}));
	const groups = [{ label: "Contract", roots: ["doc"], items: [...fields, items] }, ...steps];
	const rows = matching(groups, "", new Set());
	assert.deepEqual(
		rows.slice(0, 5).map((row) => row.label),
		["status", "start date", "Items", "name", "owner"],
	);
	assert.equal(rows.length, 5 + 6 + 1);
	assert.equal(rows.at(-1).count, 34);
	assert.equal(matching(groups, "", new Set(["steps"])).length, 5 + 40);
	for (const [typed, path] of [
		["START", "doc.start_date"],
		["doc.sta", "doc.status"],
		["contract status", "doc.status"],
		["quant", "doc.items.0.qty"],
		["step 39", "steps.s39.result.name"],
	]) {
		assert.equal(matching(groups, typed, new Set())[0].item.path, path, typed);
	}
	assert.deepEqual(matching(groups, "nowhere", new Set()), []);
	const lazy = {
		...item("doc.party", "Party"),
		lazy: true,
		get children() {
			return [item("doc.party.email", "Email")];
		},
	};
	const linked = [{ label: "Contract", roots: ["doc"], items: [lazy] }];
	assert.deepEqual(matching(linked, "email", new Set()), []);
	assert.equal(matching(linked, "doc.party.em", new Set())[0].item.path, "doc.party.email");
	assert.equal(
		matching([{ ...linked[0], items: [{ ...lazy, lazy: false }] }], "email", new Set()).length,
		1,
	);
	assert.deepEqual(
		opened(items, "qty").map((row) => row.label),
		["Quantity"],
	);
});
