/**
 * Doing something to a run: opens the question, makes the call, says what came of it. The server decides whether it
 * may be done; a refusal stays in the dialog, so that what was typed is not lost.
 */
import { ref, shallowRef } from "vue";
import { actionsOf } from "./actions.js";
import { inputNames } from "./inputs.js";

/** run: ref of the run's view; flow: () → its definition; done(answer, name): after a call that worked. */
export function useActing(host, run, flow, done) {
	const { t } = host;
	const actions = actionsOf(t);
	const asked = shallowRef(null);
	const busy = ref(false);
	const fault = ref("");

	function ask(name, step = null) {
		fault.value = "";
		asked.value = {
			name,
			step,
			action: actions[name],
			subject: step ? step.label || step.id : run.value.template_name || run.value.name,
			plan: null,
			names: step && actions[name].values && name === "complete" ? inputNames(flow(), step.id) : [],
		};
		if (actions[name].undoes) askPlan();
	}

	/** What undoing comes to is asked for when somebody looks. Without an answer the rest can still be done. */
	async function askPlan() {
		const question = asked.value;
		try {
			const plan = await host.call("runs.compensation_plan", { run: run.value.name });
			if (asked.value === question) asked.value = { ...question, plan };
		} catch (error) {
			if (asked.value === question) fault.value = error.message;
		}
	}

	async function confirm(given) {
		const { name, step, action } = asked.value;
		busy.value = true;
		fault.value = "";
		try {
			const args = { run: run.value.name, ...(step ? { step_id: step.id } : {}), ...given };
			const answer = await host.call(action.endpoint, args);
			asked.value = null;
			if (name === "replay" || name === "replay_run") {
				host.notify(t("The new run is {0}.", [answer.run]), "done");
				host.open("Flow Run", answer.run);
			} else if (name === "compensate") {
				host.notify(t("It is undone by the run {0}.", [answer.run]), "done");
			} else if (name === "cancel" && answer.in_flight?.length) {
				host.notify(t("Cancelled. A call was under way and may still arrive."), "waiting");
			} else host.notify(action.done, "done");
			await done(answer, name);
		} catch (error) {
			fault.value = error.message;
		} finally {
			busy.value = false;
		}
	}

	return { actions, asked, busy, fault, ask, confirm, close: () => (asked.value = null) };
}
