/**
 * What a failure means for the person who has to deal with it: what happened in a sentence, and what can be done.
 * Keyed by the stable codes of errors; what is not listed has the server's own sentence and the usual ways out.
 */

/** `{happened, remedy}` for a step's error; t translates. */
export function adviceOn(error, t) {
	const known = words(t)[error?.code];
	if (known) return { happened: known[0], remedy: known[1] };
	return {
		happened: t("The step could not be done."),
		remedy: t("Repair the cause, then try the step again. If it has been done by hand, mark it as done."),
	};
}

function words(t) {
	const again = t("Repair that, then try the step again.");
	const outside = t(
		"Look at the other side first. If it arrived, mark the step as done; else try it again.",
	);
	const definition = t(
		"Correct the step in the flow and publish it. This run keeps its version: replay it with the latest one.",
	);
	return {
		outcome_unknown: [
			t("The call was sent and no answer came, so nobody knows whether it took effect."),
			outside,
		],
		partly_sent: [t("Some of it was sent and some was not."), outside],
		worker_lost: [t("The process that worked on this step stopped several times."), outside],
		http_not_sent: [
			t("The other system could not be reached; nothing was sent."),
			t("See whether its address is right and whether it is up, then try the step again."),
		],
		http_status: [
			t("The other system answered that it refuses this."),
			t("Its answer is below. Repair the cause, then try the step again."),
		],
		http_refused: [t("The address is not one that flows may call."), definition],
		timed_out: [
			t("Nobody answered in time."),
			t("If it has been settled meanwhile, mark the step as done; skip it to go on without it."),
		],
		document_not_found: [
			t("A document that the step needs is not there."),
			t("Create or restore it and try again, or skip the step."),
		],
		permission_denied: [
			t("The user the flow runs as may not do this."),
			t("Give that user the permission, or let the flow run as somebody else; then try again."),
		],
		run_as_invalid: [
			t("The user the flow runs as is switched off or may not run it any more."),
			t("Choose another user in the settings of the flow, then try again."),
		],
		validation_failed: [t("The document was refused by its own rules."), again],
		conflict: [t("Somebody changed the document at the same moment."), t("Try the step again.")],
		guard_refused: [t("The engine does not allow this write."), definition],
		message_refused: [t("The message could not be sent as it is."), again],
		not_sent: [t("The message was not sent."), again],
		bad_template: [t("A value of the step could not be filled in."), definition],
		bad_date: [t("The date that the step waits for could not be read."), again],
		bad_delay: [t("The delay is not a number."), definition],
		bad_condition: [t("The condition could not be decided."), definition],
		unknown_kind: [
			t("No installed app knows this kind of step."),
			t("Install the app that brings it, then try again; or skip the step."),
		],
		unknown_doctype: [t("This kind of document does not exist here."), definition],
		cannot_activate: [t("The subscription cannot be activated as it is now."), again],
		cannot_simulate: [
			t("This kind of step acts by itself and cannot be tried without effect."),
			t("In a real run it does its work. Everything after it was not tried."),
		],
		handler_error: [
			t("The kind of step has a fault."),
			t(
				"Whoever looks after the app finds the details in the error log. Skip the step to go on without it.",
			),
		],
	};
}
