import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import {
	conditionText,
	fill,
	MESSAGES,
	stepSummary,
	triggerCondition,
	triggerSentence,
	whenSentence,
} from "../../flow_engine/public/js/flow_engine_editor/model/index.js";
import { optionWord } from "../../flow_engine/public/js/flow_engine_editor/model/option_words.js";
import { catalog } from "./catalog.js";
import { after, flow, step } from "./sketch.js";

const fields = [
	{ name: "contract_value", label: "Contract value", type: "Currency" },
	{ name: "status", label: "Status", type: "Select" },
];
const start = after("a b[a] d[a,b]", { type: "rename", id: "a", label: "Fibre installation" });
const context = { flow: start, catalog, fields, fieldsOf: () => null, t: fill };

test("a date that starts a flow is a sentence", () => {
	const dates = [...fields, { name: "end_date", label: "End date", type: "Date" }];
	const of = { event: "date", doctype: "Contract", field: "end_date" };
	const rows = [
		[{ time: "09:00" }, "On End date of a Contract at 09:00"],
		[{ offset_days: -2, time: "09:00" }, "2 days before End date of a Contract at 09:00"],
		[{ offset_days: 1 }, "1 day after End date of a Contract"],
		[{ offset_hours: -4, time: "09:00" }, "4 hours before End date of a Contract at 09:00"],
		[{ offset_days: -1, offset_hours: -4 }, "1 day 4 hours before End date of a Contract"],
		[{ offset_days: -1, offset_hours: 4 }, "On End date of a Contract − 1 day + 4 hours"],
		[{ doctype: "Issue", field: "" }, "On … of an Issue"],
	];
	for (const [given, said] of rows)
		assert.equal(triggerSentence({ ...of, ...given }, { ...context, fields: dates }), said);
});

test("a trigger is a sentence", () => {
	const said = (trigger) => triggerSentence(trigger, context);
	assert.equal(said({ event: "on_contract_signed" }), "When a contract is signed");
	assert.equal(said({ event: "manual" }), "When somebody starts it");
	assert.equal(
		said({ event: "doc_event", doctype: "Contract", doc_event: "on_submit" }),
		"When a Contract is submitted",
	);
	const change = { event: "doc_event", doctype: "Contract", doc_event: "field_change", field: "status" };
	assert.equal(
		said({ ...change, from: "Active", to: ["Inactive", "Lost"] }),
		"When Status of a Contract changes from Active to Inactive or Lost",
	);
	assert.equal(said({ ...change, to: "Inactive" }), "When Status of a Contract becomes Inactive");
	assert.equal(said(change), "When Status of a Contract changes");
	const issue = { event: "doc_event", doctype: "Issue" };
	assert.equal(said({ ...issue, doc_event: "on_submit" }), "When an Issue is submitted");
	assert.equal(
		said({ ...issue, doc_event: "field_change", field: "status", to: "Open" }),
		"When Status of an Issue becomes Open",
	);
	for (const odd of [null, undefined, {}, { event: "gone" }, { event: "doc_event" }])
		assert.match(said(odd), /^When /);
});

test("a field of the document that a step made is said by the step and the field", () => {
	const made = after(start, { type: "edit", id: "a", changes: { kind: "dispatch_job" } });
	const condition = { field: "steps.a.document.job_state", op: "==", value: "Completed" };
	const said = (fieldsOf) => conditionText(condition, { ...context, flow: made, fieldsOf });
	const known = [{ name: "job_state", label: "Status", type: "Select" }];
	assert.equal(
		said((doctype) => (doctype === "Dispatch Job" ? { fields: known } : null)),
		"Fibre installation › Status is Completed",
	);
	assert.equal(
		said(() => null),
		"Fibre installation › Job state is Completed",
	);
});

test("a condition is a clause", () => {
	const condition = {
		all: [
			{ field: "doc.contract_value", op: ">", value: 5000 },
			{
				any: [
					{ field: "{{doc.status}}", op: "in", value: ["Open", "New"] },
					{ not: { field: "steps.a.result.name", op: "empty" } },
				],
			},
		],
	};
	assert.equal(
		conditionText(condition, context),
		`Contract value > ${(5000).toLocaleString()} and (Status is one of Open, New or not (Fibre installation › Name is empty))`,
	);
	assert.equal(triggerCondition({ condition }, context).slice(0, 17), "if Contract value");
	assert.equal(triggerCondition({ condition: "" }, context), "");
	for (const odd of [3, "x", { logic: 1 }, { all: [{ logic: 1 }] }, { field: null, op: {}, value: {} }]) {
		assert.ok(conditionText(odd, context));
	}
});

test("a payload is a line of what it says, placeholders by their labels", () => {
	const payload = {
		channel: "sms",
		to: "{{customer.mobile_no}}",
		body: "<p>Hello {{customer.customer_name}},</p>\n<b>{{doc.status|upper}}</b>",
	};
	assert.equal(
		stepSummary({ ...step(start, "b"), payload }, context),
		"SMS · Customer › Mobile no · Hello Customer name, Status",
	);
	const job = { id: "b", kind: "dispatch_job", payload: { subject: "Go", priority: "high" } };
	assert.match(stepSummary(job, context), /High/);
	const decides = { id: "b", kind: "condition", payload: { field: "doc.status", op: "==", value: "Open" } };
	assert.equal(stepSummary(decides, context), "Status is Open");
	for (const odd of [null, 3, { body: {} }, { body: [1, null] }, { field: {}, op: 3 }]) {
		for (const kind of ["notify", "condition", "webhook", "gone"])
			stepSummary({ id: "b", kind, payload: odd }, context);
	}
});

test("choices are words: names of the language as such, what somebody wrote as it is written", () => {
	const words = ["low", "not_in", "sms", "GET", "PO-Number", "a1", ""].map((one) =>
		optionWord(one, (x) => x),
	);
	assert.deepEqual(words, ["Low", "Not in", "SMS", "GET", "PO-Number", "a1", ""]);
	assert.equal(
		optionWord({ name: "x", label: "Ready" }, (x) => `<${x}>`),
		"<Ready>",
	);
});

test("hostile labels come through as the text they are, long ones cut", () => {
	const label = "<img src=x onerror=alert(1)> ‮ 🙂";
	const made = after(start, { type: "rename", id: "a", label });
	assert.equal(whenSentence(step(made, "b"), { ...context, flow: made }), `as soon as “${label}” is done`);
	const long = { ...step(start, "b"), payload: { subject: "x".repeat(10_000) } };
	assert.ok(stepSummary(long, context).length < 200);
});

test("when a step fires is said in words", () => {
	const said = (id, trigger) => whenSentence({ ...step(start, id), trigger }, context);
	const prev = { type: "on_prev_complete" };
	assert.equal(said("a", prev), "at once when the flow starts");
	assert.equal(said("b", prev), "as soon as “Fibre installation” is done");
	assert.equal(said("d", prev), "as soon as “Fibre installation” and “b” are done");
	assert.equal(said("b", { type: "after_delay", delay_days: 1, delay_hours: 3 }), "after 1 day 3 hours");
	assert.equal(
		said("b", { type: "on_date", at: "{{doc.start_date}}", offset_days: -2 }),
		"until Start date − 2 days",
	);
	assert.equal(
		said("b", { type: "manual", role: "Field lead", timeout_hours: 48 }),
		"waits for somebody of Field lead, 48 h at most",
	);
	assert.equal(said("b", { type: "on_webhook" }), "waits until it is called");
	const under = flow("K x<K.yes");
	assert.equal(whenSentence(step(under, "x"), { ...context, flow: under }), "right after “K”");
	for (const odd of [null, "x", { type: "gone" }, { type: "after_delay" }, { type: "on_date" }])
		assert.ok(said("b", odd));
});

test("every sentence goes through the translation", () => {
	const t = (text, args) => `[${fill(text, args)}]`;
	const foreign = { ...context, t };
	assert.match(triggerSentence({ event: "on_contract_signed" }, foreign), /^\[/);
	assert.match(whenSentence(step(start, "b"), foreign), /^\[/);
	assert.match(conditionText({ not: { field: "doc.status", op: "empty" } }, foreign), /^\[/);
	for (const text of Object.values(MESSAGES)) assert.match(text, /[.]$/);
});

test("everything the model says has a French text", () => {
	const model = new URL("../../flow_engine/public/js/flow_engine_editor/model/", import.meta.url);
	const said = new Set(Object.values(MESSAGES));
	for (const name of readdirSync(model, { recursive: true }).filter((one) => one.endsWith(".js"))) {
		const source = readFileSync(new URL(name, model), "utf8");
		for (const [, text] of source.matchAll(/\bt\(\s*"([^"]*)"/g)) said.add(text);
	}
	const table = readFileSync(new URL("../../flow_engine/translations/fr.csv", import.meta.url), "utf8");
	assert.ok(said.size > 60);
	const told = (text) => table.includes(`\n${text},`) || table.includes(`\n"${text}",`);
	assert.deepEqual(
		[...said].filter((text) => !told(text)),
		[],
	);
});

test("the flows that ship are said without a hole", () => {
	const library = new URL("../../flow_engine/library/", import.meta.url);
	for (const name of readdirSync(library)) {
		const { definition } = JSON.parse(readFileSync(new URL(name, library), "utf8"));
		const whole = { ...context, flow: definition };
		const said = definition.steps.flatMap((one) => [stepSummary(one, whole), whenSentence(one, whole)]);
		for (const text of [...said, triggerSentence(definition.trigger, whole)]) {
			assert.ok(text && !/undefined|null|\{\{|\{\d\}|\[object/.test(text), `${name}: ${text}`);
		}
	}
});
