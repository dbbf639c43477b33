// Conditions as an editor of rows shows them, and back to exactly what they were.
//
// A builder is `{mode, group?, logic?}`. mode `always`: nothing is asked. `rows`: a group `{join: "all" | "any",
// items, not?}` of rows `{field, op, value?, not?}` and groups. `logic`: JSONLogic. `other`: none of these, which
// can only be shown as the JSON it is (`logic` holds it). Keys of a row or group that the language does not know
// are kept, so that the server can say what is wrong with them.
import { isObject } from "./flow.js";

const GROUPS = ["all", "any", "not"];
const OPERATORS = new Set(
	(
		"== === != !== > >= < <= ! !! and or if ?: var missing missing_some log + - * / % min max merge in cat substr " +
		"map filter reduce all none some"
	).split(" "),
);
const GIVES_A_LIST = ["var", "map", "filter", "merge"];
// Deeper than this the server refuses anyway.
const DEEPEST = 50;

/** Which form a condition has: `always`, `predicate`, `group`, `logic`, `bare` (JSONLogic without `logic`) or
 * `unknown`; as the server tells them apart. */
export function formOf(condition) {
	if (isAlways(condition)) return "always";
	if (!isObject(condition)) return "unknown";
	const keys = Object.keys(condition);
	if (keys.includes("field") || keys.includes("op")) return "predicate";
	if (keys.includes("logic")) return "logic";
	if (keys.length === 1 && isLogicOverAList(condition)) return "bare";
	if (keys.some((key) => GROUPS.includes(key))) return "group";
	return keys.length === 1 && OPERATORS.has(keys[0]) ? "bare" : "unknown";
}

function isAlways(condition) {
	if (condition === undefined || condition === null) return true;
	if (typeof condition === "string") return !condition.trim();
	return isObject(condition) && !Object.keys(condition).length;
}

function isLogicOverAList({ all }) {
	if (!Array.isArray(all) || all.length !== 2 || !isObject(all[0])) return false;
	const keys = Object.keys(all[0]);
	return keys.length === 1 && GIVES_A_LIST.includes(keys[0]);
}

/** A condition as data: JSON text is read, text that is none stays text. */
export function parseCondition(raw) {
	if (typeof raw !== "string" || !raw.trim()) return raw;
	try {
		return JSON.parse(raw);
	} catch {
		return raw;
	}
}

export function toBuilder(raw) {
	const condition = parseCondition(raw);
	const form = formOf(condition);
	const told = (shown, more) => ({ ...more, told: { raw, shown } });
	if (form === "always") return told(undefined, { mode: "always" });
	if (form === "bare") return told(condition, { mode: "logic", logic: condition, bare: true });
	if (form === "logic") {
		const { logic, ...others } = condition;
		return told(logic, { mode: "logic", logic, ...kept(others) });
	}
	const item = form === "unknown" ? null : itemOf(condition, 0);
	if (item === null) return told(condition, { mode: "other", logic: condition });
	const group = item.items ? item : { join: "all", items: [item], bare: true };
	return told(group, { mode: "rows", group });
}

/** The condition a builder says. One that was not changed is exactly what it was made of, text included. */
export function fromBuilder({ mode, group, logic, bare, extra, told }) {
	if (told && told.shown === (mode === "rows" ? group : logic)) return told.raw;
	if (mode === "always") return "";
	if (mode === "rows") return fromGroup(group);
	return mode === "logic" && !bare ? { logic, ...extra } : logic;
}

function kept(others) {
	return Object.keys(others).length ? { extra: others } : {};
}

/** A row or a group, or null when rows cannot show it. */
function itemOf(condition, depth) {
	const form = formOf(condition);
	if (depth > DEEPEST) return null;
	if (form === "predicate") return "not" in condition || "items" in condition ? null : { ...condition };
	if (form !== "group") return null;
	const name = GROUPS.find((key) => key in condition);
	const { [name]: members, ...others } = condition;
	if (name === "not") return Object.keys(others).length ? null : turned(members, depth);
	if (!Array.isArray(members)) return null;
	const items = members.map((member) => itemOf(member, depth + 1));
	return items.includes(null) ? null : { join: name, items, ...kept(others) };
}

function turned(member, depth) {
	const item = itemOf(member, depth + 1);
	if (item === null) return null;
	// Turned around twice: a group of one that is turned around.
	return item.not ? { join: "all", items: [item], not: true, bare: true } : { ...item, not: true };
}

function fromGroup({ join, items, not, bare, extra }) {
	const members = items.map((item) => (item.items ? fromGroup(item) : fromRow(item)));
	const group = bare && members.length === 1 ? members[0] : { [join]: members, ...extra };
	return not ? { not: group } : group;
}

function fromRow({ not, ...row }) {
	return not ? { not: row } : row;
}

/** The catalog's operators for a field type of the framework's; all of them when the type is not known. */
export function operatorsFor(type, catalog) {
	const all = catalog?.operators || [];
	if (!type || !all.some((operator) => operator.types?.includes(type))) return all;
	return all.filter((operator) => !operator.types?.length || operator.types.includes(type));
}
