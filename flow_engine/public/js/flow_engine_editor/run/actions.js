/**
 * What can be done to a run or one of its steps: what each action is called, what it asks for, and the call it
 * makes. Which of them are offered is the server's to say (`allowed`).
 */

/**
 * name → `{label, title, message, endpoint, done, danger, reason: 'required' | 'optional' | null, values, version,
 * people, undoes: 'asked' | 'always'}`. values: may bring values along; people: asks to whom; version: asks which version is repeated; undoes: what
 * was done is undone, if somebody wants it or in any case, and what that comes to is shown.
 */
export function actionsOf(t) {
	const final = t("This cannot be undone.");
	return {
		complete: {
			label: t("Confirm"),
			endpoint: "runs.complete",
			done: t("Confirmed."),
			title: (what) => t("Confirm “{0}”", [what]),
			message: t("The step counts as answered and the flow goes on from it.") + " " + final,
			values: true,
			reason: "optional",
			reasonLabel: t("Remark (may be left out)"),
		},
		delegate: {
			label: t("Give to somebody else"),
			endpoint: "runs.delegate",
			done: t("It is given on."),
			title: (what) => t("Give “{0}” to somebody else", [what]),
			message: t("They are told and may confirm the step then; if it is yours, you may not any more."),
			people: true,
			reason: "optional",
		},
		retry: {
			label: t("Try again"),
			endpoint: "runs.retry",
			done: t("It is tried again."),
			title: (what) => t("Try “{0}” again", [what]),
			message: t("What failed is done once more, with all the tries its retry rules allow."),
			reason: "optional",
		},
		skip: {
			label: t("Skip"),
			endpoint: "runs.skip",
			done: t("Skipped."),
			title: (what) => t("Skip “{0}”", [what]),
			message:
				t("The step is given up, with everything that hangs on it; the rest of the flow goes on.") +
				" " +
				final,
			reason: "required",
		},
		mark_done: {
			label: t("Mark as done"),
			endpoint: "runs.mark_done",
			done: t("Marked as done."),
			title: (what) => t("Mark “{0}” as done", [what]),
			message:
				t("For a step that was done by hand: the flow goes on as if it had worked.") + " " + final,
			values: true,
			reason: "required",
		},
		replay: {
			label: t("Replay from here"),
			endpoint: "runs.replay",
			title: (what) => t("Replay from “{0}”", [what]),
			message: t(
				"A new run repeats this step and everything after it. Emails are sent and documents made once more.",
			),
			version: true,
			reason: "required",
		},
		replay_run: {
			label: t("Replay"),
			endpoint: "runs.replay",
			title: (what) => t("Replay “{0}” from its start", [what]),
			message: t(
				"A new run repeats all of it. Emails are sent and documents made once more; this run stays as it is.",
			),
			version: true,
			reason: "required",
		},
		retry_run: {
			label: t("Try what failed again"),
			endpoint: "runs.retry",
			done: t("It is tried again."),
			title: () => t("Try everything again that failed"),
			message: t("Every failed step is done once more, with all the tries its retry rules allow."),
			reason: "optional",
		},
		migrate: {
			label: t("Move to the newer version"),
			endpoint: "runs.migrate",
			done: t("The run goes on with the newer version."),
			title: (what) => t("Move the run of “{0}” to the newer version", [what]),
			message: t(
				"It goes on with what is published now, if everything that has happened has its place there too; else it stays, and you are told why.",
			),
			reason: "optional",
		},
		cancel: {
			label: t("Cancel the run"),
			endpoint: "runs.cancel",
			done: t("Cancelled."),
			title: (what) => t("Cancel the run of “{0}”", [what]),
			message: t("Nothing more of it happens, ever. A call that is under way may still arrive."),
			danger: true,
			reason: "required",
			undoes: "asked",
		},
		compensate: {
			label: t("Undo what was done"),
			endpoint: "runs.compensate",
			title: (what) => t("Undo what the run of “{0}” did", [what]),
			message: t(
				"A run of its own undoes it, the last step first. This run cannot go on afterwards, only be replayed.",
			),
			danger: true,
			reason: "required",
			undoes: "always",
		},
	};
}

/** Actions of the whole run: what `allowed` of the run says, and whether anything failed in it. */
export function runActions(run) {
	const allowed = run?.allowed || [];
	const failed = (run?.steps || []).some((step) => (step.allowed || []).includes("retry"));
	return [
		...(failed ? ["retry_run"] : []),
		...(allowed.includes("replay") ? ["replay_run"] : []),
		...(allowed.includes("migrate") ? ["migrate"] : []),
		...(allowed.includes("compensate") ? ["compensate"] : []),
		...(allowed.includes("cancel") ? ["cancel"] : []),
	];
}
