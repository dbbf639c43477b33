// Which fields of a kind are shown for a payload: a descriptor's `depends_on`, read like the server reads it
// (engine/payload_checks.py). What cannot be read here is shown: a field too many is better than one hidden.

const missing = (value) => value === null || value === undefined || value === "";
const blank = (value) =>
	missing(value) ||
	(typeof value === "string" && !value.trim()) ||
	(Array.isArray(value) && !value.length) ||
	(typeof value === "object" && value !== null && !Array.isArray(value) && !Object.keys(value).length);
const numeric = (value) =>
	typeof value === "number" ||
	(typeof value === "string" && value.trim() !== "" && Number.isFinite(Number(value)));

// A truth value is 1 or 0 beside a number and its word beside a text.
const bit = (value, other) =>
	typeof value === "boolean" && (typeof other === "boolean" || numeric(other)) ? Number(value) : value;
const word = (value, other) =>
	typeof value === "string" && typeof other === "boolean" ? value.trim().toLowerCase() : value;
const asText = (value) => (typeof value === "object" ? JSON.stringify(value) : String(value));

function same(a, b) {
	if (missing(a) || missing(b)) return missing(a) && missing(b);
	const [left, right] = [bit(a, b), bit(b, a)];
	if (numeric(left) && numeric(right)) return Number(left) === Number(right);
	return asText(word(left, right)) === asText(word(right, left));
}

function choices(value) {
	if (Array.isArray(value)) return value;
	if (typeof value === "string") return value.trim() ? value.split(",").map((part) => part.trim()) : [];
	return missing(value) || typeof value === "object" ? [] : [value];
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
function filled(fields, payload) {
	const given = Object.entries(payload ?? {}).filter(([, value]) => value !== null && value !== undefined);
	return {
		...Object.fromEntries(fields.map((field) => [field.name, field.default])),
		...Object.fromEntries(given),
	};
}

/** The descriptors that are to be shown for this payload, in their order. */
export function shownFields(fields, payload) {
	const values = filled(fields, payload);
	return fields.filter((field) => !field.depends_on || holds(field.depends_on, values));
}
