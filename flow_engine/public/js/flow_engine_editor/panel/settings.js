// The settings of a flow as descriptors, like the fields of a kind; their widgets are the same.

/** `{flow: [descriptor], running: [descriptor]}`; the words of choices come with the catalog. */
export function settingsFields(catalog, t) {
	const words = (name) => catalog?.[name] ?? [];
	return {
		flow: [
			{ name: "template_name", label: t("Name"), type: "text", plain: true, required: true },
			{
				name: "category",
				label: t("Category"),
				type: "select",
				plain: true,
				required: true,
				options: words("categories"),
			},
			{
				name: "description",
				label: t("Description"),
				type: "textarea",
				plain: true,
				help: t("What it is for, in a sentence or two."),
			},
			{
				name: "icon",
				label: t("Icon"),
				type: "text",
				plain: true,
				help: t("Its name in the icon set, such as notification."),
			},
			{ name: "tags", label: t("Tags"), type: "text", plain: true, help: t("Separated by commas.") },
			{ name: "notes", label: t("Notes"), type: "textarea", plain: true },
		],
		running: [
			{
				name: "concurrency",
				label: t("When it is started again for the same document"),
				type: "select",
				plain: true,
				required: true,
				default: "allow",
				options: words("concurrency"),
			},
			{
				name: "run_as",
				label: t("Acts as"),
				type: "link",
				plain: true,
				options: ["User"],
				help: t("Whose rights its steps have. Empty: whoever published it."),
			},
			{
				name: "run_as_triggering_user",
				label: t("Act as the person who started it"),
				type: "check",
				default: false,
			},
			{
				name: "recursion_limit",
				label: t("How often it may occur in one chain of flows"),
				type: "number",
				plain: true,
				default: 3,
				help: t("Flows that start one another end there."),
			},
			{
				name: "failure_limit",
				label: t("Pause it after this many failures in a row"),
				type: "number",
				plain: true,
				help: t("Empty: the limit of this site. 0: never."),
			},
		],
	};
}

/** Who may start the flow by hand: part of its definition, like whom a step names. */
export function starterSettings(t) {
	const help = t("Whoever is on neither list is refused, managers too. Empty: whoever may start flows.");
	return [
		{
			name: "users",
			label: t("Only these people may start it by hand"),
			type: "links",
			options: ["User"],
		},
		{
			name: "roles",
			label: t("Only these roles may start it by hand"),
			type: "links",
			options: ["Role"],
			help,
		},
	];
}

/** When a flow's runs are undone by themselves: part of its definition, so an operation sets it. */
export function undoSetting(catalog, t) {
	return {
		name: "compensate",
		label: t("When a run ends before its time"),
		type: "select",
		plain: true,
		required: true,
		default: "ask",
		options: catalog?.compensate ?? [],
		help: t("What its steps did is undone by a run of its own, the last step first."),
	};
}
