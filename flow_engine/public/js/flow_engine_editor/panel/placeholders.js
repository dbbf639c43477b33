// What stands in a text with placeholders: its pieces, and the placeholder that is being typed at the caret.
// The grammar is the server's (engine/placeholders.py); here it only decides colours and what the picker offers.
import { isPath, PLACEHOLDER } from "../model/paths.js";

// What may stand between `{{` and the caret while a placeholder is being written.
const BEING_TYPED = /\{\{([^{}\n]*)$/;
const REST_OF_IT = /^([^{}\s|]*)((?:\|[^{}\n]*)?)\}\}/;

/**
 * A text cut at its placeholders: `[{text, start, path?, filters?}]`. `path` is null for a malformed
 * placeholder and absent for plain text; `filters` is what follows the first `|`, as written.
 */
export function piecesOf(text) {
	const pieces = [];
	let at = 0;
	for (const match of text.matchAll(PLACEHOLDER)) {
		if (match.index > at) pieces.push({ text: text.slice(at, match.index), start: at });
		const bar = match[1].indexOf("|");
		const path = (bar < 0 ? match[1] : match[1].slice(0, bar)).trim();
		const filters = bar < 0 ? "" : match[1].slice(bar + 1).trim();
		pieces.push({ text: match[0], start: match.index, path: isPath(path) ? path : null, filters });
		at = match.index + match[0].length;
	}
	if (at < text.length) pieces.push({ text: text.slice(at), start: at });
	return pieces;
}

/**
 * The placeholder that the caret stands in while it is written, or null.
 * `{part: "path"|"filter", query, from, to}`: what was typed of the path or the filter so far, and the range of
 * the text that a choice replaces; for a path that is from `{{` to the end of the path, with `}}` when it is there.
 */
export function typedAt(text, caret) {
	const before = BEING_TYPED.exec(text.slice(0, caret));
	if (!before) return null;
	const inside = before[1];
	// Behind the cursor only what is closed belongs to it: a word that stood there already stays.
	const [, rest, filters] = REST_OF_IT.exec(text.slice(caret)) ?? [];
	const closed = rest !== undefined;
	const bar = inside.lastIndexOf("|");
	if (bar >= 0) {
		const query = inside.slice(bar + 1);
		if (query.includes(":")) return null;
		const from = before.index + 2 + bar + 1;
		return { part: "filter", query: query.trim(), from, to: caret + (rest?.length ?? 0), closed };
	}
	const keeps = Boolean(filters);
	const to = caret + (closed ? rest.length + (keeps ? 0 : 2) : 0);
	return { part: "path", query: inside.trim(), from: before.index, to, closed, keeps };
}

/** A text with its range replaced: `{text, caret}`, the caret behind what was put in. */
export function replaced(text, from, to, piece) {
	return { text: text.slice(0, from) + piece + text.slice(to), caret: from + piece.length };
}
