// What runs and test runs show, as pure functions: states at a moment, values as rows, what is asked for.
import assert from "node:assert/strict";
import { test } from "node:test";
import { runActions, actionsOf } from "../../flow_engine/public/js/flow_engine_editor/run/actions.js";
import { adviceOn } from "../../flow_engine/public/js/flow_engine_editor/run/advice.js";
import {
	bodyText,
	changedFields,
	messageTitle,
} from "../../flow_engine/public/js/flow_engine_editor/run/consequences.js";
import { inputNames, postedInput } from "../../flow_engine/public/js/flow_engine_editor/run/inputs.js";
import { fieldsRead } from "../../flow_engine/public/js/flow_engine_editor/run/sample.js";
import { clockWords } from "../../flow_engine/public/js/flow_engine_editor/run/service_levels.js";
import { isCounted, standingSteps } from "../../flow_engine/public/js/flow_engine_editor/run/standing.js";
import { overlaySteps } from "../../flow_engine/public/js/flow_engine_editor/run/states.js";
import { between, lengthWords, shortTime } from "../../flow_engine/public/js/flow_engine_editor/run/times.js";
import {
	askedAbout,
	planWords,
	undoesSomething,
	undoesWhenCancelled,
	undoneWord,
} from "../../flow_engine/public/js/flow_engine_editor/run/undoing.js";
import { valueRows } from "../../flow_engine/public/js/flow_engine_editor/run/value_rows.js";
import { momentsOf, statesAt } from "../../flow_engine/public/js/flow_engine_editor/run/virtual_time.js";

const t = (text, values = []) => text.replace(/\{(\d+)\}/g, (_, at) => values[at]);
const host = { t, language: "en", timeZone: "UTC", formatNumber: String };

const STEPS = {
	a: {
		status: "done",
		started_at: "2026-01-01T09:00:00Z",
		completed_at: "2026-01-01T09:00:00Z",
		attempts: 1,
	},
	b: { status: "done", trigger_at: "2026-01-03T09:00:00Z", result: { branch: "yes" }, attempts: 1 },
	c: { status: "skipped", reason: "not_taken" },
};
const TIMELINE = [
	{ at: "2026-01-01T09:00:00Z", step: "a", status: "done" },
	{ at: "2026-01-01T09:00:00Z", step: "b", status: "scheduled" },
	{ at: "2026-01-03T09:00:00Z", step: "b", status: "done" },
	{ at: "2026-01-03T09:00:00Z", step: "c", status: "skipped" },
];

test("the states at a moment know nothing of what comes later", () => {
	const then = (place) => statesAt(STEPS, TIMELINE, place).map((step) => step.status);
	assert.deepEqual(then(0), ["pending", "pending", "pending"]);
	assert.deepEqual(then(2), ["done", "scheduled", "pending"]);
	assert.deepEqual(then(4), ["done", "done", "skipped"]);
	const [, waiting] = statesAt(STEPS, TIMELINE, 2);
	assert.equal(waiting.result, undefined);
	assert.equal(waiting.trigger_at, STEPS.b.trigger_at);
});

test("moments hold what happens at once and say how long nothing did", () => {
	const moments = momentsOf(TIMELINE);
	assert.deepEqual(
		moments.map(({ gap, entries }) => [gap, entries.map((entry) => entry.place)]),
		[
			[null, [1, 2]],
			[2 * 86_400_000, [3, 4]],
		],
	);
});

test("a length of time is told in its two largest units", () => {
	const rows = [
		[0, "0 s"],
		[240, "0.2 s"],
		[12_400, "12 s"],
		[3 * 60_000, "3 min"],
		[5 * 3_600_000, "5 h"],
		[5 * 3_600_000 + 600_000, "5 h 10 min"],
		[49 * 3_600_000, "2 d 1 h"],
		[null, ""],
	];
	for (const [length, words] of rows) assert.equal(lengthWords(length, t), words);
	assert.equal(between("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z"), null);
});

test("a card's overlay says the branch only once it is taken", () => {
	const steps = [
		{ id: "a", status: "done", result: { branch: "no" } },
		{ id: "b", status: "failed", handled: "timeout" },
		{ id: "c", status: "waiting" },
		{ id: "d", status: "failed" },
		{ id: "e", status: "failed", handled: "continue" },
	];
	const shown = overlaySteps(steps, host, (branch) => branch);
	assert.deepEqual(
		Object.values(shown).map((one) => one.branch),
		["no", "timeout", undefined, undefined, null],
	);
	assert.deepEqual(
		Object.values(shown).map((one) => one.tone),
		["done", "failed", "waiting", "failed", "failed"],
	);
	assert.equal(shown.a.text, "no");
});

test("the names a waiting step is asked for are those the flow reads of its input", () => {
	const flow = {
		steps: [
			{ id: "ask", payload: { note: "{{input.by}}" }, trigger: { type: "manual" } },
			{ id: "tell", payload: { subject: "{{steps.ask.result.input.when}} {{steps.ask.input.by}}" } },
			{ id: "other", payload: { subject: "{{steps.asked.input.nothing}} {{input.own}}" } },
		],
	};
	assert.deepEqual(inputNames(flow, "ask").sort(), ["by", "when"]);
	assert.deepEqual(inputNames(flow, "tell"), []);
	assert.deepEqual(
		postedInput([
			{ name: " by ", value: "Ann" },
			{ name: "", value: "x" },
			{ name: "y", value: "" },
		]),
		{
			by: "Ann",
		},
	);
	assert.equal(postedInput([]), null);
});

test("sample values are asked for by the fields that are read, as their DocType knows them", () => {
	const flow = {
		trigger: { condition: { field: "doc.status", op: "==", value: "Open" } },
		steps: [{ payload: { to: "{{doc.email|lower}} {{doc.name}} {{document.no}}" } }],
	};
	const fields = [{ name: "status", label: "Status", type: "Select", options: ["Open"] }];
	assert.deepEqual(fieldsRead(flow, fields), [fields[0], { name: "email", label: "email", type: "Data" }]);
});

test("values are rows of text, however deep and hostile they are", () => {
	const rows = valueRows(
		{
			input: { by: "<b>Ann</b>", ok: true },
			made: { doctype: "Issue", name: "I-1" },
			list: [1, 2],
			none: null,
		},
		t,
		{ list: "Numbers" },
	);
	assert.deepEqual(
		rows.map((row) => [row.label, row.text]),
		[
			["Input › By", "<b>Ann</b>"],
			["Input › Ok", "yes"],
			["Made", "Issue I-1"],
			["Numbers", "1, 2"],
			["None", "empty"],
		],
	);
	assert.deepEqual(rows[2].link, { doctype: "Issue", name: "I-1" });
	let deep = "end";
	for (let level = 0; level < 5_000; level++) deep = { deep };
	assert.equal(valueRows(deep, t).length, 1);
	assert.ok(
		valueRows(
			Array.from({ length: 5_000 }, () => ({ a: 1 })),
			t,
		).length <= 200,
	);
});

test("a changed document shows what differs, a new one what it holds", () => {
	const before = { status: "Open", note: "", total: 5, modified: "yesterday" };
	const values = {
		doctype: "Issue",
		name: "I-1",
		status: "Closed",
		note: null,
		total: 5,
		modified: "today",
	};
	assert.deepEqual(changedFields({ change: "updated", values }, before, { status: "State" }, t), [
		{ name: "status", label: "State", before: "Open", after: "Closed" },
	]);
	const made = changedFields({ change: "created", values }, undefined, {}, t);
	assert.deepEqual(
		made.map((field) => [field.label, field.before, field.after]),
		[
			["Status", null, "Closed"],
			["Total", null, "5"],
		],
	);
	const job = { change: "created", values: { subject: "Go", flow_run: "FR-1", flow_step: "s1" } };
	assert.deepEqual(
		changedFields(job, undefined, {}, t, (id) => ({ s1: "Send somebody" })[id]).map(({ after }) => after),
		["Go", "Send somebody"],
	);
	assert.equal(bodyText({ channel: "sms", body: "<b>as it is</b>" }), "<b>as it is</b>");
});

test("every failure is told with a way out, and only allowed actions are offered", () => {
	for (const code of ["outcome_unknown", "timed_out", "something_new", undefined]) {
		const { happened, remedy } = adviceOn(code && { code }, t);
		assert.ok(happened && remedy);
	}
	assert.deepEqual(runActions({ allowed: [], steps: [{ allowed: ["complete"] }] }), []);
	assert.deepEqual(runActions({ allowed: ["cancel", "replay"], steps: [{ allowed: ["retry"] }] }), [
		"retry_run",
		"replay_run",
		"cancel",
	]);
	assert.deepEqual(runActions({ allowed: ["cancel", "replay", "compensate"], steps: [] }), [
		"replay_run",
		"compensate",
		"cancel",
	]);
	const forGood = /cannot be undone|, ever\.|cannot go on/;
	for (const [name, action] of Object.entries(actionsOf(t))) {
		const final = ["complete", "skip", "mark_done", "cancel", "compensate"].includes(name);
		assert.equal(forGood.test(action.message), final, name);
		if (final && name !== "complete") assert.equal(action.reason, "required", name);
	}
});

test("where runs stand: the gravest number is the badge", () => {
	const shown = standingSteps({ a: { waiting: 2, scheduled: 10, failed: 1, running: 0 }, b: {} }, host);
	assert.equal(shown.a.text, "1 failed");
	assert.deepEqual(shown.a.chips, [{ key: "waiting", text: "12 wait here", tone: "waiting" }]);
	assert.equal(shown.b, undefined);
});

test("what is overdue at a step comes before what only waits there", () => {
	const { a } = standingSteps({ a: { waiting: 5, overdue: 2, at_risk: 1 } }, host);
	assert.deepEqual([a.text, a.tone], ["2 overdue", "failed"]);
	assert.deepEqual(
		a.chips.map(({ text }) => text),
		["1 soon overdue", "5 wait here"],
	);
	const run = { status: "scheduled", standing: "at_risk" };
	assert.deepEqual(
		["waiting", "at_risk", "overdue", "failed"].map((key) => isCounted(run, key)),
		[true, true, false, false],
	);
});

test("a clock is told by what it will be or has become", () => {
	const at = "2026-03-21T09:00:00+00:00";
	const said = (standing, open, more = {}) => {
		const text = clockWords({ breach_at: at, standing, open, ...more }, host)?.text;
		return text?.replace(shortTime(at, host), "…");
	};
	assert.equal(said("on_time", true), "due …");
	assert.equal(said("at_risk", true), "due …");
	assert.equal(said("overdue", true), "overdue since …");
	assert.equal(said("missed", false), "was late");
	assert.equal(said("on_time", false), undefined);
	assert.equal(said("at_risk", true, { breach_at: null }), "takes long");
	assert.equal(clockWords(null, host), null);
	const chips = overlaySteps(
		[{ id: "a", status: "waiting", sla: { standing: "overdue", breach_at: at } }],
		host,
	);
	assert.equal(chips.a.chips[0].tone, "failed");
});

test("a message that went out is said to be sent, not named by its place in a queue", () => {
	const mail = { channel: "email", to: "ann@example.com", doctype: "Message", name: "7" };
	const made = { doctype: "Issue", name: "ISS-1" };
	const shown = overlaySteps(
		[
			{ id: "mail", status: "done", result: mail },
			{ id: "issue", status: "done", result: made },
		],
		host,
	);
	assert.equal(shown.mail.text, "Sent");
	assert.equal(shown.issue.text, "ISS-1");
});

test("a plan of what is undone is told step by step, and what becomes of it", () => {
	const unknown = {
		id: "call",
		how: "unknown",
		possible: "steps",
		steps: [{ id: "u", label: "Call off" }],
	};
	const lost = { id: "sms", how: "unknown", possible: "nothing", steps: [], help: "Sent is sent." };
	const kind = { id: "job", how: "kind", steps: [], help: "Cancels the job." };
	const plan = { compensate: "both", steps: [unknown, lost, kind] };
	assert.ok(undoesSomething(plan) && undoesWhenCancelled(plan));
	assert.ok(!undoesSomething({ steps: [unknown, lost] }));
	assert.ok(!undoesWhenCancelled({ compensate: "on_failure" }));
	assert.deepEqual(askedAbout(plan), [unknown]);
	assert.match(planWords(unknown, t), /left alone/);
	assert.equal(planWords(unknown, t, true), "Undone by “Call off”.");
	assert.equal(planWords(kind, t), "Cancels the job.");
	for (const undone of ["all", "some", "nothing", "failed", "cancelled", "under_way", "pending"]) {
		assert.ok(undoneWord(undone, t), undone);
		const { job } = overlaySteps([{ id: "job", status: "done", attempts: 1, undone }], host);
		assert.equal(job.chips[0].text, undoneWord(undone, t));
	}
});

test("at a moment of a test run nothing is late before it was", () => {
	const steps = {
		ask: { status: "waiting", sla: { standing: "overdue", open: true, breach_at: "2026-03-18" } },
	};
	const timeline = [
		{ at: "2026-03-16", step: "ask", status: "waiting" },
		{ at: "2026-03-17", step: "ask", status: "waiting", sla: "at_risk" },
		{ at: "2026-03-18", step: "ask", status: "waiting", sla: "overdue" },
		{ at: "2026-03-23", step: null, status: "running", sla: "overdue" },
	];
	const standings = [1, 2, 3, 4].map((place) => statesAt(steps, timeline, place)[0].sla?.standing);
	assert.deepEqual(standings, [undefined, "at_risk", "overdue", "overdue"]);
});

test("a notice is told in words, other messages by what they say", () => {
	assert.equal(messageTitle({ channel: "notice", subject: "late" }, t), "It is late");
	assert.equal(messageTitle({ channel: "notice", subject: "other" }, t), "other");
	assert.equal(messageTitle({ channel: "email", subject: "late" }, t), "late");
	assert.equal(messageTitle({ channel: "sms", to: "+1" }, t), "+1");
});
