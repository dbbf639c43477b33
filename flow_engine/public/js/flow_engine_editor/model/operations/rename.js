// rename {id, label}: what people call a step. Its id, which texts name it by, stays.
import { edit } from "./edit.js";

export function rename(index, { id, label }) {
	return edit(index, { id, changes: { label } });
}
