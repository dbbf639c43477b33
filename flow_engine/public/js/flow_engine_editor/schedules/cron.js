/**
 * A schedule's cron line as the few forms that people think in, and back.
 *
 * Forms: `{form: "minutes", every}`, `{form: "hours", every, minute}`, `{form: "day", time}`, `{form: "weekdays",
 * time}`, `{form: "week", days, time}`, `{form: "month", day, time}` (day: 1-31 or "L", the last), `{form: "year",
 * month, day, time}`; time: "HH:MM"; days: 0 is Sunday. What fits none is `{form: "raw", text}`: whether it means
 * anything is for the server to say.
 */
const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const NICKNAMES = {
	"@hourly": "0 * * * *",
	"@daily": "0 0 * * *",
	"@midnight": "0 0 * * *",
	"@weekly": "0 0 * * 0",
	"@monthly": "0 0 1 * *",
	"@yearly": "0 0 1 1 *",
	"@annually": "0 0 1 1 *",
};
export const FORMS = ["day", "weekdays", "week", "month", "year", "hours", "minutes", "raw"];

const whole = (text, least, most) => {
	if (!/^\d{1,2}$/.test(text)) return null;
	const number = Number(text);
	return number >= least && number <= most ? number : null;
};
const two = (number) => String(number).padStart(2, "0");

function timeOf(minute, hour) {
	const [m, h] = [whole(minute, 0, 59), whole(hour, 0, 23)];
	return m === null || h === null ? null : `${two(h)}:${two(m)}`;
}

const dayNumber = (text) => {
	const named = DAYS.indexOf(text);
	return named >= 0 ? named : whole(text, 0, 7);
};

/** "1,3" or "mon-fri" → the days in order, null for what is no list of days. */
function weekDays(text) {
	const found = new Set();
	for (const part of text.split(",")) {
		const [from, to = from, ...rest] = part.split("-");
		const [first, last] = [dayNumber(from), dayNumber(to)];
		if (first === null || last === null || rest.length) return null;
		const end = last < first ? last + 7 : last;
		for (let day = first; day <= end; day++) found.add(day % 7);
	}
	return [...found].sort((a, b) => a - b);
}

/** The form that says the same as this line. */
export function readCron(line) {
	const text = String(line ?? "").trim();
	const raw = { form: "raw", text };
	const fields = (NICKNAMES[text.toLowerCase()] || text.toLowerCase()).split(/\s+/);
	if (fields.length !== 5) return raw;
	const [minute, hour, day, month, week] = fields;
	if (day === "*" && month === "*" && week === "*" && hour.startsWith("*")) {
		return often(minute, hour) || raw;
	}
	const time = timeOf(minute, hour);
	if (time === null) return raw;
	if (day === "*" && month === "*") return ofWeek(week, time) || raw;
	if (week !== "*") return raw;
	const dayOfMonth = day === "l" ? "L" : whole(day, 1, 31);
	if (dayOfMonth === null) return raw;
	if (month === "*") return { form: "month", day: dayOfMonth, time };
	const named = MONTHS.indexOf(month) + 1 || whole(month, 1, 12);
	return named ? { form: "year", month: named, day: dayOfMonth, time } : raw;
}

function often(minute, hour) {
	const step = /^\*(?:\/(\d{1,2}))?$/;
	const everyMinute = step.exec(minute);
	if (everyMinute && hour === "*") {
		const every = Number(everyMinute[1] || 1);
		return every >= 1 && every <= 59 ? { form: "minutes", every } : null;
	}
	const everyHour = step.exec(hour);
	const at = whole(minute, 0, 59);
	const every = Number(everyHour?.[1] || 1);
	return everyHour && at !== null && every >= 1 && every <= 23
		? { form: "hours", every, minute: at }
		: null;
}

function ofWeek(week, time) {
	if (week === "*") return { form: "day", time };
	const days = weekDays(week);
	if (!days) return null;
	if (days.length === 7) return { form: "day", time };
	return days.join() === "1,2,3,4,5" ? { form: "weekdays", time } : { form: "week", days, time };
}

/** The line of a form. */
export function writeCron(parts) {
	if (parts.form === "raw") return parts.text;
	if (parts.form === "minutes") return parts.every > 1 ? `*/${parts.every} * * * *` : "* * * * *";
	if (parts.form === "hours") return `${parts.minute} ${parts.every > 1 ? `*/${parts.every}` : "*"} * * *`;
	const [hour, minute] = parts.time.split(":").map(Number);
	const at = `${minute} ${hour}`;
	switch (parts.form) {
		case "weekdays":
			return `${at} * * 1-5`;
		case "week":
			return `${at} * * ${parts.days.length ? parts.days.join(",") : "1"}`;
		case "month":
			return `${at} ${parts.day} * *`;
		case "year":
			return `${at} ${parts.day} ${parts.month} *`;
		default:
			return `${at} * * *`;
	}
}

/** Another form with as much as fits of what was said before. */
export function changeForm(parts, form) {
	const time = parts.time || "09:00";
	const day = parts.day || 1;
	return {
		minutes: { form, every: 15 },
		hours: { form, every: 1, minute: 0 },
		day: { form, time },
		weekdays: { form, time },
		week: { form, days: parts.days || [1], time },
		month: { form, day, time },
		year: { form, month: parts.month || 1, day: day === "L" ? 1 : day, time },
		raw: { form, text: writeCron(parts) },
	}[form];
}
