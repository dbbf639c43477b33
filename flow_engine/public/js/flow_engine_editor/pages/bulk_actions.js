/** What can be done to several runs at once: as run/actions.js, with the statuses that an action fits. */
export function bulkActions(t) {
	return {
		cancel: {
			label: t("Cancel them"),
			title: (what) => t("Cancel {0}", [what]),
			message: t(
				"Nothing more of them happens. What they did is undone where their flow says so; else it stays.",
			),
			danger: true,
			reason: "required",
			fits: ["running", "failed"],
		},
		retry: {
			label: t("Try what failed again"),
			title: (what) => t("Try again what failed in {0}", [what]),
			message: t("Every failed step is done once more, with all the tries its retry rules allow."),
			reason: "optional",
			fits: ["failed"],
		},
		migrate: {
			label: t("Move to the newer version"),
			title: (what) => t("Move {0} to the newer version", [what]),
			message: t(
				"Each goes on with what is published now, if everything that has happened has its place there too; the others stay, and you are told why.",
			),
			reason: "optional",
			fits: ["running"],
		},
		compensate: {
			label: t("Undo what they did"),
			title: (what) => t("Undo what {0} did", [what]),
			message: t(
				"Of each a run of its own undoes it, the last step first. They cannot go on afterwards, only be replayed.",
			),
			danger: true,
			reason: "required",
			fits: ["failed", "completed", "cancelled"],
		},
		replay: {
			label: t("Replay them"),
			title: (what) => t("Replay {0} from their start", [what]),
			message: t("New runs repeat all of them. Emails are sent and documents made once more."),
			version: true,
			reason: "required",
			fits: ["failed", "completed", "cancelled"],
		},
	};
}
