/** What can be done to a schedule: how it is asked for, which statuses it fits, and what is called. */
export function scheduleActions(t) {
	return {
		pause: {
			label: t("Pause"),
			title: (what) => t("Pause {0}", [what]),
			message: t("It fires no more until it is resumed; runs under way go on."),
			reason: "optional",
			kept: t("Kept in the audit trail, with your name and the time."),
			fits: ["enabled", "invalid"],
			done: (what) => t("{0} is paused.", [what]),
		},
		resume: {
			label: t("Resume"),
			title: (what) => t("Resume {0}", [what]),
			message: t("It fires again from its next time on; what was due meanwhile is not made up for."),
			reason: "optional",
			kept: t("Kept in the audit trail, with your name and the time."),
			fits: ["paused"],
			done: (what) => t("{0} is resumed.", [what]),
		},
		fire_now: {
			label: t("Fire now"),
			title: (what) => t("Fire now: {0}", [what]),
			message: t(
				"Its flow is started at once with what the schedule says; its next time stays as it is.",
			),
			reason: "optional",
			kept: t("Kept in the audit trail, with your name and the time."),
			fits: ["enabled", "paused", "finished"],
			done: (what) => t("{0} is fired.", [what]),
		},
		delete: {
			label: t("Delete"),
			title: (what) => t("Delete {0}", [what]),
			message: t("It fires no more and is gone from the list. Runs it has started stay."),
			danger: true,
			reason: "optional",
			kept: t("Kept in the audit trail, with your name and the time."),
			fits: ["enabled", "paused", "invalid", "finished"],
			done: (what) => t("{0} is deleted.", [what]),
		},
	};
}
