import assert from "node:assert/strict";
import { test } from "node:test";
import {
	changesBetween,
	countChanges,
	createHistory,
	placeAtEnd,
} from "../../flow_engine/public/js/flow_engine_editor/model/index.js";
import { catalog } from "./catalog.js";
import { after, flow, index } from "./sketch.js";

const typing = (label, merge) => ({ type: "rename", id: "a", label, merge });

test("what is typed into one field is undone as one, and each field by itself", () => {
	const start = flow("a b[a]");
	const history = createHistory(start);
	for (const label of ["H", "He", "Hel"]) history.apply(typing(label, "a.label"), catalog);
	history.apply({ type: "edit", id: "a", changes: { note: "N" }, merge: "a.note" }, catalog);
	history.apply(typing("Hello", "a.label"), catalog);
	assert.equal(history.undo().steps[0].label, "Hel");
	assert.equal(history.undo().steps[0].note, undefined);
	assert.equal(history.undo(), start);
	assert.equal(history.canUndo, false);
	assert.equal(history.undo(), start);
});

test("after a pause, an undo or a save typing is undone by itself", () => {
	const history = createHistory(flow("a"));
	history.apply(typing("1", "x"), catalog);
	history.seal();
	history.apply(typing("2", "x"), catalog);
	history.markSaved();
	history.apply(typing("3", "x"), catalog);
	assert.deepEqual(
		[history.undo(), history.undo(), history.undo()].map((one) => one.steps[0].label),
		["2", "1", "a"],
	);
});

test("a new edit ends what could be done again; one that changes nothing or is refused does not", () => {
	const history = createHistory(flow("a"));
	history.apply(typing("b"), catalog);
	history.undo();
	history.apply(typing("a"), catalog);
	assert.throws(() => history.apply({ type: "rename", id: "x", label: "" }, catalog), {
		code: "unknown_step",
	});
	assert.equal(history.canRedo, true);
	history.apply(typing("c"), catalog);
	assert.equal(history.canRedo, false);
	assert.equal(history.redo().steps[0].label, "c");
});

test("a flow is dirty while it differs from what was saved", () => {
	const history = createHistory(flow("a"));
	assert.deepEqual([history.dirty, history.changes], [false, 0]);
	history.apply(typing("b"), catalog);
	assert.deepEqual([history.dirty, history.changes], [true, 1]);
	const sent = history.present;
	history.apply(typing("c"), catalog);
	history.markSaved(sent);
	assert.deepEqual([history.dirty, history.changes], [true, 1]);
	history.undo();
	assert.equal(history.dirty, false);
	history.apply(typing("c"), catalog);
	history.apply(typing("b"), catalog);
	assert.equal(history.dirty, false, "the same in other objects is the same");
});

test("changes are counted by what people see: steps, the trigger, variables, the order", () => {
	const start = flow("a b[a] d[b]");
	const made = after(
		start,
		{ type: "rename", id: "a", label: "A" },
		{ type: "set_trigger", trigger: { event: "on_issue_opened" } },
		{ type: "set_variables", variables: { x: 1 } },
		(i) => ({ type: "add", kind: "issue", place: placeAtEnd(i) }),
		{ type: "delete", ids: ["d"] },
	);
	assert.deepEqual(
		changesBetween(start, made).map(({ what, change, name }) => `${what} ${change} ${name}`),
		["trigger changed null", "variable added x", "step changed a", "step deleted d", "step added issue"],
	);
	assert.equal(countChanges(start, { ...start, steps: [...start.steps].reverse() }), 1);
	assert.equal(countChanges(start, JSON.parse(JSON.stringify(start))), 0);
	assert.equal(index(start).ids.length, 3);
});
