// One value that can be read, and the values of a document by its DocType's fields: what groups are made of.
import { isObject } from "../flow.js";

export function item(path, label, type, more = {}) {
	return { path, label, type, ...more };
}

export function group(label, hint, roots, items, open = false) {
	return { label, hint, roots, items, open };
}

/** `fieldsOf`: where the documents that fields name can be read through them; without it they cannot. */
export function fieldItems(root, fields, sample, t, fieldsOf) {
	if (!fields.length) return [];
	const items = fields.map((field) => fieldItem(root, field, sample, fieldsOf));
	if (!fields.some((field) => field.name === "name")) {
		items.push(item(`${root}.name`, t("Name (ID)"), "Data", sampleOf(sample, "name")));
	}
	return items;
}

function fieldItem(root, field, sample, fieldsOf) {
	const path = `${root}.${field.name}`;
	const more = sampleOf(sample, field.name);
	if (field.options?.length) more.options = field.options;
	if (field.link) more.link = field.link;
	if (field.children?.length) {
		// Of a table's rows, the first can be read by a path.
		const first = Array.isArray(sample?.[field.name]) ? sample[field.name][0] : undefined;
		more.children = field.children.map((child) => fieldItem(`${path}.0`, child, first));
	}
	const made = item(path, field.label || field.name, field.type, more);
	return field.link && fieldsOf ? withLinked(made, fieldsOf) : made;
}

/** The named document's fields, one level deep, asked for when somebody looks: a document names dozens of others. */
function withLinked(made, fieldsOf) {
	let children;
	return Object.defineProperties(made, {
		children: {
			get() {
				const fields = fieldsOf(made.link)?.fields;
				if (fields?.length && !children)
					children = fields.map((field) => fieldItem(made.path, field));
				return children;
			},
		},
		lazy: { get: () => !fieldsOf.known?.(made.link) },
	});
}

function sampleOf(sample, name) {
	const value = isObject(sample) ? sample[name] : undefined;
	return value === undefined || value === null ? {} : { sample: value };
}
