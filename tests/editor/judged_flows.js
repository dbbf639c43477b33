// Writes, a line each, what random edits made of random flows: `node judged_flows.js SEED COUNT`. The last line says
// how many edits were made and how many refused.
import { apply, OperationRefused } from "../../flow_engine/public/js/flow_engine_editor/model/index.js";
import { randomFrom } from "../../flow_engine/public/js/flow_engine_editor/model/operations/inserting.js";
import { catalog } from "./catalog.js";
import { randomFlow, randomOperation } from "./random_flows.js";
import { frozen } from "./sketch.js";

const [seed, count] = process.argv.slice(2).map(Number);
const random = randomFrom(seed);
const next = (n) => Math.floor(random() * n);
const counts = { made: {}, refused: {} };
const note = (where, name) => (where[name] = (where[name] || 0) + 1);
const lines = [];
for (let i = 0; i < count; i++) {
	let flow = randomFlow(next, next(22));
	lines.push(JSON.stringify(flow));
	for (let edits = next(15); edits > 0; edits--) {
		const operation = randomOperation(flow, next);
		try {
			flow = frozen(apply(flow, operation, catalog));
			note(counts.made, operation.type);
		} catch (error) {
			if (!(error instanceof OperationRefused)) throw error;
			note(counts.refused, error.code);
		}
	}
	lines.push(JSON.stringify(flow));
}
process.stdout.write(`${lines.join("\n")}\n${JSON.stringify(counts)}\n`);
