// What a condition read, said by labels.
import assert from "node:assert/strict";
import { test } from "node:test";
import { indexFlow } from "../../flow_engine/public/js/flow_engine_editor/model/index.js";
import { readingWords } from "../../flow_engine/public/js/flow_engine_editor/run/readings.js";
import { catalog } from "./catalog.js";
import { after } from "./sketch.js";

const t = (text) => text;
const flow = after(
	"a K[a]",
	{ type: "rename", id: "a", label: "Fibre installation" },
	{ type: "edit", id: "a", changes: { kind: "dispatch_job" } },
);
const FIELDS = { "Dispatch Job": [{ name: "job_state", label: "Status", type: "Select" }] };

function said(read, fieldsOf) {
	const editor = {
		fieldsOf,
		index: { value: indexFlow(flow, catalog) },
		appliesTo: { value: null },
		context: { value: { flow, catalog, fieldsOf, t } },
	};
	return readingWords(read, editor, t).map(({ label, text }) => `${label}: ${text}`);
}

test("a field of a step's document is said by the step and the field, its result by the step", () => {
	const read = { "steps.a.document.job_state": "Scheduled", "steps.a.result.merged": "no" };
	assert.deepEqual(
		said(read, (doctype) => ({ fields: FIELDS[doctype] || [] })),
		["Fibre installation › Status: Scheduled", "Fibre installation › Merged: no"],
	);
	assert.deepEqual(
		said({ "steps.a.document.job_state": null }, () => null),
		["Fibre installation › Job state: empty"],
	);
});
