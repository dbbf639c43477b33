/** Times and rules of schedules as sentences in the reader's language; t translates. */
import { readCron } from "./cron.js";
import { changeAt, isZone, offsetAt } from "./zones.js";

const formats = new Map();
function format(language, options) {
	const key = JSON.stringify([language, options]);
	if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(language || "en", options));
	return formats.get(key);
}

/** "Monday, 23 November 2026 at 09:00", as the clocks of the zone show it. */
export function momentWords(iso, zone, language) {
	const when = new Date(iso);
	if (!iso || Number.isNaN(when.getTime())) return "";
	const options = { dateStyle: "full", timeStyle: "short", timeZone: isZone(zone) ? zone : "UTC" };
	return format(language, options).format(when);
}

/** A time of the wall without a zone, "2026-11-23T09:00", as momentWords says it. */
export const wallWords = (text, language) => (text ? momentWords(`${text}Z`, "UTC", language) : "");

/** "Mon, 23 Nov 2026, 09:00" */
export function shortMoment(iso, zone, language) {
	const when = new Date(iso);
	if (!iso || Number.isNaN(when.getTime())) return "";
	const options = {
		weekday: "short",
		day: "numeric",
		month: "short",
		year: "numeric",
		hour: "2-digit",
		minute: "2-digit",
		timeZone: isZone(zone) ? zone : "UTC",
	};
	return format(language, options).format(when);
}

/** "Monday": 0 is Sunday. The first of these days in the calendar is 4 January 1970. */
export const dayName = (day, language, weekday = "long") =>
	format(language, { weekday, timeZone: "UTC" }).format(new Date(Date.UTC(1970, 0, 4 + day)));

export const monthName = (month, language) =>
	format(language, { month: "long", timeZone: "UTC" }).format(new Date(Date.UTC(1970, month - 1, 1)));

/** "9:00 am" or "09:00", as the language writes it. */
export function clockWords(time, language) {
	const [hour, minute] = time.split(":").map(Number);
	const when = new Date(Date.UTC(1970, 0, 1, hour, minute));
	return format(language, { timeStyle: "short", timeZone: "UTC" }).format(when);
}

function listWords(words, language) {
	return new Intl.ListFormat(language || "en", { type: "conjunction" }).format(words);
}

/** "every Monday and Thursday at 09:00"; what only cron can say stays cron. */
export function cronWords(line, language, t) {
	const parts = readCron(line);
	const at = parts.time && clockWords(parts.time, language);
	switch (parts.form) {
		case "minutes":
			return parts.every === 1 ? t("every minute") : t("every {0} minutes", [parts.every]);
		case "hours":
			return parts.every === 1
				? t("every hour at minute {0}", [parts.minute])
				: t("every {0} hours at minute {1}", [parts.every, parts.minute]);
		case "day":
			return t("every day at {0}", [at]);
		case "weekdays":
			return t("Monday to Friday at {0}", [at]);
		case "week": {
			const days = parts.days.map((day) => dayName(day, language));
			return t("every {0} at {1}", [listWords(days, language), at]);
		}
		case "month":
			return parts.day === "L"
				? t("on the last day of each month at {0}", [at])
				: t("on day {0} of each month at {1}", [parts.day, at]);
		case "year": {
			const month = monthName(parts.month, language);
			return parts.day === "L"
				? t("on the last day of {0} at {1}", [month, at])
				: t("every year on {0} {1} at {2}", [parts.day, month, at]);
		}
		default:
			return parts.text ? t("by the cron line {0}", [parts.text]) : "";
	}
}

/** What is special about a time at which it fires; `moved_from`: a time of the wall. */
export function noteWords({ note, moved_from: from }, language, t) {
	if (note === "moved") return t("moved from {0}", [wallWords(from, language)]);
	if (note === "gap") return t("clocks go forward over {0}", [clockWords(from.slice(11, 16), language)]);
	return note === "fold" ? t("the second time that clocks show it") : "";
}

/** Why a time that the calendar names brings no run. */
export function skipWords(code, t) {
	const words = {
		weekend: t("a weekend"),
		holiday: t("a holiday"),
		gap: t("clocks go forward over this time"),
	};
	return words[code] || code;
}

/** The forms that are due on a day at one time; others have none that a change of clocks could touch. */
function dueOn(parts, days) {
	return ({ month, day, weekday, isLast }) =>
		// Days off are told by the server; clocks change on weekends nearly everywhere.
		!(days && days !== "any" && (weekday === 0 || weekday === 6)) &&
		{
			day: () => true,
			weekdays: () => weekday >= 1 && weekday <= 5,
			week: () => parts.days.includes(weekday),
			month: () => (parts.day === "L" ? isLast : parts.day === day),
			year: () => parts.month === month && (parts.day === "L" ? isLast : parts.day === day),
		}[parts.form]?.();
}

/**
 * What the change of clocks does to this cron line in this zone within a year, or "". policies: `{gap, fold, days}` as a
 * schedule has them; now: milliseconds.
 */
export function changeWords(line, zone, policies, { language, now, t }) {
	const parts = readCron(line);
	if (!parts.time || !isZone(zone)) return "";
	const change = changeAt(parts.time, zone, now, dueOn(parts, policies.days));
	if (!change) return "";
	const day = format(language, { dateStyle: "full", timeZone: zone }).format(change.at);
	const time = clockWords(parts.time, language);
	if (change.kind === "gap") {
		return policies.gap === "skip"
			? t("On {0} clocks go forward over {1}: it does not fire then.", [day, time])
			: t("On {0} clocks go forward over {1}: it fires at {2} then.", [
					day,
					time,
					clockWords(change.resumes, language),
				]);
	}
	return policies.fold === "both"
		? t("On {0} clocks show {1} twice: it fires both times.", [day, time])
		: t("On {0} clocks show {1} twice: it fires the first time.", [day, time]);
}

/** Do two zones' clocks differ at this moment? */
export function differs(iso, zone, other) {
	const when = new Date(iso).getTime();
	return isZone(zone) && isZone(other) && offsetAt(when, zone) !== offsetAt(when, other);
}
