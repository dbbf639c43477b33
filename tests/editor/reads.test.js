import assert from "node:assert/strict";
import { test } from "node:test";
import { idsNamed, renameReads } from "../../flow_engine/public/js/flow_engine_editor/model/index.js";

const ROWS = [
	[
		"a placeholder",
		"Hello {{steps.a.result.name | upper}}!",
		"Hello {{steps.z.result.name | upper}}!",
		["a"],
	],
	["a link", "{{ links.a }}", "{{ links.z }}", ["a"]],
	["a bare path, as conditions hold it", "steps.a.result.score", "steps.z.result.score", ["a"]],
	[
		"a condition kept as text",
		'{"field": "steps.a.status", "op": "=="}',
		'{"field": "steps.z.status", "op": "=="}',
		["a"],
	],
	[
		"an id that begins with another",
		"{{steps.ab.result}} {{steps.a-b.result}}",
		"{{steps.ab.result}} {{steps.a-b.result}}",
		["ab", "a-b"],
	],
	["prose", "see steps.a for more", "see steps.a for more", []],
	["another root", "{{doc.steps}} {{mysteps.a}}", "{{doc.steps}} {{mysteps.a}}", []],
];
for (const [name, text, renamed, ids] of ROWS) {
	test(`${name} names what it reads and nothing else`, () => {
		assert.deepEqual(renameReads({ deep: [text] }, new Map([["a", "z"]])), { deep: [renamed] });
		assert.deepEqual([...idsNamed({ deep: [text] })], ids);
	});
}

test("data of any depth and form is looked at without end or fault", () => {
	let deep = "{{steps.a.result}}";
	for (let i = 0; i < 5_000; i++) deep = [deep];
	assert.deepEqual([...idsNamed([deep, null, 3, undefined])], []);
	assert.equal(renameReads(null, new Map()), null);
});
