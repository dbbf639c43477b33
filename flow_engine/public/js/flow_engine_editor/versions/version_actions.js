/**
 * What is done with the versions of a flow: roll back, retire, bring back, copy, move runs along. Asks first, says
 * what follows; the server decides whether it may be done.
 */

/** What a version is, as a word and a tone. */
export function versionWord(status, t) {
	return {
		published: t("Published"),
		superseded: t("Superseded"),
		retired: t("Retired"),
	}[status];
}
export const VERSION_TONES = { published: "done", superseded: "skipped", retired: "failed" };

/** `name()` → the flow; `done(answer)` gets each answer that changed it. Each act answers true when it was done. */
export function useVersionActions(host, name, done) {
	const { t } = host;

	async function attempt(path, args, said) {
		try {
			const answer = await host.call(path, { name: name(), ...args });
			host.notify(said(answer), "done");
			await done(answer);
			return answer;
		} catch (error) {
			host.notify(error.message, "failed");
			return null;
		}
	}

	const published = ({ template }) => t("Version {0} is published.", [template.published_version]);

	/** extra: `modified` of what is on the screen; `draft` where it is decided already. */
	async function rollBack(version, extra = {}) {
		const answer = await host.ask({
			title: t("Roll back to version {0}", [version]),
			message: t(
				"Its definition is published again, as a new version: new runs take it at once, runs that are under way keep theirs. Who it runs as and the other settings stay as they are now.",
			),
			label: t("Roll back"),
			fields: [{ name: "note", label: t("Why (for those who look later)"), type: "textarea" }],
		});
		if (!answer) return null;
		const args = { version, note: answer.note || "", ...extra };
		try {
			const made = await host.call("templates.roll_back", { name: name(), ...args });
			host.notify(published(made), "done");
			await done(made);
			return made;
		} catch (error) {
			if (error.code !== "draft_unpublished") {
				host.notify(error.message, "failed");
				return null;
			}
		}
		const draft = await askForDraft(version);
		return draft && attempt("templates.roll_back", { ...args, draft }, published);
	}

	async function askForDraft(version) {
		const answer = await host.ask({
			title: t("The draft has changes that nobody published"),
			message: t("Version {0} is published either way.", [version]),
			label: t("Roll back"),
			fields: [
				{
					name: "draft",
					label: t("The draft"),
					type: "select",
					value: "keep",
					options: [
						{ name: "keep", label: t("stays as it is, to be published later") },
						{ name: "replace", label: t("becomes version {0} too", [version]) },
					],
				},
			],
		});
		return answer?.draft || null;
	}

	async function retire() {
		const answer = await host.ask({
			title: t("Retire the flow?"),
			message: t(
				"It starts no new runs any more, by no trigger, by hand, by a schedule or by replaying. Runs that are under way finish. It can be brought back.",
			),
			label: t("Retire"),
			danger: true,
			fields: [{ name: "reason", label: t("Why (for those who look later)"), type: "textarea" }],
		});
		if (!answer) return null;
		return attempt("templates.retire", { reason: answer.reason || "" }, () => t("The flow is retired."));
	}

	async function bringBack() {
		const sure = await host.confirm({
			title: t("Bring the flow back?"),
			message: t("It comes back switched off, with the version it had."),
			label: t("Bring back"),
		});
		if (!sure) return null;
		return attempt("templates.bring_back", {}, () => t("The flow is back, and switched off."));
	}

	async function copy(version) {
		try {
			const { template } = await host.call("templates.duplicate", { name: name(), version });
			host.open("Flow Template", template.name);
		} catch (error) {
			host.notify(error.message, "failed");
		}
	}

	return { rollBack, retire, bringBack, copy };
}
