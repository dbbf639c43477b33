// Rows as JSONLogic and back, where both say the same of every value that fits the comparison: a number or nothing
// beside a number, a text, a number or nothing beside a word.
//
// The two languages differ: rows take "10" for a number and "2026-03-18" for a date, and of nothing no comparison
// is true, while JSONLogic takes nothing for zero. Where a rule would need to know more than it is told, there is no
// conversion, and the answer is null.
import { formOf, parseCondition } from "./conditions.js";
import { isObject } from "./flow.js";
import { isPath, lonePath } from "./paths.js";

const NUMBER = /^\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*$/;
const DATE = /^\s*\d{4}-\d\d-\d\d/;
const TRUTH = /^\s*(true|false)\s*$/i;
const ORDERINGS = {
	"<": (a, b) => a < b,
	">": (a, b) => a > b,
	"<=": (a, b) => a <= b,
	">=": (a, b) => a >= b,
};

/** A condition of any form as a JSONLogic rule; null where there is none that says the same. */
export function toLogic(raw) {
	const condition = parseCondition(raw);
	switch (formOf(condition)) {
		case "always":
			return true;
		case "bare":
			return condition;
		case "logic":
			return Object.keys(condition).length === 1 ? parseCondition(condition.logic) : null;
		case "predicate":
			return predicateLogic(condition);
		case "group":
			return groupLogic(condition);
		default:
			return null;
	}
}

function groupLogic(group) {
	const [name, ...others] = Object.keys(group);
	if (others.length) return null;
	const members = parseCondition(group[name]);
	if (name === "not") {
		const rule = toLogic(members);
		return rule === null ? null : { "!": [rule] };
	}
	if (!Array.isArray(members)) return null;
	if (!members.length) return name === "all";
	const rules = members.map(toLogic);
	return rules.includes(null) ? null : { [name === "all" ? "and" : "or"]: rules };
}

const there = (path) => ({ "!": [{ missing: [path] }] });
const guarded = (path, rule) => ({ and: [there(path), rule] });

function predicateLogic(predicate) {
	const { field, op, value, ...others } = predicate;
	const path = typeof field === "string" ? (lonePath(field) ?? field.trim()) : null;
	// `length` is a value of every text and list in JSONLogic only.
	if (!isPath(path) || Object.keys(others).length || /(^|\.)length$/.test(path)) return null;
	const read = { var: path };
	if (op === "==" || op === "!=") return equality(path, read, op, value);
	if (Object.hasOwn(ORDERINGS, op)) {
		const number = plainNumber(value);
		if (number === null) return null;
		const rule = { [op]: [read, number] };
		return ORDERINGS[op](0, number) ? guarded(path, rule) : rule;
	}
	if (op === "in" || op === "not_in") {
		const rule = choice(path, read, value);
		return rule === null || op === "in" ? rule : { "!": [rule] };
	}
	if (!isWord(value)) return null;
	const length = [...value].length;
	if (op === "contains") return guarded(path, { in: [value, read] });
	if (op === "starts_with") return guarded(path, { "==": [{ substr: [read, 0, length] }, value] });
	if (op === "ends_with") return guarded(path, { "==": [{ substr: [read, -length] }, value] });
	return null;
}

function equality(path, read, op, value) {
	if (value === null || value === undefined || value === "") {
		const absent = { missing: [path] };
		return { [op === "==" ? "!!" : "!"]: [absent] };
	}
	const plain = isWord(value) || value === true ? value : value === false ? false : plainNumber(value);
	if (plain === null) return null;
	if (plain !== 0 && plain !== false) return { [op]: [read, plain] };
	const rule = guarded(path, { "==": [read, plain] });
	return op === "==" ? rule : { "!": [rule] };
}

function choice(path, read, value) {
	const choices = typeof value === "string" ? split(value) : Array.isArray(value) ? value : null;
	if (choices === null) return null;
	if (choices.every(isWord)) return { in: [read, choices] };
	const rules = choices.map((one) => equality(path, read, "==", one));
	return rules.includes(null) ? null : { or: rules };
}

function split(text) {
	if (text.includes("{{")) return null;
	return text.trim() ? text.split(",").map((part) => part.trim()) : [];
}

/** Text that is neither a number, a date nor a truth value, so that only its letters count. */
function isWord(value) {
	return (
		typeof value === "string" &&
		value !== "" &&
		!value.includes("{{") &&
		![NUMBER, DATE, TRUTH].some((form) => form.test(value)) &&
		!/^\s*[+-]?(inf|infinity|nan)\s*$/i.test(value)
	);
}

/** A number, or a text that shows one the way numbers are shown; else null. */
function plainNumber(value) {
	if (typeof value === "number") return Number.isFinite(value) ? value : null;
	if (typeof value !== "string" || !NUMBER.test(value)) return null;
	const number = Number(value);
	return String(number) === value.trim() ? number : null;
}

/** A JSONLogic rule as rows and groups; null where rows would not say the same. */
export function fromLogic(raw) {
	const logic = parseCondition(raw);
	if (logic === true) return "";
	if (!isObject(logic) || Object.keys(logic).length !== 1) return null;
	const [[operator, args]] = Object.entries(logic);
	const list = Array.isArray(args) ? args : [args];
	return comparison(operator, list) ?? combination(operator, list);
}

function combination(operator, list) {
	if (operator === "and" || operator === "or") {
		const members = list.map(fromLogic);
		if (!members.length || members.some((member) => member === null || member === "")) return null;
		return { [operator === "and" ? "all" : "any"]: members };
	}
	if (operator !== "!" || list.length !== 1) return null;
	const member = fromLogic(list[0]);
	if (member === null || member === "") return null;
	return member.op === "in" ? { ...member, op: "not_in" } : { not: member };
}

/** The row that says a rule of the kind predicateLogic makes. */
function comparison(operator, list) {
	if (operator === "and" && list.length === 2) {
		const path = absentPath(list[0], "!");
		return path === null ? null : guardedRow(path, list[1]);
	}
	if ((operator === "!" || operator === "!!") && list.length === 1) {
		const path = missingPath(list[0]);
		return path === null ? null : { field: path, op: operator === "!" ? "!=" : "==", value: "" };
	}
	if (list.length !== 2) return null;
	const path = pathRead(list[0]);
	const value = list[1];
	if (path === null) return null;
	if (operator === "==" || operator === "!=") {
		const safe = isWord(value) || value === true || (typeof value === "number" && value !== 0);
		return safe ? { field: path, op: operator, value } : null;
	}
	if (operator === "===" || operator === "!==") {
		return isWord(value) ? { field: path, op: operator.slice(0, 2), value } : null;
	}
	if (Object.hasOwn(ORDERINGS, operator)) {
		const safe = typeof value === "number" && !ORDERINGS[operator](0, value);
		return safe ? { field: path, op: operator, value } : null;
	}
	const words = operator === "in" && Array.isArray(value) && value.every(isWord);
	return words ? { field: path, op: "in", value } : null;
}

function guardedRow(path, rule) {
	if (!isObject(rule) || Object.keys(rule).length !== 1) return null;
	const [[operator, list]] = Object.entries(rule);
	if (!Array.isArray(list) || list.length !== 2) return null;
	const [first, second] = list;
	if (operator === "in") {
		return pathRead(second) === path && isWord(first)
			? { field: path, op: "contains", value: first }
			: null;
	}
	if (pathRead(first) === path) {
		const number = typeof second === "number";
		const zero = operator === "==" && (second === 0 || second === false);
		const ordered = number && Object.hasOwn(ORDERINGS, operator) && ORDERINGS[operator](0, second);
		return zero || ordered ? { field: path, op: operator, value: second } : null;
	}
	const part =
		operator === "==" && isObject(first) && Object.keys(first).length === 1 ? first.substr : null;
	if (!Array.isArray(part) || pathRead(part[0]) !== path || !isWord(second)) return null;
	const length = [...second].length;
	if (part.length === 3 && part[1] === 0 && part[2] === length) {
		return { field: path, op: "starts_with", value: second };
	}
	return part.length === 2 && part[1] === -length ? { field: path, op: "ends_with", value: second } : null;
}

function absentPath(rule, operator) {
	if (!isObject(rule) || Object.keys(rule).length !== 1 || !(operator in rule)) return null;
	const args = rule[operator];
	return missingPath(Array.isArray(args) && args.length === 1 ? args[0] : args);
}

function missingPath(rule) {
	if (!isObject(rule) || Object.keys(rule).length !== 1 || !("missing" in rule)) return null;
	const paths = Array.isArray(rule.missing) ? rule.missing : [rule.missing];
	return paths.length === 1 && isPath(paths[0]) ? paths[0] : null;
}

function pathRead(rule) {
	if (!isObject(rule) || Object.keys(rule).length !== 1 || !("var" in rule)) return null;
	const path = Array.isArray(rule.var) && rule.var.length === 1 ? rule.var[0] : rule.var;
	return isPath(path) && !/(^|\.)length$/.test(path) ? path : null;
}
