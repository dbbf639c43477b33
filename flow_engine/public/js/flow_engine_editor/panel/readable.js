// A placeholder in words: "Contract › Status" for `{{doc.status}}`, with its filters behind it.
import { findVariable, unknownPath } from "../model/index.js";
import { pathText } from "../model/summary/values.js";

/**
 * A piece of a text (placeholders.js) with `shown`, what a reader sees of it, and `unknown`, what is wrong with
 * its path: null, or `{owner, segment, near}`.
 */
export function readable(piece, groups, context) {
	if (!piece.path) return { ...piece, shown: piece.text, unknown: null };
	const filters = piece.filters
		? piece.filters
				.split("|")
				.map((filter) => ` · ${filter.trim()}`)
				.join("")
		: "";
	// Which secrets there are is not for everybody to know: none is called unknown here.
	const secret = /^secret\.[^.]+$/.test(piece.path);
	const unknown = secret ? null : unknownPath(piece.path, groups);
	const label = unknown || secret ? piece.path : pathLabel(piece.path, groups, context);
	return { ...piece, shown: label + filters, unknown };
}

/** A path in words: by the labels that are known, else by its own names. */
export function pathLabel(path, groups, context) {
	return findVariable(path, groups)?.trail.join(" › ") ?? pathText(path, context);
}
