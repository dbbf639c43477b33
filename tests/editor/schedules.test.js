import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
	changeForm,
	FORMS,
	readCron,
	writeCron,
} from "../../flow_engine/public/js/flow_engine_editor/schedules/cron.js";
import {
	blankSchedule,
	draftOf,
	scheduleValues,
	shownProblems,
} from "../../flow_engine/public/js/flow_engine_editor/schedules/draft.js";
import {
	filterInput,
	filterValue,
	startValue,
} from "../../flow_engine/public/js/flow_engine_editor/schedules/filters.js";
import {
	changeWords,
	cronWords,
	momentWords,
	wallWords,
} from "../../flow_engine/public/js/flow_engine_editor/schedules/words.js";
import {
	changeAt,
	clockChanges,
	offsetAt,
} from "../../flow_engine/public/js/flow_engine_editor/schedules/zones.js";

const t = (text, values = []) => text.replace(/\{(\d)\}/g, (_, at) => values[at]);
const at = (iso) => new Date(iso).getTime();

test("a cron line that people could have said is one of their forms", () => {
	const rows = [
		["0 9 * * *", { form: "day", time: "09:00" }],
		["@daily", { form: "day", time: "00:00" }],
		["30 8 * * 1-5", { form: "weekdays", time: "08:30" }],
		["30 8 * * MON-FRI", { form: "weekdays", time: "08:30" }],
		["0 7 * * 1,4", { form: "week", days: [1, 4], time: "07:00" }],
		["0 7 * * 7", { form: "week", days: [0], time: "07:00" }],
		["0 7 * * fri-mon", { form: "week", days: [0, 1, 5, 6], time: "07:00" }],
		["0 7 * * 0-6", { form: "day", time: "07:00" }],
		["0 7 * * 0-7", { form: "day", time: "07:00" }],
		["0 7 * * 6-7", { form: "week", days: [0, 6], time: "07:00" }],
		["15 6 31 * *", { form: "month", day: 31, time: "06:15" }],
		["15 6 L * *", { form: "month", day: "L", time: "06:15" }],
		["0 0 29 feb *", { form: "year", month: 2, day: 29, time: "00:00" }],
		["*/15 * * * *", { form: "minutes", every: 15 }],
		["* * * * *", { form: "minutes", every: 1 }],
		["5 */3 * * *", { form: "hours", every: 3, minute: 5 }],
		["@hourly", { form: "hours", every: 1, minute: 0 }],
	];
	for (const [line, form] of rows) assert.deepEqual(readCron(line), form, line);
});

test("what no form can say stays a cron line, whatever it is", () => {
	const lines = [
		"0 9 1 * 1",
		"0 9,17 * * *",
		"0 9 * * 5#2",
		"61 9 * * *",
		"*/0 * * * *",
		"0 9 * *",
		"",
		"x",
	];
	for (const line of lines) assert.deepEqual(readCron(line), { form: "raw", text: line }, line);
});

const times = fc
	.tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
	.map((pair) => pair.map((number) => String(number).padStart(2, "0")).join(":"));
const days = fc.oneof(fc.integer({ min: 1, max: 31 }), fc.constant("L"));
// All days of the week are every day, and Monday to Friday has a form of its own.
const weeks = fc
	.uniqueArray(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 6 })
	.map((list) => list.sort((a, b) => a - b))
	.filter((list) => list.join() !== "1,2,3,4,5");
const forms = fc.oneof(
	fc.record({ form: fc.constantFrom("day", "weekdays"), time: times }),
	fc.record({ form: fc.constant("week"), days: weeks, time: times }),
	fc.record({ form: fc.constant("month"), day: days, time: times }),
	fc.record({
		form: fc.constant("year"),
		month: fc.integer({ min: 1, max: 12 }),
		day: fc.integer({ min: 1, max: 31 }),
		time: times,
	}),
	fc.record({
		form: fc.constant("hours"),
		every: fc.integer({ min: 1, max: 23 }),
		minute: fc.integer({ min: 0, max: 59 }),
	}),
	fc.record({ form: fc.constant("minutes"), every: fc.integer({ min: 1, max: 59 }) }),
);

test("every form is read back from its own line, and becomes any other form", () => {
	fc.assert(
		fc.property(forms, fc.constantFrom(...FORMS), (form, other) => {
			assert.deepEqual(readCron(writeCron(form)), { ...form });
			const changed = changeForm(form, other);
			assert.equal(changed.form, other);
			if (other !== "raw") assert.equal(readCron(writeCron(changed)).form, other);
		}),
	);
});

test("any text is read without an error and written as it was", () => {
	fc.assert(
		fc.property(fc.string(), (line) => {
			const parts = readCron(line);
			if (parts.form === "raw") assert.equal(writeCron(parts), line.trim());
			cronWords(line, "en", t);
		}),
	);
});

test("a timing is a sentence in the reader's language", () => {
	assert.equal(cronWords("0 9 * * 1-5", "en-GB", t), "Monday to Friday at 09:00");
	assert.equal(cronWords("0 9 * * 1,4", "en-GB", t), "every Monday and Thursday at 09:00");
	assert.equal(cronWords("0 9 * * 1,4", "fr", t), "every lundi et jeudi at 09:00");
	assert.equal(cronWords("5 0 L * *", "en-GB", t), "on the last day of each month at 00:05");
	assert.equal(cronWords("0 9 * * 5#2", "en", t), "by the cron line 0 9 * * 5#2");
	assert.equal(
		momentWords("2026-11-23T08:00:00+00:00", "Europe/Paris", "fr"),
		"lundi 23 novembre 2026 à 09:00",
	);
	// A time of the wall is the same wherever it is read.
	assert.match(wallWords("2027-01-31T09:00", "en-GB"), /Sunday.? 31 January 2027 at 09:00/);
});

test("a zone's clocks change when they do", () => {
	const year = at("2027-01-01T00:00:00Z");
	const found = (zone) =>
		clockChanges(zone, year).map((one) => [new Date(one.at).toISOString(), one.after]);
	assert.deepEqual(found("Europe/Paris"), [
		["2027-03-28T01:00:00.000Z", 120],
		["2027-10-31T01:00:00.000Z", 60],
	]);
	assert.deepEqual(found("America/Toronto"), [
		["2027-03-14T07:00:00.000Z", -240],
		["2027-11-07T06:00:00.000Z", -300],
	]);
	assert.deepEqual(found("Australia/Sydney"), [
		["2027-04-03T16:00:00.000Z", 600],
		["2027-10-02T16:00:00.000Z", 660],
	]);
	assert.deepEqual(found("Asia/Kolkata"), []);
	assert.equal(offsetAt(year, "Asia/Kolkata"), 330);
	// Half an hour is put forward there.
	assert.deepEqual(changeAt("02:10", "Australia/Lord_Howe", year), {
		kind: "gap",
		at: at("2027-10-02T15:30:00Z"),
		resumes: "02:30",
	});
});

test("a change of clocks is told where it concerns a schedule, and only there", () => {
	const said = (line, zone, policies = {}) =>
		changeWords(line, zone, policies, { language: "en-GB", now: at("2027-01-01T00:00:00Z"), t });
	assert.match(said("30 2 * * *", "Europe/Paris"), /28 March 2027 clocks go forward.*fires at 03:00/);
	assert.match(said("30 2 * * *", "Europe/Paris", { gap: "skip" }), /does not fire then/);
	assert.match(said("30 1 * * *", "America/Toronto"), /7 November 2027.*twice.*the first time/);
	assert.match(said("30 1 * * *", "America/Toronto", { fold: "both" }), /both times/);
	assert.equal(said("0 9 * * *", "Europe/Paris"), "");
	assert.equal(said("30 2 * * 1-5", "Europe/Paris"), "", "they change on a Sunday");
	assert.equal(said("30 2 * * 0", "Asia/Kolkata"), "");
	assert.match(said("30 2 28 * *", "Europe/Paris"), /28 March/);
	assert.match(said("30 2 L * *", "Europe/Paris"), /31 October.*twice/);
	assert.equal(said("30 2 * * *", "Europe/Paris", { days: "skip" }), "", "a Sunday is a day off");
	assert.equal(said("30 2 * * *", "Nowhere/Nothing"), "");
});

test("only the timing that counts is sent, and nothing of a fan-out that is not there", () => {
	const draft = { ...blankSchedule({ flow_template: "FT-1" }, "Europe/Paris"), run_at: "2027-01-01T09:00" };
	const often = scheduleValues(draft);
	assert.equal(often.cron, "0 9 * * *");
	assert.ok(!("run_at" in often) && !("fan_out_condition" in often));
	const once = scheduleValues({ ...draft, schedule_type: "once", fan_out_doctype: "Issue" });
	assert.equal(once.run_at, "2027-01-01T09:00");
	assert.ok(!("cron" in once));
	assert.equal(once.fan_out_limit, 1000);
});

test("a stored schedule comes back as it was", () => {
	const stored = {
		...blankSchedule({ schedule_name: "Mondays", flow_template: "FT-1" }, "Asia/Kolkata"),
		name: "FS-1",
		run_at: null,
		payload: { region: "north" },
		jitter_minutes: 5,
		fan_out_filters: [["status", "=", "Open"]],
		fan_out_doctype: "Issue",
	};
	const values = scheduleValues(draftOf(stored, "UTC"));
	for (const key of ["schedule_name", "timezone", "payload", "jitter_minutes", "fan_out_filters", "cron"])
		assert.deepEqual(values[key], stored[key], key);
});

test("nobody is blamed for what they have not come to yet", () => {
	const problems = [
		{ path: "schedule_name", code: "missing_field", message: "A name." },
		{ path: "cron", code: "bad_cron", message: "No." },
		{ path: "payload.region", code: "required", message: "Region." },
	];
	const draft = { ...blankSchedule({}, "UTC"), cron: "x" };
	const paths = (tried) => shownProblems(problems, draft, tried).map((one) => one.path);
	assert.deepEqual(paths(false), ["cron", "payload.region"]);
	assert.deepEqual(paths(true), ["schedule_name", "cron", "payload.region"]);
});

test("a filter's value is entered as its field is, and stored as the server takes it", () => {
	const status = { name: "status", type: "Select", options: ["Open", "Closed"] };
	const rows = [
		[status, "=", "Closed", "Closed"],
		[status, "in", "Open, ,Closed ", ["Open", "Closed"]],
		[status, "is", "not set", "not set"],
		[{ name: "due", type: "Date" }, "<", "2027-01-31", "2027-01-31"],
		[{ name: "at", type: "Datetime" }, ">=", "2027-01-31T09:00", "2027-01-31 09:00"],
		[{ name: "total", type: "Currency" }, ">", "12.5", 12.5],
		[{ name: "paid", type: "Check" }, "=", "1", 1],
		[{ name: "title", type: "Data" }, "like", "Tea%", "Tea%"],
		[undefined, "=", "x", "x"],
	];
	for (const [field, operator, text, kept] of rows) {
		const input = filterInput(field, operator);
		assert.deepEqual(filterValue(input, text), kept, `${field?.name} ${operator}`);
		const begins = startValue(input);
		assert.equal(Array.isArray(begins), Array.isArray(kept));
		assert.equal(typeof begins, typeof kept);
	}
	assert.equal(startValue(filterInput(status, "=")), "Open");
});
