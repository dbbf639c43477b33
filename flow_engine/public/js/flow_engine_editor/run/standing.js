/** Where the runs of a flow stand, as badges of its cards: "12 wait here", "3 failed". */

/** `[{kind, status, tone, text}]` of one step's counts; status: of the runs that are meant. */
export function standingWords(counts, { t, formatNumber }) {
	const { failed = 0, running = 0 } = counts;
	const waiting = (counts.waiting || 0) + (counts.scheduled || 0);
	const words = [
		["failed", "failed", failed, failed === 1 ? t("1 failed") : t("{0} failed", [formatNumber(failed)])],
		[
			"running",
			"waiting",
			waiting,
			waiting === 1 ? t("1 waits here") : t("{0} wait here", [formatNumber(waiting)]),
		],
		[
			"running",
			"running",
			running,
			running === 1 ? t("1 is here") : t("{0} are here", [formatNumber(running)]),
		],
	];
	return words
		.filter(([, , number]) => number)
		.map(([status, tone, , text]) => ({ kind: tone, status, tone, text }));
}

/** The overlay's steps: the gravest count is the badge, the others are chips. */
export function standingSteps(steps, host) {
	const shown = {};
	for (const [id, counts] of Object.entries(steps)) {
		const [first, ...others] = standingWords(counts, host);
		if (!first) continue;
		const chips = others.map(({ text, tone }) => ({ text, tone }));
		shown[id] = { status: first.text, text: first.text, tone: first.tone, chips };
	}
	return shown;
}
