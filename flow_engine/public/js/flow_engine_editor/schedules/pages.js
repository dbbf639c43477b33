/**
 * Rows of a list page by page: `{rows, more, fault, load(filters), further()}`. read({…filters, start, limit}) →
 * `{rows, more}`; an answer that a newer question has overtaken is dropped.
 */
import { ref, shallowRef } from "vue";

export function usePages(read, limit = 50) {
	const rows = shallowRef(null);
	const more = ref(false);
	const fault = ref("");
	let turn = 0;
	let filters = {};

	async function ask(start) {
		const mine = ++turn;
		const given = Object.fromEntries(Object.entries(filters).filter(([, value]) => value));
		try {
			const answer = await read({ ...given, start, limit });
			if (mine !== turn) return;
			rows.value = start ? [...rows.value, ...answer.rows] : answer.rows;
			more.value = Boolean(answer.more);
			fault.value = "";
		} catch (error) {
			if (mine === turn) fault.value = error.message;
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
