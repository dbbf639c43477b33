/** Publishing and switching, as questions to the operator: what stands in the way is said first. */
export function usePublishing(editor, host) {
	const { t } = host;

	const blocking = () => editor.problems.value.filter((one) => one.severity !== "warning");

	function refuseForProblems() {
		const count = blocking().length;
		if (!count) return false;
		host.notify(
			count === 1
				? t("The flow has 1 problem that must be solved first.")
				: t("The flow has {0} problems that must be solved first.", [count]),
			"failed",
		);
		return true;
	}

	async function publish() {
		await editor.check();
		if (refuseForProblems()) return;
		const next = (editor.template.value.version || 0) + (editor.dirty.value ? 1 : 0);
		const answer = await host.ask({
			title: t("Publish version {0}", [next]),
			message: editor.template.value.is_active
				? t("New runs take this version at once; runs that are under way keep theirs.")
				: t("The flow is switched off: publishing starts nothing until it is switched on."),
			label: t("Publish"),
			fields: [
				{ name: "note", label: t("What has changed (for those who look later)"), type: "textarea" },
			],
		});
		if (answer) await editor.publish(answer.note || "");
	}

	const draftDiffers = () =>
		Boolean(editor.template.value.published_version) && (editor.dirty.value || editor.changes.value > 0);

	/** Switching on runs what is published, unless the draft is to be published with it. */
	function which() {
		const version = editor.template.value.published_version;
		return {
			name: "version",
			label: t("Which version new runs take"),
			type: "select",
			value: "published",
			options: [
				{ name: "published", label: t("v{0}, as it was published", [version]) },
				{ name: "draft", label: t("the draft: publish it now") },
			],
		};
	}

	async function toggleActive() {
		const active = Boolean(editor.template.value.is_active);
		if (!active) {
			await editor.check();
			// A version that is published runs, whatever the draft is like.
			if (!editor.template.value.published_version && refuseForProblems()) return;
			const question = {
				title: t("Switch the flow on?"),
				message: t("From now on it starts by itself whenever its trigger happens."),
				label: t("Switch on"),
			};
			if (!draftDiffers()) {
				if (await host.confirm(question)) await editor.setActive(true);
				return;
			}
			const answer = await host.ask({ ...question, fields: [which()] });
			if (answer) await editor.setActive(true, answer.version === "draft" ? { publish: 1 } : {});
			return;
		}
		const answer = await host.ask({
			title: t("Switch the flow off?"),
			message: t("It starts no new runs until it is switched on again."),
			label: t("Switch off"),
			fields: [
				{
					name: "running",
					label: t("Runs that are under way"),
					type: "select",
					value: "finish",
					options: [
						{ name: "finish", label: t("let them finish") },
						{ name: "cancel", label: t("cancel them") },
					],
				},
				{ name: "reason", label: t("Why (optional)") },
			],
		});
		if (answer) await editor.setActive(false, { running: answer.running, reason: answer.reason || "" });
	}

	return { publish, toggleActive };
}
