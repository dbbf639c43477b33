// Service levels in words.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
	durationWords,
	slaSentences,
	withinWords,
} from "../../flow_engine/public/js/flow_engine_editor/model/index.js";

test("durations are said in words, and what is none as it is written", () => {
	for (const [text, words] of [
		["3d", "3 days"],
		["1d", "1 day"],
		["1w 2d", "1 week 2 days"],
		["4h30m", "4 hours 30 minutes"],
		["2D", "2 days"],
		["soon", "soon"],
		["3y", "3y"],
		["", ""],
		[undefined, ""],
		[3, "3"],
	]) {
		assert.equal(durationWords(text), words);
	}
});

test("what a step promises stands on its card in a few words", () => {
	assert.equal(withinWords({ warn: "1d", breach: "3d" }), "within 3 days");
	assert.equal(withinWords({ breach: "8h", calendar: "business" }), "within 8 hours of working time");
	assert.equal(withinWords(undefined), "");
	assert.equal(withinWords({ escalate: { user: "x" } }), "");
});

test("what it comes to is said as sentences", () => {
	assert.deepEqual(slaSentences({ warn: "2d", breach: "3d", escalate: { role: "Support" } }), [
		"A warning after 2 days.",
		"Late after 3 days.",
		"Then Support is asked instead.",
	]);
	assert.deepEqual(slaSentences({ breach: "3d", escalate: { user: "ann", keep: true } }), [
		"Late after 3 days.",
		"Then ann is asked too.",
	]);
});
