/** What becomes of what is due on a day off: `[[name, label], …]`. */
export const dayPolicies = (t) => [
	["any", t("fire as on any other day")],
	["skip", t("leave it out")],
	["next", t("move it to the next business day")],
	["previous", t("move it to the business day before")],
];
