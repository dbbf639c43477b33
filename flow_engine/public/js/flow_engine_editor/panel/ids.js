// Ids that tie a label, a help text and a list of options to their control. Vue 3.3 has no useId.

let last = 0;

/** A document-wide unique id for an element. */
export function uniqueId(prefix = "fe") {
	last += 1;
	return `${prefix}-${last}`;
}
