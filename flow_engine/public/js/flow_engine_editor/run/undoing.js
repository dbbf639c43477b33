/** What is said about undoing what a run has done: before, in which order, and what became of it. */

/** What became of undoing a step, as `run.steps[].undone` says. */
export function undoneWord(undone, t) {
	return {
		all: t("Undone"),
		some: t("Undone in part"),
		nothing: t("Left as it is"),
		failed: t("Not undone: it failed"),
		cancelled: t("Not undone: cancelled"),
		under_way: t("Being undone"),
		pending: t("To be undone"),
	}[undone];
}

export function undoneTone(undone) {
	return { all: "done", failed: "failed", cancelled: "failed", under_way: "running" }[undone] || "waiting";
}

/** How a run that is undone stands: of `run.compensation.outcome`. */
export function outcomeWord(outcome, t) {
	return {
		under_way: t("Is being undone"),
		complete: t("Undone"),
		incomplete: t("Not undone in full"),
	}[outcome];
}

export const outcomeTone = (outcome) =>
	({ under_way: "running", complete: "done", incomplete: "failed" })[outcome] || "";

export function whyWord(why, t) {
	return { on_failure: t("because it failed"), on_cancel: t("because it was cancelled") }[why] || "";
}

/** Does the plan of `runs.compensation_plan` undo anything by itself? */
export const undoesSomething = (plan) => plan.steps.some((step) => ["steps", "kind"].includes(step.how));

/** Does the flow itself say that what is cancelled is undone? */
export const undoesWhenCancelled = (plan) => ["on_cancel", "both"].includes(plan.compensate);

/** Steps of which somebody has to say whether they happened, and which could be undone then. */
export const askedAbout = (plan) =>
	plan.steps.filter((step) => step.how === "unknown" && step.possible !== "nothing");

/** What becomes of one step of the plan, in a sentence. happened: whether somebody says that it was done. */
export function planWords(step, t, happened = false) {
	const how = step.how === "unknown" && happened ? step.possible : step.how;
	if (how === "steps") {
		const names = step.steps.map((one) => `“${one.label || one.id}”`).join(", ");
		return t("Undone by {0}.", [names]);
	}
	if (how === "earlier") return t("Done by the run that this one repeats, and undone with that one.");
	if (how === "unknown") return t("Nobody knows whether it happened, so it is left alone.");
	if (how === "nothing") return step.help || t("It is left as it is.");
	return step.help;
}
