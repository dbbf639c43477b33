// The offsets of a date as people say them: whole days before or after, and a time of day.

import { clockOf, numeric } from "../model/clock.js";

export { clockOf };

/** Whole days, negative before the date; null for what is a template or no whole number. */
export function dayOffset(value) {
	const days = numeric(value);
	return Number.isInteger(days) ? days : null;
}

/** A time of day as hours after midnight; undefined for midnight and for no time. */
export function hoursOf(clock) {
	const [hours, minutes] = (clock || "00:00").split(":").map(Number);
	return hours || minutes ? hours + minutes / 60 : undefined;
}
