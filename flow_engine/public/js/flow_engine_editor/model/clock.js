// Offsets of a date as numbers, and as times of day.

/** A number that may be given as text; none is 0, what is no number is NaN. */
export const numeric = (value) =>
	typeof value === "number" ? value : typeof value === "string" && value.trim() ? Number(value) : 0;

/** An offset in hours as a time of day, `"09:30"`; "" for none, null where it is none between 0 and 24 hours. */
export function clockOf(value) {
	const minutes = numeric(value) * 60;
	if (!Number.isFinite(minutes) || minutes < 0 || minutes >= 24 * 60) return null;
	const whole = Math.round(minutes);
	if (Math.abs(minutes - whole) > 1e-6) return null;
	if (!whole) return "";
	return `${String(Math.floor(whole / 60)).padStart(2, "0")}:${String(whole % 60).padStart(2, "0")}`;
}
