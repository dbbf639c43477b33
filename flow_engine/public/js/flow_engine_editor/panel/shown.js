// Which fields of a kind are shown for a payload: a descriptor's `depends_on`, read like the server reads it
// (engine/payload_checks.py). What cannot be read here is shown: a field too many is better than one hidden.

const missing = (value) => value === null || value === undefined || value === "";
const blank = (value) =>
	missing(value) ||
	(typeof value === "string" && !value.trim()) ||
	(Array.isArray(value) && !value.length) ||
	(typeof value === "object" && value !== null && !Array.isArray(value) && !Object.keys(value).length);
const numeric = (value) => typeof value !== "boolean" && !missing(value) && Number.isFinite(Number(value));

function same(a, b) {
	if (missing(a) || missing(b)) return missing(a) && missing(b);
	if (numeric(a) && numeric(b)) return Number(a) === Number(b);
	if (typeof a === "boolean" || typeof b === "boolean") return truth(a) === truth(b);
	return String(a) === String(b);
}

const truth = (value) =>
	numeric(value) ? Number(value) !== 0 : String(value).trim().toLowerCase() === "true";

function choices(value) {
	if (Array.isArray(value)) return value;
	if (typeof value === "string") return value.trim() ? value.split(",").map((part) => part.trim()) : [];
	return missing(value) ? [] : [value];
}

const OPERATORS = {
	"==": same,
	"!=": (a, b) => !same(a, b),
	in: (a, b) => choices(b).some((choice) => same(a, choice)),
	not_in: (a, b) => !choices(b).some((choice) => same(a, choice)),
	empty: blank,
	not_empty: (a) => !blank(a),
};

function holds(condition, values) {
	if (Array.isArray(condition.all)) return condition.all.every((member) => holds(member, values));
	if (Array.isArray(condition.any)) return condition.any.some((member) => holds(member, values));
	if (condition.not) return !holds(condition.not, values);
	const operator = OPERATORS[condition.op];
	return operator ? operator(values[condition.field], condition.value) : true;
}

/** The payload as `depends_on` sees it: defaults stand where nothing is given. */
export function filled(fields, payload) {
	const values = {};
	for (const field of fields) values[field.name] = payload?.[field.name] ?? field.default;
	return values;
}

/** The descriptors that are to be shown for this payload, in their order. */
export function shownFields(fields, payload) {
	const values = filled(fields, payload);
	return fields.filter((field) => !field.depends_on || holds(field.depends_on, values));
}
