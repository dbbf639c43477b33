// A placeholder in words: "Contract › Status" for `{{doc.status}}`, with its filters behind it.
import { findVariable, unknownPath } from "../model/index.js";

/**
 * A piece of a text (placeholders.js) with `shown`, what a reader sees of it, and `unknown`, what is wrong with
 * its path: null, or `{owner, segment, near}`.
 */
export function readable(piece, groups) {
	if (!piece.path) return { ...piece, shown: piece.text, unknown: null };
	const filters = piece.filters
		? piece.filters
				.split("|")
				.map((filter) => ` · ${filter.trim()}`)
				.join("")
		: "";
	// Which secrets there are is not for everybody to know: none is called unknown here.
	const secret = /^secret\.[^.]+$/.test(piece.path);
	return {
		...piece,
		shown: pathLabel(piece.path, groups) + filters,
		unknown: secret ? null : unknownPath(piece.path, groups),
	};
}

/** A path in words, or the path itself when nothing is known of it. */
export function pathLabel(path, groups) {
	const found = findVariable(path, groups);
	return found ? found.trail.join(" › ") : path;
}
