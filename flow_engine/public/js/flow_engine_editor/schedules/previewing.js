/**
 * What a schedule would do, asked of the server while it is being edited: `{preview, fault, soon(values), now(values)}`.
 * An answer that a newer question has overtaken is dropped.
 */
import { onScopeDispose, ref, shallowRef } from "vue";

const PAUSE_MS = 350;

export function usePreview(host) {
	const preview = shallowRef(null);
	const fault = ref("");
	let turn = 0;
	let timer = null;

	async function now(values) {
		clearTimeout(timer);
		const mine = ++turn;
		try {
			const answer = await host.call("schedules.preview", { values });
			if (mine !== turn) return;
			preview.value = answer;
			fault.value = "";
		} catch (error) {
			if (mine === turn) fault.value = error.message;
		}
	}
	function soon(values) {
		clearTimeout(timer);
		timer = setTimeout(() => now(values), PAUSE_MS);
	}
	onScopeDispose(() => {
		clearTimeout(timer);
		turn++;
	});
	return { preview, fault, now, soon };
}
