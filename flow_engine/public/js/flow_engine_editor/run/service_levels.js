/** How a step or a run stands with its service level, in words and as a mark: the same on cards, in lists, beside them. */
import { shortTime } from "./times.js";

const TONES = { overdue: "failed", at_risk: "waiting", missed: "skipped", on_time: "done" };

export const standingTone = (standing) => TONES[standing] || "";

export function standingWord(standing, t) {
	const words = {
		overdue: t("Overdue"),
		at_risk: t("Soon overdue"),
		missed: t("Was late"),
		on_time: t("In time"),
	};
	return words[standing] || "";
}

/** The mark on a card: "due 21 March 09:00", "overdue since …"; null where there is nothing to say. */
export function clockWords(clock, host) {
	if (!clock) return null;
	const { t } = host;
	const due = shortTime(clock.breach_at, host);
	const tone = TONES[clock.standing];
	if (clock.standing === "overdue") return { text: t("overdue since {0}", [due]), tone };
	if (clock.standing === "missed") return { text: t("was late"), tone };
	if (!clock.open) return null;
	if (!due) return clock.standing === "at_risk" ? { text: t("takes long"), tone } : null;
	return { text: t("due {0}", [due]), tone: clock.standing === "at_risk" ? tone : "info" };
}

/** `[label, text]` rows about the agreement of an Issue that a step has opened: ERPNext's own words and times. */
export function agreementFacts(agreement, host) {
	if (!agreement) return [];
	const { t } = host;
	return [
		[t("Agreement"), agreement.name],
		[t("Its state"), agreement.status ? t(agreement.status) : ""],
		[t("Response by"), host.formatTime(agreement.response_by)],
		[t("Resolution by"), host.formatTime(agreement.resolution_by)],
	].filter(([, text]) => text);
}

/** `[label, text]` rows about a clock, for the panel beside the tree. */
export function clockFacts(clock, host) {
	if (!clock) return [];
	const { t } = host;
	return [
		[t("Service level"), standingWord(clock.standing, t)],
		[t("Counts from"), host.formatTime(clock.since)],
		[clock.warned_at ? t("Warned") : t("Warning"), host.formatTime(clock.warn_at)],
		[clock.breached_at ? t("Late since") : t("To be done by"), host.formatTime(clock.breach_at)],
	].filter(([, text]) => text);
}
