/** What a condition read, in the reader's words: field labels instead of paths where the flow's DocType tells them. */
import { pathText } from "../model/summary/values.js";
import { plainText, title } from "./value_rows.js";

/** `[{path, label, text}]` for `{path: value}`. */
export function readingWords(read, editor, t) {
	if (!read || typeof read !== "object") return [];
	return Object.entries(read).map(([path, value]) => ({
		path,
		label: pathWords(path, editor, t),
		text: plainText(value, t),
	}));
}

/** `doc.status` → `Status`; `steps.job.result.status` → `Fibre installation › Status`. */
export function pathWords(path, editor, t) {
	const [root, ...rest] = String(path).split("|")[0].trim().split(".");
	if (root === "doc" && rest.length) {
		const fields = editor.fieldsOf(editor.appliesTo.value)?.fields || [];
		const field = fields.find((one) => one.name === rest[0]);
		return [field?.label || title(rest[0]), ...rest.slice(1).map(title)].join(" › ");
	}
	if (root === "steps" && rest[1] === "document")
		return pathText([root, ...rest].join("."), editor.context.value);
	if (root === "steps" && rest.length) {
		const step = editor.index.value.byId.get(rest[0]);
		const behind = rest.slice(1).filter((part) => part !== "result");
		return [step?.label || rest[0], ...behind.map(title)].join(" › ");
	}
	const roots = {
		variables: "",
		customer: t("Customer"),
		trigger: t("Trigger"),
		input: t("Input"),
		now: t("Now"),
	};
	const first = root in roots ? roots[root] : title(root);
	return [first, ...rest.map(title)].filter(Boolean).join(" › ");
}
