// Service levels in words: by when something has to be done, and who is asked when it is not.
import { fill } from "../messages.js";

const UNITS = {
	w: (n, t) => (n === 1 ? t("{0} week", [n]) : t("{0} weeks", [n])),
	d: (n, t) => (n === 1 ? t("{0} day", [n]) : t("{0} days", [n])),
	h: (n, t) => (n === 1 ? t("{0} hour", [n]) : t("{0} hours", [n])),
	m: (n, t) => (n === 1 ? t("{0} minute", [n]) : t("{0} minutes", [n])),
};
const WHOLE = /^\s*(\d{1,7}[wdhm] ?)+$/i;

/** "3d" → "3 days"; what is no duration stays as it is written. */
export function durationWords(text, t = fill) {
	if (typeof text !== "string" || !WHOLE.test(text)) return String(text ?? "");
	return [...text.toLowerCase().matchAll(/(\d+)([wdhm])/g)]
		.map(([, number, unit]) => UNITS[unit](Number(number), t))
		.join(" ");
}

/** "within 3 days", or "" for a step that promises nothing. */
export function withinWords(sla, t = fill) {
	if (sla?.from) return t("in the time of its issue");
	if (!sla?.breach && !sla?.warn) return "";
	const within = durationWords(sla.breach || sla.warn, t);
	return sla.calendar ? t("within {0} of working time", [within]) : t("within {0}", [within]);
}

/** What it comes to, as sentences: "Late after 3 days. A warning after 2 days. Then Ann is asked instead." */
export function slaSentences(sla, t = fill) {
	const said = [];
	const counted = (text) =>
		sla.calendar ? t("{0} of working time", [durationWords(text, t)]) : durationWords(text, t);
	if (sla.from) said.push(t("By when is what ERPNext promises for its issue."));
	if (sla.warn) said.push(t("A warning after {0}.", [counted(sla.warn)]));
	if (sla.breach) said.push(t("Late after {0}.", [counted(sla.breach)]));
	const { user, role, keep } = sla.escalate || {};
	const people = [user, role].filter(Boolean).join(", ");
	if (people)
		said.push(keep ? t("Then {0} is asked too.", [people]) : t("Then {0} is asked instead.", [people]));
	return said;
}
