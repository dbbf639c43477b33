/** Time zones as the browser knows them: their names, how far they are from UTC, and when their clocks change. */

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const formats = new Map();

function formatOf(zone) {
	if (!formats.has(zone)) {
		const parts = {
			year: "numeric",
			month: "2-digit",
			day: "2-digit",
			hour: "2-digit",
			minute: "2-digit",
		};
		const options = { ...parts, hourCycle: "h23", timeZone: zone, calendar: "gregory" };
		formats.set(zone, new Intl.DateTimeFormat("en-CA", options));
	}
	return formats.get(zone);
}

/** Browsers list some zones by names that cities no longer have. */
const RENAMED = {
	"Africa/Asmera": "Africa/Asmara",
	"America/Buenos_Aires": "America/Argentina/Buenos_Aires",
	"America/Coral_Harbour": "America/Atikokan",
	"America/Godthab": "America/Nuuk",
	"Asia/Calcutta": "Asia/Kolkata",
	"Asia/Katmandu": "Asia/Kathmandu",
	"Asia/Rangoon": "Asia/Yangon",
	"Asia/Saigon": "Asia/Ho_Chi_Minh",
	"Atlantic/Faeroe": "Atlantic/Faroe",
	"Europe/Kiev": "Europe/Kyiv",
	"Pacific/Enderbury": "Pacific/Kanton",
};

/** Names by which time zones can be chosen; `also` are in the list whether or not the browser lists them. */
export function zoneNames(...also) {
	const listed = Intl.supportedValuesOf?.("timeZone") ?? [];
	const known = listed.map((zone) => (isZone(RENAMED[zone]) ? RENAMED[zone] : zone));
	return [...new Set([...also.filter(Boolean), "UTC", ...known])];
}

export function isZone(zone) {
	try {
		return Boolean(zone && formatOf(zone));
	} catch {
		return false;
	}
}

/** What clocks in a zone show at a moment: milliseconds as if they showed UTC, to the minute. */
function clockMs(instant, zone) {
	const parts = Object.fromEntries(
		formatOf(zone)
			.formatToParts(instant)
			.map((one) => [one.type, one.value]),
	);
	return Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute);
}

/** Minutes that a zone's clocks are ahead of UTC at a moment (milliseconds). */
export function offsetAt(instant, zone) {
	const toTheMinute = Math.floor(instant / MINUTE_MS) * MINUTE_MS;
	return (clockMs(toTheMinute, zone) - toTheMinute) / MINUTE_MS;
}

/**
 * The next times a zone's clocks are put forward or back: `[{at, before, after}]`; at: milliseconds; before, after:
 * minutes ahead of UTC.
 */
export function clockChanges(zone, from, days = 366) {
	const found = [];
	let last = offsetAt(from, zone);
	for (let day = 1; day <= days; day++) {
		const now = offsetAt(from + day * DAY_MS, zone);
		if (now !== last) found.push(changeWithin(zone, from + (day - 1) * DAY_MS, from + day * DAY_MS));
		last = now;
	}
	return found;
}

function changeWithin(zone, low, high) {
	const [before, after] = [offsetAt(low, zone), offsetAt(high, zone)];
	while (high - low > MINUTE_MS) {
		const middle = Math.floor((low + high) / 2);
		if (offsetAt(middle, zone) === before) low = middle;
		else high = middle;
	}
	return { at: Math.floor(high / MINUTE_MS) * MINUTE_MS, before, after };
}

/**
 * The next change that a time of day falls into: `{kind: "gap" | "fold", at, resumes}`, or null. gap: no clock of the
 * zone shows the time on that day, the first it shows is `resumes` ("HH:MM"); fold: they show it twice.
 * time: "HH:MM"; fits(day): is the schedule due on that day? day: `{month, day, weekday, isLast}` as the zone's calendar has it.
 */
export function changeAt(time, zone, from, fits = () => true) {
	const [hour, minute] = time.split(":").map(Number);
	const wanted = (hour * 60 + minute) * MINUTE_MS;
	for (const { at, before, after } of clockChanges(zone, from)) {
		const [start, end] = [before, after].map((offset) => at + offset * MINUTE_MS);
		const [low, high] = [Math.min(start, end), Math.max(start, end)];
		const midnight = Math.floor(low / DAY_MS) * DAY_MS;
		const shown = [midnight, midnight + DAY_MS].map((day) => day + wanted);
		const hit = shown.find((one) => one >= low && one < high);
		if (hit === undefined || !fits(dayOf(hit))) continue;
		const resumes = new Date(end).toISOString().slice(11, 16);
		return { kind: after > before ? "gap" : "fold", at, resumes };
	}
	return null;
}

function dayOf(clock) {
	const date = new Date(clock);
	const isLast = new Date(clock + DAY_MS).getUTCDate() === 1;
	return { month: date.getUTCMonth() + 1, day: date.getUTCDate(), weekday: date.getUTCDay(), isLast };
}
