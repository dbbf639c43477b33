// What the model says to people, in one place for translation: templates, with {0} for what fills them.

export const MESSAGES = {
	unknown_operation: "There is no edit called {0}.",
	unknown_step: "The step is not there any more.",
	unsound_id: "This step has no id of its own yet. Change anything in it, and it gets one.",
	unknown_kind: "There is no kind of step called {0}.",
	inside_itself: "A step cannot be moved into itself.",
	self_reference: "A step cannot wait for itself.",
	unknown_dependency: "The step to wait for is not there any more.",
	cycle: "These steps would wait for each other.",
	unreachable: "These steps are on branches that are never both taken.",
	branch_without_parent: "A step at the top level is on no branch.",
	unknown_branch: "{0} has no branch {1}.",
	branch_in_use: "There are steps on the branch {1} of {0}. Move or delete them first.",
	not_editable: "{0} is not changed this way.",
	bad_value: "{0} has the wrong form.",
	duplicate_id: "Another step has the id {0}.",
	nothing_to_paste: "There are no steps to paste.",
	dependency_dropped: "{0} will no longer wait for {1}.",
	outside_dropped: "{0} will no longer wait for a step that was not copied.",
	reads_outside: "{0} reads a result of a step that was not copied.",
	reads_deleted: "{0} reads a result of {1}, which will be gone.",
	reads_later: "{0} reads a result of {1}, but will not wait for it any more.",
	branch_unused: "Nothing will lead to {0}: on an error, {1} no longer goes into its error branch.",
	error_branch_empty: "The error branch of {0} will be empty.",
};

/** The template of a code with its arguments put in. `t(text, args)` translates; without it, English. */
export function sentence(code, args = [], t = fill) {
	return t(MESSAGES[code] || code, args);
}

export function fill(text, args = []) {
	return text.replace(/\{(\d+)\}/g, (whole, place) => (place in args ? String(args[place]) : whole));
}
