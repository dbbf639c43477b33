/** What a test run would have sent and changed, as people read it. */
import { plainText, title } from "./value_rows.js";

const KEPT_BY_THE_SYSTEM = [
	"doctype",
	"name",
	"owner",
	"creation",
	"modified",
	"modified_by",
	"docstatus",
	"idx",
	"parent",
	"parentfield",
	"parenttype",
	"__islocal",
	"__unsaved",
	"open_merge_key",
	// Of a trial, there is no run to look at.
	"flow_run",
];

/** `[{label, before, after}]` of one changed document; labels: field → what it is called; stepLabel: id → label. */
export function changedFields(document, before, labels, t, stepLabel = () => "") {
	const created = document.change === "created";
	return Object.entries(document.values)
		.filter(([name, value]) => {
			if (KEPT_BY_THE_SYSTEM.includes(name)) return false;
			if (created || !before) return value !== null && value !== "" && !isEmptyList(value);
			return (
				JSON.stringify(value ?? null) !== JSON.stringify(before[name] ?? null) &&
				!sameNothing(value, before[name])
			);
		})
		.map(([name, value]) => ({
			name,
			label: labels[name] || title(name),
			before: created || !before ? null : plainText(before[name], t),
			after: (name === "flow_step" && stepLabel(value)) || plainText(value, t),
		}));
}

const isEmptyList = (value) => Array.isArray(value) && !value.length;
const nothing = (value) => value === null || value === undefined || value === "" || value === 0;
const sameNothing = (a, b) => nothing(a) && nothing(b);

/** The text of an email's body: what a reader sees of its HTML. Nothing in it is loaded or run. */
export function bodyText(message) {
	const body = message.body ?? "";
	if (message.channel !== "email" || !/<[a-z/!]/i.test(body)) return body;
	const page = new DOMParser().parseFromString(
		body.replaceAll(/<(br|\/p|\/div|\/li|\/h\d|hr)\b/gi, "\n<$1"),
		"text/html",
	);
	return page.body.textContent
		.replaceAll(/[ \t]+\n/g, "\n")
		.replaceAll(/\n{3,}/g, "\n\n")
		.trim();
}

export function channelWord(channel, t) {
	const words = { email: t("E-mail"), sms: t("SMS"), http: t("Web call"), notice: t("Notice") };
	return words[channel] || channel;
}

/** What a message is about: its subject, of a notice in words, else where it goes. */
export function messageTitle(message, t) {
	if (message.channel !== "notice") return message.subject || message.url || message.to;
	const words = {
		late: t("It is late"),
		at_risk: t("It will soon be late"),
		escalated: t("It is late: others are asked"),
		delegated: t("It is given on"),
	};
	return words[message.subject] || message.subject;
}
