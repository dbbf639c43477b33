/**
 * What the state of a step or a run is called, and the tone it has on a card: the same words on the tree, in lists
 * and beside them. Works on the steps of `runs.get` and of a test run alike.
 */
import { undoneTone, undoneWord } from "./undoing.js";
import { clockWords } from "./service_levels.js";
import { between, lengthWords, shortTime } from "./times.js";

/** Under this a step took no time worth telling. */
export const WORTH_TELLING_MS = 50;

const TONES = {
	done: "done",
	waiting: "waiting",
	scheduled: "waiting",
	running: "running",
	failed: "failed",
	skipped: "skipped",
	cancelled: "skipped",
};
const RUN_TONES = { running: "running", completed: "done", failed: "failed", cancelled: "skipped" };

export const toneOf = (status) => TONES[status] || "";
export const runTone = (status) => RUN_TONES[status] || "skipped";

export function runWord(status, t) {
	const words = {
		running: t("Running"),
		completed: t("Completed"),
		failed: t("Failed"),
		cancelled: t("Cancelled"),
		not_started: t("Not started"),
	};
	return words[status] || status;
}

/** The state in full: what a person is told about it. */
export function stateWord(step, t) {
	if (step.status === "skipped") {
		return (
			{ disabled: t("Switched off"), operator: t("Skipped by hand") }[step.reason] ||
			t("Branch not taken")
		);
	}
	if (step.status === "failed" && step.handled) {
		return {
			continue: t("Failed, and the flow went on"),
			error: t("Failed, and the error branch was taken"),
			timeout: t("Too late, and the branch for that was taken"),
		}[step.handled];
	}
	if (step.status === "scheduled" && step.error) return t("Will be tried again");
	const words = {
		pending: t("Not yet its turn"),
		waiting: t("Waiting"),
		scheduled: t("Has a date"),
		running: t("Running"),
		done: t("Done"),
		failed: t("Failed"),
		cancelled: t("Cancelled"),
	};
	return words[step.status] || step.status;
}

/** What stands on the card: the most telling thing in as few letters. branchLabel: a branch's name in words. */
export function badgeOf(step, host, branchLabel = String) {
	const { t } = host;
	const due = shortTime(step.trigger_at, host);
	switch (step.status) {
		case "done":
			return doneBadge(step, t, branchLabel);
		case "waiting":
			return due ? t("until {0}", [due]) : t("Waiting");
		case "scheduled":
			return step.error ? t("again {0}", [due]) : due || t("Has a date");
		case "running":
			return t("Running");
		case "failed":
			return step.handled === "timeout"
				? t("Too late")
				: step.handled
					? t("Failed, went on")
					: t("Failed");
		case "skipped":
			return { disabled: t("Switched off"), operator: t("Skipped") }[step.reason] || t("Not taken");
		case "cancelled":
			return t("Cancelled");
		default:
			return "";
	}
}

function doneBadge(step, t, branchLabel) {
	const result = step.result && typeof step.result === "object" ? step.result : {};
	// The number of a message in its queue tells a reader nothing.
	const sent = typeof result.channel === "string" && result.to ? t("Sent") : "";
	const made = result.doctype && result.name ? String(result.name) : "";
	const said =
		sent || made || (typeof result.branch === "string" ? branchLabel(result.branch) : "") || t("Done");
	const length = between(step.started_at, step.completed_at);
	return length >= WORTH_TELLING_MS ? `${said} · ${lengthWords(length, t)}` : said;
}

/** The branch a settled step took: its name, null for the way on without one, undefined while it has taken none. */
function branchTaken(step) {
	if (step.status === "done") return typeof step.result?.branch === "string" ? step.result.branch : null;
	if (step.status !== "failed" || !step.handled) return undefined;
	return step.handled === "continue" ? null : step.handled;
}

/** The overlay of the tree for steps `[{id, status, …}]`: `{id: {status, text, tone, chips, branch}}`. */
export function overlaySteps(steps, host, branchLabel) {
	const { t } = host;
	const shown = {};
	for (const step of steps) {
		const chips = step.attempts > 1 ? [{ text: t("{0} attempts", [step.attempts]), tone: "info" }] : [];
		const clock = clockWords(step.sla, host);
		if (clock) chips.unshift(clock);
		if (step.undone) {
			chips.unshift({ text: undoneWord(step.undone, t), tone: undoneTone(step.undone) });
		}
		shown[step.id] = {
			status: stateWord(step, t),
			text: badgeOf(step, host, branchLabel),
			tone: toneOf(step.status),
			chips,
			branch: branchTaken(step),
		};
	}
	return shown;
}
