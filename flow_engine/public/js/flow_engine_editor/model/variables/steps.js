// What can be read of the steps before one: the document that each made, as it is now, and what it left.
import { documentOf, kindOf } from "../kinds.js";
import { fieldItems, item } from "./items.js";

export const TAKES_INPUT = ["manual", "on_webhook"];

/**
 * The steps this one waits for, the nearest first. Of a group the items are made when somebody looks at them: a long
 * flow has hundreds. `listed`: the path below which the items are all there is, null while that is not known.
 */
export function stepGroups(index, id, { catalog, fieldsOf, t }) {
	const upstream = index.byId.has(id) ? index.upstream(id) : new Set();
	const nearest = index.ids.filter((other) => upstream.has(other) && other !== id).reverse();
	return nearest.map((other) => stepGroup(other, index.step(other), { catalog, fieldsOf, t }));
}

function stepGroup(id, step, { catalog, fieldsOf, t }) {
	const root = `steps.${id}`;
	const kind = kindOf(catalog, step.kind);
	const doctype = documentOf(step, kind);
	let made = null;
	let madeOf = null;
	const fields = () => (doctype && fieldsOf(doctype)?.fields) || [];
	return {
		label: step.label || id,
		hint: t("step result"),
		roots: [root],
		open: true,
		get listed() {
			return fields().length ? `${root}.document` : null;
		},
		get items() {
			const now = fields();
			if (!made || madeOf !== now) {
				madeOf = now;
				made = [
					...fieldItems(`${root}.document`, now, undefined, t, fieldsOf),
					...leftItems(root, step, kind, t),
				];
			}
			return made;
		},
	};
}

function leftItems(root, step, kind, t) {
	return [
		...resultItems(`${root}.result`, step, kind, t),
		item(`${root}.status`, t("State"), "Data"),
		item(`${root}.result`, t("Result"), "JSON"),
		item(`${root}.error.message`, t("Error"), "Data"),
	];
}

/** Of a kind that is not known, or says nothing of it: it may name a document. */
function resultItems(root, step, kind, t) {
	const items = (kind?.results || []).map((one) => item(`${root}.${one.name}`, one.label, one.type));
	if (TAKES_INPUT.includes(step.trigger?.type)) {
		items.unshift(item(`${root}.input`, t("What was answered"), "JSON"));
	}
	if (!kind || kind.document || kind.document_field || !items.length) {
		items.push(item(`${root}.name`, t("Name of the document"), "Data"));
	}
	return items;
}
