/** Frappe's operators of lists, `[[operator, words], …]`. */
export const filterOperators = (t) => [
	["=", t("is")],
	["!=", t("is not")],
	["in", t("is one of")],
	["not in", t("is none of")],
	["like", t("is like (% for anything)")],
	["not like", t("is not like (% for anything)")],
	["<", t("is less than")],
	["<=", t("is at most")],
	[">", t("is more than")],
	[">=", t("is at least")],
	["is", t("is filled in or not")],
];

// Labels are translated by whoever shows them.
/** How the value of one filter is entered, and what is stored of what was entered. */

const NUMBERS = ["Int", "Float", "Currency", "Percent", "Long Int"];
const INPUTS = { Date: "date", Datetime: "datetime-local" };
const LISTED = ["in", "not in"];
const ANY_TEXT = ["like", "not like"];

/** `{type, options?, list?}`: an input's type; what there is to choose from; whether several are entered. */
export function filterInput(field, operator) {
	if (operator === "is") {
		return {
			type: "set",
			options: [
				{ name: "set", label: "filled in" },
				{ name: "not set", label: "empty" },
			],
		};
	}
	if (LISTED.includes(operator)) return { type: "text", list: true };
	if (ANY_TEXT.includes(operator)) return { type: "text" };
	if (field?.type === "Check") {
		return {
			type: "check",
			options: [
				{ name: "1", label: "Yes" },
				{ name: "0", label: "No" },
			],
		};
	}
	const options = field?.type === "Select" ? field.options?.filter((one) => one?.name ?? one) : null;
	if (options?.length) return { type: "select", options };
	return { type: NUMBERS.includes(field?.type) ? "number" : INPUTS[field?.type] || "text" };
}

/** What a new filter begins with. */
export function startValue({ type, options, list }) {
	if (list) return [];
	const first = options?.[0];
	return options ? filterValue({ type }, String(first.name ?? first)) : type === "number" ? 0 : "";
}

/** What is stored of a text that was entered. */
export function filterValue({ type, list }, text) {
	if (list) {
		return text
			.split(",")
			.map((one) => one.trim())
			.filter(Boolean);
	}
	if (type === "number" || type === "check") return Number(text) || 0;
	return type === "datetime-local" ? text.replace("T", " ") : text;
}
