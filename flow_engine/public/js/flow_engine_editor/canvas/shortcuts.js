/** The keys as the help shows them: `[{title, keys: [[keys, what]]}]`. */
export function shortcuts(t) {
	return [
		{
			title: t("Walk"),
			keys: [
				["↑ ↓ ← →", t("to the next step")],
				["Home, End", t("to the trigger, to the last step")],
				["/", t("search steps")],
				["Enter", t("edit the step")],
				["Esc", t("back to the tree; close what is beside it")],
			],
		},
		{
			title: t("Change"),
			keys: [
				["A", t("add a step after this one")],
				["F2", t("rename it")],
				["Alt ↑ ↓", t("move it up or down")],
				["Alt ← →", t("move it into the branch beside it")],
				["Ctrl D", t("duplicate it")],
				["Ctrl C, X, V", t("copy, cut, paste with everything below it, also between flows")],
				["Del", t("delete it")],
			],
		},
		{
			title: t("Flow"),
			keys: [
				["Ctrl Z", t("undo")],
				["Ctrl Shift Z", t("redo")],
				["Ctrl S", t("save")],
				["Ctrl 0", t("show all of it")],
				["Ctrl + −", t("larger, smaller")],
				["?", t("this list")],
			],
		},
	];
}
