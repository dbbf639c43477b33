/** Asks the server for the problems of the flow a moment after each edit; an answer that came too late is dropped. */

const PAUSE_MS = 350;

export function createChecker(editor, host) {
	let timer = null;
	let asked = 0;

	async function now() {
		clearTimeout(timer);
		const turn = ++asked;
		const flow = editor.flow.value;
		try {
			const answer = await host.call("templates.validate", { definition: flow });
			if (turn === asked) editor.tell(answer.problems, flow);
		} catch (error) {
			// What was known stays: an edit must not fail because the check could not be asked for.
			if (turn === asked) host.notify(error.message, "failed");
		}
	}

	return {
		now,
		soon() {
			clearTimeout(timer);
			timer = setTimeout(now, PAUSE_MS);
		},
		stop() {
			clearTimeout(timer);
			asked += 1;
		},
	};
}
