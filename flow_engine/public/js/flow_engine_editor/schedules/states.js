/** What a schedule's and a fire's state are called, and their tones. */

const TONES = { enabled: "done", paused: "skipped", invalid: "failed", finished: "running" };
const FIRE_TONES = {
	queued: "waiting",
	running: "running",
	completed: "done",
	skipped: "skipped",
	failed: "failed",
};

export function scheduleWord(status, t) {
	const words = {
		enabled: t("Enabled"),
		paused: t("Paused"),
		invalid: t("Invalid"),
		finished: t("Finished"),
	};
	return words[status] || status;
}
export const scheduleTone = (status) => TONES[status] || "skipped";

export function fireWord(status, t) {
	const words = {
		queued: t("Queued"),
		running: t("Running"),
		completed: t("Done"),
		skipped: t("Left out"),
		failed: t("Failed"),
	};
	return words[status] || status;
}
export const fireTone = (status) => FIRE_TONES[status] || "skipped";

export const STATUSES = ["enabled", "paused", "invalid", "finished"];
