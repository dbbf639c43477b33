/**
 * One run as it is now: loaded, followed while it is alive, and asked for again after something was done to it.
 * `{run, error, start(name), refresh(), stop()}`; both refs are shallow.
 */
import { shallowRef } from "vue";

export function useRun(host, changed = () => {}) {
	const run = shallowRef(null);
	const error = shallowRef(null);
	let stopFollowing = () => {};
	let wanted = null;

	function take(view) {
		if (!view || view.name !== wanted) return;
		run.value = view;
		changed(view);
	}

	async function refresh() {
		const name = wanted;
		try {
			const answer = await host.call("runs.get", { run: name });
			error.value = null;
			take(answer.run);
		} catch (failed) {
			if (name === wanted) error.value = failed;
		}
	}

	async function start(name) {
		stop();
		wanted = name;
		await refresh();
		follow();
	}

	/** Also after an action: a run that had ended may be alive again, and nobody was watching any more. */
	function follow() {
		stopFollowing();
		stopFollowing = () => {};
		if (run.value?.status !== "running") return;
		stopFollowing = host.follow(wanted, (view) => (view?.steps ? take(view) : refresh()));
	}

	async function again() {
		await refresh();
		follow();
	}

	function stop() {
		stopFollowing();
		stopFollowing = () => {};
		wanted = null;
	}

	return { run, error, start, refresh: again, stop };
}
