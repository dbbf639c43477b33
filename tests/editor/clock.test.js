import assert from "node:assert/strict";
import { test } from "node:test";
import { clockOf } from "../../flow_engine/public/js/flow_engine_editor/model/clock.js";
import { whenSentence } from "../../flow_engine/public/js/flow_engine_editor/model/index.js";
import { fill } from "../../flow_engine/public/js/flow_engine_editor/model/messages.js";
import { catalog } from "./catalog.js";
import { flow, step } from "./sketch.js";

const fields = [
	{ name: "start_date", label: "Start date", type: "Date" },
	{ name: "signed_on", label: "Signed on", type: "Datetime" },
];

function said(trigger) {
	const one = flow("a");
	const context = { flow: one, catalog, fields, fieldsOf: () => null, t: fill };
	return whenSentence({ ...step(one, "a"), trigger: { type: "on_date", ...trigger } }, context);
}

test("hours after the beginning of a day are said as a time of day", () => {
	const at = "{{doc.start_date}}";
	assert.equal(said({ at, offset_days: -2, offset_hours: 9 }), "until Start date − 2 days at 09:00");
	assert.equal(said({ at, offset_hours: 9.5 }), "until Start date at 09:30");
	assert.equal(said({ at: "2026-03-20", offset_hours: 9 }), "until 2026-03-20 at 09:00");
});

test("what is no time of day stays an amount", () => {
	const at = "{{doc.start_date}}";
	assert.equal(said({ at, offset_hours: -9 }), "until Start date − 9 hours");
	assert.equal(said({ at, offset_hours: 30 }), "until Start date + 30 hours");
	assert.equal(said({ at: "{{doc.signed_on}}", offset_hours: 9 }), "until Signed on + 9 hours");
	assert.match(said({ at, offset_hours: 9, offset_minutes: 5 }), /9 hours \+ 5 minutes$/);
	assert.equal(clockOf("{{variables.hours}}"), null);
});
