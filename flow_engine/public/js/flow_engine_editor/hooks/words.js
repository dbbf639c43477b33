// What is said of inbound hooks and their calls.

export const OUTCOME_TONES = { accepted: "done", duplicate: "skipped", refused: "failed", tested: "waiting" };

export function outcomeWord(outcome, t) {
	const words = {
		accepted: t("accepted"),
		duplicate: t("received before"),
		refused: t("refused"),
		tested: t("tried"),
	};
	return words[outcome] ?? outcome;
}

export function proofWord(authentication, t) {
	return authentication === "token" ? t("the secret in a header") : t("a signature (HMAC-SHA256)");
}

/** `{tone, word}` of a hook: would it take a call now? */
export function hookState(hook, t) {
	if (!hook.enabled) return { tone: "skipped", word: t("off") };
	if (hook.refused) return { tone: "failed", word: t("its flow cannot start") };
	return { tone: "done", word: t("on") };
}

/** The values of a form's draft as the server takes them; numbers that are empty are the server's to fill in. */
export function hookValues(draft) {
	const numbers = ["window_seconds", "max_body_bytes", "calls_per_minute"];
	const values = {
		hook_name: draft.hook_name,
		flow_template: draft.flow_template,
		enabled: draft.enabled ? 1 : 0,
		authentication: draft.authentication,
	};
	for (const name of numbers) values[name] = draft[name] === "" ? null : draft[name];
	return values;
}
