// Why an edit is not made. `code` is for programs; `message` is English, made of MESSAGES[code] and `args`, from
// which it can be said in another language; `step` is the id of the step it is about, or null.
import { sentence } from "../messages.js";

export class OperationRefused extends Error {
	constructor(code, step = null, args = []) {
		super(sentence(code, args));
		this.name = "OperationRefused";
		this.code = code;
		this.step = step;
		this.args = args;
	}
}

/** The step of that id, which it must have itself: one that goes by its place cannot be named by others. Throws
 * OperationRefused `unknown_step`, `unsound_id`. */
export function needNamedStep(index, id) {
	const step = needStep(index, id);
	if (index.flow.steps[index.position.get(id)] !== step) throw new OperationRefused("unsound_id", id);
	return step;
}

/** The step of that id. Throws OperationRefused `unknown_step`. */
export function needStep(index, id) {
	const step = index.step(id);
	if (!step) throw new OperationRefused("unknown_step", id ?? null);
	return step;
}
