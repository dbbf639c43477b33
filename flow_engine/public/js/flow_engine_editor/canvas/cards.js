/** What a card shows, as plain values: words of the step, its state in a run, what a screen reader says. */
import { TRIGGER } from "../model/flow.js";
import { withinWords } from "../model/summary/service_levels.js";
import { stepSummary, triggerCondition, triggerSentence, whenSentence } from "../model/summary.js";

const PLAIN_TRIGGERS = ["on_flow_start", "on_prev_complete"];
const TRIGGER_COLOUR = "#334155";
const TRIGGER_ICONS = { manual: "hand", on_webhook: "external-link", after_delay: "clock", on_date: "clock" };
/** Longer texts are cut before they are drawn; nobody reads further on a card. */
const MAX_TEXT = 300;

const short = (text) => {
	const whole = String(text ?? "");
	return whole.length > MAX_TEXT ? `${whole.slice(0, MAX_TEXT)}…` : whole;
};

/** The catalog's label of a trigger type. */
function triggerLabel(type, catalog) {
	return catalog.trigger_types.find((one) => one.name === type)?.label || type;
}

/** Only waits have no fields of their own: what they wait for is what they are. */
const waitsOnly = (kind) => kind && kind.effect === "none" && !kind.fields.length;

function overOf(step, kind, catalog) {
	const type = step.trigger?.type || "on_prev_complete";
	if (waitsOnly(kind) && !PLAIN_TRIGGERS.includes(type)) {
		return [triggerLabel(type, catalog), step.trigger.role].filter(Boolean).join(" · ");
	}
	const first = kind?.fields[0];
	const value = first?.type === "select" ? step.payload?.[first.name] : null;
	return [kind?.label || step.kind, typeof value === "string" ? value : ""].filter(Boolean).join(" · ");
}

function chipsOf(step, index, state, t) {
	const chips = index
		.extraDependencies(step.id)
		.map((id) => index.byId.get(id))
		.filter(Boolean)
		.map((one) => ({ text: t("after {0}", [short(one.label)]), tone: "info" }));
	if (step.disabled) chips.push({ text: t("switched off"), tone: "skipped" });
	return [...chips, ...(state?.chips || [])];
}

/**
 * The functions of one tree, all reading `editor.*.value`:
 * `look(id)` → props of a FlowNode without its place; `isTall(id)` → whether it has a row of chips.
 */
export function createCards(editor, t) {
	const stateOf = (id) => editor.overlay.value?.steps?.[id] || null;
	const problemsOf = (id) =>
		id === TRIGGER ? editor.placed.value.trigger : editor.placed.value.byStep.get(id) || [];

	function isTall(id) {
		if (problemsOf(id).length) return true;
		const step = editor.index.value.byId.get(id);
		return Boolean(step) && chipsOf(step, editor.index.value, stateOf(id), t).length > 0;
	}

	function trigger(context) {
		const { flow } = context;
		const over = t("Trigger");
		const label = triggerSentence(flow.trigger, context);
		const summary = triggerCondition(flow.trigger, context);
		const count = problemsOf(TRIGGER).length;
		const state = stateOf(TRIGGER);
		return {
			over,
			label: short(label),
			summary: short(summary),
			icon: "bolt",
			colour: TRIGGER_COLOUR,
			trigger: true,
			tone: state?.tone || "",
			badge: short(state?.text),
			problems: count,
			spoken: spokenOf([
				over,
				short(label),
				short(summary),
				short(state?.text),
				problemWords(count, t),
			]),
		};
	}

	function look(id) {
		const context = editor.context.value;
		if (id === TRIGGER) return trigger(context);
		const index = editor.index.value;
		const step = index.byId.get(id);
		const kind = editor.kind(step.kind);
		const state = stateOf(id);
		const type = step.trigger?.type;
		const over = overOf(step, kind, context.catalog);
		const label = short(step.label || kind?.label || step.kind);
		const own = short(stepSummary(step, context));
		const when = PLAIN_TRIGGERS.includes(type) || !type ? "" : short(whenSentence(step, context));
		const within = withinWords(step.sla, t);
		const summary = [waitsOnly(kind) && when ? "" : own, when, within].filter(Boolean).join(" · ");
		const chips = chipsOf(step, index, state, t);
		const count = problemsOf(id).length;
		const parent = step.parent_id && index.byId.get(step.parent_id);
		return {
			over,
			label,
			summary,
			icon: waitsOnly(kind) && TRIGGER_ICONS[type] ? TRIGGER_ICONS[type] : kind?.icon || "help",
			colour: kind?.colour || "#64748b",
			tone: state?.tone || "",
			badge: short(state?.text),
			chips: chips.length ? JSON.stringify(chips) : "",
			problems: count,
			disabled: Boolean(step.disabled),
			spoken: spokenOf([
				over,
				label,
				summary,
				short(state?.text),
				...chips.map((chip) => chip.text),
				problemWords(count, t),
				parent && step.branch ? t("branch {0} of {1}", [step.branch, short(parent.label)]) : "",
				state && !state.text ? state.status : "",
			]),
		};
	}

	return { look, isTall };
}

const spokenOf = (parts) => parts.filter(Boolean).join(". ");

function problemWords(count, t) {
	if (!count) return "";
	return count === 1 ? t("1 problem") : t("{0} problems", [count]);
}
