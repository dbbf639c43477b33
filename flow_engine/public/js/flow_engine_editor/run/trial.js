/**
 * A test run of the open flow: what it is tried on, what is assumed of people and other systems, and what came of
 * it. One per editor, so that it is still there when the panel is closed and opened again.
 */
import { reactive, ref, shallowRef } from "vue";
import { overlaySteps } from "./states.js";
import { shortTime } from "./times.js";
import { statesAt } from "./virtual_time.js";
import { postedInput } from "./inputs.js";

const trials = new WeakMap();

export function useTrial(editor, host) {
	if (!trials.has(editor)) trials.set(editor, createTrial(editor, host));
	return trials.get(editor);
}

function createTrial(editor, host) {
	const { t } = host;
	const setup = reactive({
		source: "document",
		doctype: "",
		docname: "",
		values: {},
		start: "",
		undo: false,
		answers: {},
		payload: {},
		unreadable: false,
	});
	const result = shallowRef(null);
	const flow = shallowRef(null);
	const title = ref("");
	const busy = ref(false);
	const fault = shallowRef(null);
	/** How far the virtual clock is: an index into the timeline, its length for the end. */
	const position = ref(0);

	const branchLabel = (branch) => editor.catalog.value?.branch_labels?.[branch] || branch;

	/** The arguments of `editor.test_run`. waiting: the steps that are answered for, in list order. */
	function asked(waiting) {
		const args = { definition: editor.flow.value };
		const doctype = editor.appliesTo.value || setup.doctype;
		if (setup.source === "document" && doctype && setup.docname) {
			Object.assign(args, { doctype, docname: setup.docname });
		} else if (setup.source === "sample" && doctype) {
			const filled = Object.entries(setup.values).filter(([, value]) => value !== "" && value !== null);
			args.doc = { doctype, ...Object.fromEntries(filled) };
			args.doctype = doctype;
		}
		if (editor.flow.value.payload_schema) args.variables = setup.payload;
		if (setup.start) args.now = setup.start;
		if (setup.undo) args.compensate = 1;
		args.completions = waiting
			.filter((step) => setup.answers[step.id]?.happens !== "nothing")
			.map((step) => [step.id, postedInput(setup.answers[step.id]?.rows || [])]);
		return args;
	}

	async function run(waiting) {
		busy.value = true;
		fault.value = null;
		try {
			const args = asked(waiting);
			const tried = editor.flow.value;
			const answer = await host.call("editor.test_run", args);
			flow.value = tried;
			title.value = args.docname || (args.doc ? t("sample data") : t("no document"));
			result.value = { ...answer, before: await valuesBefore(answer, args) };
			goTo(answer.timeline.length);
			return true;
		} catch (error) {
			fault.value = error;
			if (error.problems) editor.problems.value = error.problems;
			return false;
		} finally {
			busy.value = false;
		}
	}

	/** What the documents that would be changed hold now: `{"DocType name": values}`, as far as one may see. */
	async function valuesBefore(answer, args) {
		const before = {};
		const changed = answer.documents.filter((document) => document.change === "updated").slice(0, 20);
		await Promise.all(
			changed.map(async ({ doctype, name }) => {
				try {
					const { doc } = await host.call("editor.sample", { doctype, docname: name });
					before[`${doctype} ${name}`] = doc;
				} catch {
					// A document that is only in the trial, or that this user may not read.
					before[`${doctype} ${name}`] = args.doc?.doctype === doctype ? args.doc : null;
				}
			}),
		);
		return before;
	}

	/** The clock at an entry of the timeline: the tree shows what was so then. */
	function goTo(place) {
		position.value = place;
		draw();
	}

	function draw() {
		if (!result.value) return;
		const { steps, timeline, run: outcome } = result.value;
		const states = statesAt(steps, timeline, position.value);
		const shown = overlaySteps(states, host, branchLabel);
		for (const state of states) {
			const at = state.completed_at;
			if (!at || at === outcome.started_at || state.status === "skipped") continue;
			shown[state.id].chips = [{ text: shortTime(at, host), tone: "info" }, ...shown[state.id].chips];
		}
		editor.setOverlay({ source: "test", title: t("Test run on {0}", [title.value]), steps: shown });
	}

	function clear() {
		result.value = null;
		fault.value = null;
		if (editor.overlay.value?.source === "test") editor.setOverlay(null);
	}

	/** What became of a step in the whole trial; null before one, or for a step it did not know. */
	function outcomeOf(id) {
		const state = result.value?.steps[id];
		return state ? { ...state, id } : null;
	}

	return { setup, result, flow, title, busy, fault, position, run, goTo, draw, clear, outcomeOf };
}
