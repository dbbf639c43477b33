/** What a flow of the list is called: its state, what starts it. */

/** `{text, tone}` */
export function flowState(flow, t) {
	if (flow.is_retired) return { text: t("Retired"), tone: "failed" };
	if (flow.is_active) {
		return flow.draft_state === "changed"
			? { text: t("On, draft changed"), tone: "done" }
			: { text: t("On"), tone: "done" };
	}
	if (flow.draft_state === "invalid") return { text: t("Has problems"), tone: "failed" };
	return flow.published_version
		? { text: t("Off"), tone: "skipped" }
		: { text: t("Draft"), tone: "waiting" };
}

/** The event's name in words; a DocType's own events without their details, which the list does not have. */
export function eventWords(flow, catalog, t) {
	if (flow.trigger_event === "manual") return t("Started by hand");
	if (flow.trigger_event === "date") {
		return flow.applies_to ? t("On a date of a {0}", [flow.applies_to]) : t("On a date of a document");
	}
	if (flow.trigger_event === "doc_event") {
		return flow.applies_to
			? t("When something happens to a {0}", [flow.applies_to])
			: t("When a document changes");
	}
	return (
		catalog?.events.find((event) => event.name === flow.trigger_event)?.label || flow.trigger_event || ""
	);
}
