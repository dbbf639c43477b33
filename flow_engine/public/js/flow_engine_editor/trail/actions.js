/** What can be done to a webhook endpoint: how it is asked for, which states it fits, and what is called. */
export function endpointActions(t) {
	const kept = t("Kept in the audit trail, with your name and the time.");
	return {
		pause: {
			label: t("Pause"),
			title: (what) => t("Pause {0}", [what]),
			message: t("What it would be told is held back until it is resumed."),
			reason: "optional",
			kept,
			fits: ["on"],
			done: (what) => t("{0} is paused.", [what]),
		},
		resume: {
			label: t("Resume"),
			title: (what) => t("Resume {0}", [what]),
			message: t("It is told again, and of what it has missed."),
			reason: "optional",
			kept,
			fits: ["paused"],
			done: (what) => t("{0} is resumed.", [what]),
		},
		rotate_secret: {
			label: t("New Secret"),
			title: (what) => t("A new secret for {0}", [what]),
			message: t("For a day what is sent is signed with the former one too."),
			fits: ["on", "paused", "off"],
			done: (what) => t("{0} has a new secret.", [what]),
		},
		delete: {
			label: t("Delete"),
			title: (what) => t("Delete {0}", [what]),
			message: t("It is told nothing more. What was not sent is dropped."),
			danger: true,
			fits: ["on", "paused", "off"],
			done: (what) => t("{0} is deleted.", [what]),
		},
	};
}

const TONES = { on: "done", paused: "failed", off: "skipped", failing: "waiting" };

/** An endpoint that is on and has taken nothing for a while is failing. */
export const endpointState = (endpoint) =>
	endpoint.status === "on" && endpoint.failing_since ? "failing" : endpoint.status;
export const endpointTone = (endpoint) => TONES[endpointState(endpoint)];
export function endpointWord(endpoint, t) {
	const words = { on: t("On"), paused: t("Paused"), off: t("Off"), failing: t("Failing") };
	return words[endpointState(endpoint)];
}
