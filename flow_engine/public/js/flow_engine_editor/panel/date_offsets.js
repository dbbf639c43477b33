// The offsets of a date as people say them: whole days before or after, and a time of day.

const numeric = (value) =>
	typeof value === "number" ? value : typeof value === "string" && value.trim() ? Number(value) : 0;

/** Whole days, negative before the date; null for what is a template or no whole number. */
export function dayOffset(value) {
	const days = numeric(value);
	return Number.isInteger(days) ? days : null;
}

/** An offset in hours as a time of day, `"09:30"`; "" for none, null where it is none between 0 and 24 hours. */
export function clockOf(value) {
	const minutes = numeric(value) * 60;
	if (!Number.isFinite(minutes) || minutes < 0 || minutes >= 24 * 60) return null;
	const whole = Math.round(minutes);
	if (Math.abs(minutes - whole) > 1e-6) return null;
	if (!whole) return "";
	return `${String(Math.floor(whole / 60)).padStart(2, "0")}:${String(whole % 60).padStart(2, "0")}`;
}

/** A time of day as hours after midnight; undefined for midnight and for no time. */
export function hoursOf(clock) {
	const [hours, minutes] = (clock || "00:00").split(":").map(Number);
	return hours || minutes ? hours + minutes / 60 : undefined;
}
