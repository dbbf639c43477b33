// Writes, a line each, a random condition with its form, the JSONLogic of it and the rows of that: for the server's
// evaluator to compare. `node converted_conditions.js SEED COUNT`.
import { formOf, fromLogic, toLogic } from "../../flow_engine/public/js/flow_engine_editor/model/index.js";
import { randomFrom } from "../../flow_engine/public/js/flow_engine_editor/model/operations/inserting.js";
import { anyCondition, fittingCondition } from "./random_conditions.js";

const [seed, count] = process.argv.slice(2).map(Number);
const random = randomFrom(seed);
const next = (n) => Math.floor(random() * n);
for (let i = 0; i < count; i++) {
	const fits = next(3) > 0;
	const raw = fits ? fittingCondition(next) : anyCondition(next);
	const logic = toLogic(raw);
	const back = logic === null ? null : fromLogic(logic);
	process.stdout.write(`${JSON.stringify({ raw, fits, form: formOf(raw), logic, back })}\n`);
}
