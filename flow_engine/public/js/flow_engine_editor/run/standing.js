/** Where the runs of a flow stand, as badges of its cards: "12 wait here", "3 failed". */

/** `[{key, tone, text}]` of one step's counts, the gravest first. */
export function standingWords(counts, { t, formatNumber }) {
	const { failed = 0, running = 0 } = counts;
	const waiting = (counts.waiting || 0) + (counts.scheduled || 0);
	const said = [];
	if (failed) {
		said.push({
			key: "failed",
			tone: "failed",
			text: failed === 1 ? t("1 failed") : t("{0} failed", [formatNumber(failed)]),
		});
	}
	if (counts.overdue) {
		const { overdue } = counts;
		said.push({
			key: "overdue",
			tone: "failed",
			text: overdue === 1 ? t("1 overdue") : t("{0} overdue", [formatNumber(overdue)]),
		});
	}
	if (counts.at_risk) {
		const { at_risk: soon } = counts;
		said.push({
			key: "at_risk",
			tone: "waiting",
			text: soon === 1 ? t("1 soon overdue") : t("{0} soon overdue", [formatNumber(soon)]),
		});
	}
	if (waiting) {
		const text = waiting === 1 ? t("1 waits here") : t("{0} wait here", [formatNumber(waiting)]);
		said.push({ key: "waiting", tone: "waiting", text });
	}
	if (running) {
		const text = running === 1 ? t("1 is here") : t("{0} are here", [formatNumber(running)]);
		said.push({ key: "running", tone: "running", text });
	}
	return said;
}

/** The overlay's steps: the gravest count is the badge, the others are chips. */
export function standingSteps(steps, host) {
	const shown = {};
	for (const [id, counts] of Object.entries(steps)) {
		const [first, ...others] = standingWords(counts, host);
		if (!first) continue;
		shown[id] = { status: first.text, text: first.text, tone: first.tone, chips: others };
	}
	return shown;
}

/** Is a run that stands there one of those that the word of this key counts? */
export const isCounted = (run, key) => run.standing === key || (WAITS[run.status] || run.status) === key;
const WAITS = { scheduled: "waiting" };
