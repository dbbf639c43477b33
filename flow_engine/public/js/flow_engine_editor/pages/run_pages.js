/**
 * Runs page by page, newest first: `{rows, more, fault, load(filters), further()}`. filters: `{status, template,
 * doctype, docname, customer}`; an answer that a newer question has overtaken is dropped.
 */
import { ref, shallowRef } from "vue";

export function useRunPages(host, size = 50) {
	const rows = shallowRef(null);
	const more = ref(false);
	const fault = ref("");
	let asked = 0;
	let filters = {};

	async function ask(start) {
		const turn = ++asked;
		const given = Object.fromEntries(Object.entries(filters).filter(([, value]) => value));
		try {
			// One more than is shown tells whether there are others.
			const { runs } = await host.call("runs.list", { ...given, start, limit: size + 1 });
			if (turn !== asked) return;
			const found = runs.slice(0, size);
			rows.value = start ? [...rows.value, ...found] : found;
			more.value = runs.length > size;
			fault.value = "";
		} catch (error) {
			if (turn === asked) fault.value = error.message;
		}
	}

	return {
		rows,
		more,
		fault,
		load(wanted = filters) {
			filters = { ...wanted };
			return ask(0);
		},
		further: () => ask(rows.value.length),
	};
}
