/** Times and durations of runs in words; times come in ISO 8601, as the server gives them. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const formats = new Map();

/** A time as short as a card has room for: without the year where it is the present one. */
export function shortTime(iso, host) {
	if (!iso) return "";
	const when = new Date(iso);
	if (Number.isNaN(when.getTime())) return String(iso);
	const sameYear = when.getFullYear() === new Date().getFullYear();
	const language = host.language || document.documentElement.lang || "en";
	const key = `${language} ${host.timeZone} ${sameYear}`;
	if (!formats.has(key)) {
		const parts = {
			day: "numeric",
			month: "short",
			hour: "2-digit",
			minute: "2-digit",
			timeZone: host.timeZone,
		};
		formats.set(key, new Intl.DateTimeFormat(language, sameYear ? parts : { ...parts, year: "numeric" }));
	}
	return formats.get(key).format(when);
}

/** Milliseconds between two times, null where one is missing or they are the wrong way round. */
export function between(from, to) {
	if (!from || !to) return null;
	const length = new Date(to) - new Date(from);
	return length >= 0 ? length : null;
}

/** A length of time in its two largest units; t translates. */
export function lengthWords(milliseconds, t) {
	if (milliseconds === null) return "";
	if (milliseconds < MINUTE) {
		const seconds = milliseconds / SECOND;
		return t("{0} s", [seconds < 10 ? Math.round(seconds * 10) / 10 : Math.round(seconds)]);
	}
	if (milliseconds < HOUR) return t("{0} min", [Math.round(milliseconds / MINUTE)]);
	if (milliseconds < DAY) {
		const hours = Math.floor(milliseconds / HOUR);
		const minutes = Math.floor((milliseconds % HOUR) / MINUTE);
		return minutes ? t("{0} h {1} min", [hours, minutes]) : t("{0} h", [hours]);
	}
	const days = Math.floor(milliseconds / DAY);
	const hours = Math.floor((milliseconds % DAY) / HOUR);
	return hours ? t("{0} d {1} h", [days, hours]) : t("{0} d", [days]);
}
