/** A comparison as marks on the cards of the tree that both versions are drawn on. */
import { TRIGGER } from "../model/flow.js";

const TONES = { added: "done", removed: "failed", changed: "waiting", moved: "running" };

export function howWord(how, t) {
	return {
		added: t("Added"),
		removed: t("Removed"),
		changed: t("Changed"),
		moved: t("Moved"),
	}[how];
}
export const howTone = (how) => TONES[how] || "";

/** Card id → its mark, from the changes of `templates.diff`. */
export function diffMarks(changes, t) {
	const marks = {};
	for (const change of changes) {
		const id = change.what === "step" ? change.name : change.what === "trigger" ? TRIGGER : null;
		if (!id) continue;
		const text = howWord(change.how, t);
		const also = change.moved && change.how !== "moved";
		marks[id] = {
			status: text,
			text,
			tone: howTone(change.how),
			chips: also ? [{ text: t("moved"), tone: "running" }] : [],
		};
	}
	return marks;
}

/** The changes of one card; without one those that are about no card. */
export function changesOf(changes, id) {
	if (!id) return changes.filter((one) => one.what !== "step" && one.what !== "trigger");
	if (id === TRIGGER) return changes.filter((one) => one.what === "trigger");
	return changes.filter((one) => one.what === "step" && one.name === id);
}
