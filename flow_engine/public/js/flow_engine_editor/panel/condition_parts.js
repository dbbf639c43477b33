// A kind whose fields are the parts of one condition (field, op, value, groups, JSONLogic) is edited by one
// builder; any other kind's fields stand one by one. Told from the descriptors alone.

const PREDICATE = { field: "variable", op: "select", value: "template" };
const FORMS = ["all", "any", "not", "logic"];

/** The names of the fields that make up one condition, or [] when this kind has none. */
export function conditionParts(fields) {
	const types = Object.fromEntries(fields.map((field) => [field.name, field.type]));
	const isPredicate = Object.entries(PREDICATE).every(([name, type]) => types[name] === type);
	const forms = FORMS.filter((name) => types[name] === "condition");
	return isPredicate && forms.includes("all") ? [...Object.keys(PREDICATE), ...forms] : [];
}

/** The condition that a payload holds in these fields; "" when it holds none. */
export function conditionOf(payload, names) {
	const given = names.filter((name) => payload?.[name] !== undefined && payload[name] !== null);
	return given.length ? Object.fromEntries(given.map((name) => [name, payload[name]])) : "";
}

/** The payload with another condition in these fields; its other fields stay. */
export function withCondition(payload, names, condition) {
	const others = Object.entries(payload ?? {}).filter(([name]) => !names.includes(name));
	const parts = condition && typeof condition === "object" ? condition : {};
	// JSONLogic that was written without `logic` would be no field of the kind.
	const known = Object.keys(parts).every((name) => names.includes(name));
	return { ...Object.fromEntries(others), ...(known ? parts : { logic: parts }) };
}
