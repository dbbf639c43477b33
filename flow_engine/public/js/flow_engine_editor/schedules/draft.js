/**
 * The values of a schedule while they are being edited: what a new one begins with, what is sent, and which of the
 * server's problems belongs to which field.
 */

/** What a schedule is when nobody says anything else. */
const USUAL = {
	missed_policy: "run_once",
	missed_limit: 10,
	overlap_policy: "allow",
	jitter_minutes: 0,
	gap_policy: "after",
	fold_policy: "first",
	day_policy: "any",
	holiday_list: "",
	fan_out_doctype: "",
	fan_out_filters: [],
	fan_out_condition: "",
	fan_out_order: "",
	fan_out_limit: 1000,
	batch_size: 50,
};
/** Fields under "More": where one of them is not as usual, they are shown at once. */
export const MORE = [
	"missed_policy",
	"missed_limit",
	"overlap_policy",
	"jitter_minutes",
	"gap_policy",
	"fold_policy",
];
export const DAYS_OFF = ["day_policy", "holiday_list"];
export const FAN_OUT = [
	"fan_out_doctype",
	"fan_out_filters",
	"fan_out_condition",
	"fan_out_order",
	"fan_out_limit",
	"batch_size",
];

/** presets: `{flow_template, schedule_name, …}`; zone: the reader's. */
export function blankSchedule(presets, zone) {
	return {
		schedule_name: "",
		flow_template: "",
		schedule_type: "cron",
		run_at: "",
		cron: "0 9 * * *",
		timezone: zone,
		payload: {},
		...USUAL,
		...presets,
	};
}

/** The draft of a stored schedule, its empty fields as usual. */
export function draftOf(schedule, zone) {
	const draft = blankSchedule({}, zone);
	for (const name of Object.keys(draft)) {
		const stored = schedule[name];
		if (stored !== null && stored !== undefined && stored !== "") draft[name] = stored;
	}
	if (!schedule.cron) draft.cron = "0 9 * * *";
	draft.run_at = String(schedule.run_at ?? "")
		.replace(" ", "T")
		.slice(0, 16);
	return draft;
}

/** What the server gets: only the timing that counts, and nothing of a fan-out without a kind of document. */
export function scheduleValues(draft) {
	const { run_at, cron, ...others } = draft;
	const values = { ...others, ...(draft.schedule_type === "once" ? { run_at } : { cron }) };
	if (!draft.fan_out_doctype) for (const name of FAN_OUT) delete values[name];
	if (draft.day_policy === "any") values.holiday_list = "";
	return values;
}

/** Is one of these fields not as it usually is? */
export const unusual = (draft, names) =>
	names.some((name) => String(draft[name] ?? "") !== String(USUAL[name] ?? ""));

/** A problem's path as the name of the field it is shown at: the first of its segments. */
export const fieldOfProblem = (problem) => String(problem.path ?? "").split(/[.[]/)[0];

/**
 * The problems to be shown: those of the timing and of what was filled in at once, the others when somebody has tried
 * to save.
 */
export function shownProblems(problems, draft, tried) {
	return problems.filter((problem) => {
		const value = draft[fieldOfProblem(problem)];
		return tried || (value !== "" && value !== null && value !== undefined);
	});
}
