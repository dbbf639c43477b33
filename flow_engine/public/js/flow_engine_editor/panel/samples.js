// A document whose values stand beside the names of fields, so that one sees what a field is about: the last one
// of the flow's DocType that this user may see. Asked for once per DocType, when somebody first looks.
import { computed, shallowRef } from "vue";
import { variablesAt } from "../model/index.js";

const kept = new WeakMap();

/** `{samples, look}`: `{docname, doc, customer}` or null, reactive; `look()` asks for it. */
export function sampleValues(editor, host) {
	if (!kept.has(host)) kept.set(host, shallowRef({}));
	const known = kept.get(host);
	const doctype = computed(() => editor.appliesTo.value);
	const samples = computed(() => known.value[doctype.value] ?? null);

	async function look() {
		const about = doctype.value;
		if (!about || about in known.value) return;
		known.value = { ...known.value, [about]: null };
		try {
			const { documents } = await host.call("editor.search", { doctype: about, text: "", limit: 1 });
			if (!documents.length) return;
			const docname = documents[0].name;
			const values = await host.call("editor.sample", { doctype: about, docname });
			known.value = { ...known.value, [about]: { docname, ...values } };
		} catch {
			// No document that this user may see: the names stand alone.
		}
	}
	return { samples, look };
}

/** `valuesAt(id)`: the groups of values that can be read at a step or the trigger, with samples once known. */
export function availableValues(editor, host) {
	const { samples } = sampleValues(editor, host);
	return (id) =>
		variablesAt(editor.flow.value, id, { ...editor.context.value, samples: samples.value ?? {} });
}
