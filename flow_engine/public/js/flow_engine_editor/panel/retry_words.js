// What a retry policy means, in words: how often a step is tried and how long it waits in between.

/** `external`, `database` or `none`: what this step changes, where its kind says that the payload decides. */
export function effectOf(kind, payload) {
	const by = kind?.effect_when;
	const field = kind?.fields?.find((one) => one.name === by?.field);
	return by?.values?.[payload?.[by.field] ?? field?.default] ?? kind?.effect ?? "none";
}

/** The policy that holds without one of the step's own. */
export function usualPolicy(effect, limits) {
	return limits.retry[effect === "external" ? "external" : "database"];
}

/** Seconds before the 2nd, 3rd, … attempt, without what chance takes off. */
export function delays(policy) {
	const found = [];
	for (let attempt = 1; attempt < Math.min(policy.max_attempts, 20); attempt += 1) {
		found.push(
			Math.min(policy.backoff_seconds * policy.backoff_rate ** (attempt - 1), policy.max_delay_seconds),
		);
	}
	return found;
}

/** A length of time with its unit: "30 s", "2 min", "1.5 h", "2 d". */
export function lengthOf(seconds, t) {
	const rounded = (value) => String(Math.round(value * 10) / 10);
	if (seconds < 60) return t("{0} s", [rounded(seconds)]);
	if (seconds < 3600) return t("{0} min", [rounded(seconds / 60)]);
	if (seconds < 86400) return t("{0} h", [rounded(seconds / 3600)]);
	return t("{0} d", [rounded(seconds / 86400)]);
}

/** "Tries 5 times: again after 30 s, 1 min, 2 min and 4 min." */
export function retrySentence(policy, t) {
	const waits = delays(policy);
	if (!waits.length) return t("Tries once.");
	const shown = waits.slice(0, 6).map((seconds) => lengthOf(seconds, t));
	if (waits.length > shown.length) shown.push("…");
	const sentence = t("Tries {0} times: again after {1}.", [policy.max_attempts, shown.join(", ")]);
	return policy.jitter ? `${sentence} ${t("Chance shortens each wait by up to half.")}` : sentence;
}
