/** The fields of DocTypes, asked for once each and kept; reading one that is not there yet asks for it. */
import { computed, shallowRef, triggerRef } from "vue";

const kept = new WeakMap();

export function createFields(editor, host) {
	if (!kept.has(host)) kept.set(host, shallowRef(new Map()));
	const known = kept.get(host);

	function fieldsOf(doctype) {
		const answers = known.value;
		if (!doctype) return null;
		if (!answers.has(doctype)) {
			answers.set(doctype, null);
			host.call("editor.fields", { doctype }).then(
				(answer) => {
					answers.set(doctype, answer);
					triggerRef(known);
				},
				// A DocType that this user may not read, or that is not there: no fields to offer, text stays.
				() => answers.set(doctype, { doctype, label: doctype, fields: [] }),
			);
		}
		return answers.get(doctype);
	}

	/** What is there without asking. */
	fieldsOf.known = (doctype) => known.value.get(doctype) ?? null;

	/** The DocType the flow is about: its trigger's own, else that of the event it listens to. */
	const appliesTo = computed(() => {
		const trigger = editor.flow.value.trigger || {};
		const event = editor.catalog.value?.events.find((one) => one.name === trigger.event);
		return trigger.doctype || event?.doctype || editor.template.value?.applies_to || null;
	});
	return { fieldsOf, appliesTo };
}
