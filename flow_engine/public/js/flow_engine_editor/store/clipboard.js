/**
 * Steps on the clipboard: as JSON text on the system's, so that they travel between tabs and flows, and in memory
 * where a browser does not give it. Only what says it is Flow Engine steps is taken from it.
 */
import { shallowRef } from "vue";
import { indexFlow, TRIGGER } from "../model/flow.js";

const MARK = "flow-engine/steps";
const remembered = shallowRef(null);

export function createClipboard(editor, host) {
	const { t } = host;

	/** The step and what is below it, in list order. */
	function subtree(id) {
		const wanted = indexFlow(editor.flow.value).block(id);
		return editor.flow.value.steps.filter((step) => wanted.has(step.id));
	}

	function asText(id) {
		return JSON.stringify({ [MARK]: 1, steps: subtree(id) }, null, 1);
	}

	function readText(text) {
		try {
			const data = JSON.parse(text);
			return data?.[MARK] && Array.isArray(data.steps) && data.steps.length ? data.steps : null;
		} catch {
			return null;
		}
	}

	/** clipboardData: that of the copy event, where there is one; the event is then the browser's own permission. */
	function copy(id, clipboardData = null) {
		if (!id || id === TRIGGER) return false;
		const text = asText(id);
		remembered.value = readText(text);
		if (clipboardData) clipboardData.setData("text/plain", text);
		else navigator.clipboard?.writeText(text).catch(() => {});
		return true;
	}

	/** text: what a paste event brought; without it, or where it is nothing of ours, what was copied here last. */
	function pasteAt(place, text = null) {
		const steps = (text && readText(text)) || remembered.value;
		if (!steps) {
			host.notify(t("There are no steps on the clipboard."), "info");
			return false;
		}
		const before = new Set(editor.flow.value.steps.map((step) => step.id));
		const operation = { type: "paste", place, steps };
		const lost = editor.consequences(operation);
		if (!editor.apply(operation)) return false;
		const first = editor.flow.value.steps.find((step) => !before.has(step.id));
		if (first) editor.goTo(first.id);
		if (lost.length) host.notify(lost.map((one) => one.message).join(" "), "waiting");
		return true;
	}

	return { copy, pasteAt, remembered };
}
