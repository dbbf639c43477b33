// Dotted paths and placeholders, by the server's grammar (engine/placeholders.py).

const PATH = /^[^\s.|{}[\]()'"`,;<>=]+(?:\.[^\s.|{}[\]()'"`,;<>=]+)*$/;
const LONGEST = 500;
export const PLACEHOLDER = /\{\{([^{}]*)\}\}/g;

/** Is this a dotted path that may lead somewhere? Names that begin with __ never do. */
export function isPath(text) {
	return typeof text === "string" && text.length <= LONGEST && PATH.test(text) && !/(^|\.)__/.test(text);
}

/** What a placeholder without filters reads, when that is all of the text; else null. */
export function lonePath(text) {
	const inner = /^\s*\{\{([^{}|]*)\}\}\s*$/.exec(text)?.[1].trim();
	return isPath(inner) ? inner : null;
}
