/**
 * Asks for and does something to a schedule: `{asked, busy, fault, ask(name, schedule), close(), confirm(given)}`.
 * done(name, schedule) is called when the server has done it.
 */
import { ref, shallowRef } from "vue";
import { scheduleActions } from "./actions.js";

export function useScheduleActing(host, done) {
	const { t } = host;
	const actions = scheduleActions(t);
	const asked = shallowRef(null);
	const busy = ref(false);
	const fault = ref("");

	function ask(name, schedule) {
		fault.value = "";
		asked.value = { name, schedule, action: actions[name], subject: schedule.schedule_name };
	}
	function close() {
		asked.value = null;
	}
	async function confirm(given) {
		const { name, schedule, action, subject } = asked.value;
		busy.value = true;
		fault.value = "";
		try {
			await host.call(`schedules.${name}`, { name: schedule.name, ...given });
			asked.value = null;
			host.notify(action.done(subject), "done");
			await done(name, schedule);
		} catch (error) {
			const first = error.problems?.[0]?.message;
			fault.value = first ? `${error.message} ${first}` : error.message;
		} finally {
			busy.value = false;
		}
	}
	const offered = (schedule) =>
		Object.keys(actions).filter((name) => actions[name].fits.includes(schedule.status));
	return { actions, asked, busy, fault, ask, close, confirm, offered };
}
