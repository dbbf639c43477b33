// change_branch {id, branch}: to the end of another branch of the same step.
import { move } from "./move.js";
import { placeAtEnd } from "./place.js";
import { OperationRefused, needStep } from "./refusal.js";

export function changeBranch(index, { id, branch: raw }) {
	needStep(index, id);
	const branch = raw || null;
	const parent_id = index.parentOf(id);
	if (parent_id === null && branch !== null) throw new OperationRefused("branch_without_parent", id);
	if (index.branchOf(id) === branch) return index.flow;
	return move(index, { id, place: placeAtEnd(index, parent_id, branch) });
}
