/**
 * How a draft is loaded, saved, published and switched: what is sent, and what is done when somebody else was
 * faster. Only drafts that start nothing are saved on their own; a flow that is on is saved when asked to.
 */
import { computed, ref, shallowRef } from "vue";
import { blankFlow, TRIGGER } from "../model/flow.js";
import { countChanges } from "../model/diff.js";
import { useFlowEditor } from "./dialog.js";

const AUTOSAVE_MS = 2500;
const OWN_FIELDS = ["template_name", "category", "description", "icon", "tags", "notes", "concurrency"];

/**
 * What a new flow begins with, as a page's address or another page's code says it: a trigger where one is named,
 * and the template's own fields.
 */
function readPresets({ trigger_event, doc_event, applies_to, catalog, definition, ...others }) {
	const details = Object.fromEntries(
		OWN_FIELDS.filter((key) => others[key]).map((key) => [key, others[key]]),
	);
	const event = trigger_event || (applies_to ? "doc_event" : null);
	let trigger;
	if (event) {
		trigger = { event, condition: "" };
		// A business event names its own DocType.
		if (applies_to && ["manual", "doc_event"].includes(event)) trigger.doctype = applies_to;
		if (event === "doc_event") trigger.doc_event = doc_event || "after_insert";
	}
	return { catalog, definition, trigger, details };
}

/** begin(flow, savedFlow): the store's way to take a flow as what is being edited. */
export function createDrafts(editor, host, begin) {
	const { t } = host;
	const saving = ref(false);
	const conflict = shallowRef(null);
	const savedAt = shallowRef(null);
	const published = shallowRef(null);
	let timer = null;
	let inFlight = Promise.resolve();

	const isNew = computed(() => !editor.template.value?.name);
	const autosaves = computed(() => {
		const template = editor.template.value;
		return Boolean(template?.name) && !template.is_active && !editor.readOnly.value && !conflict.value;
	});
	/** How far the draft is from what is published; without a published version, from what is saved. */
	const changes = computed(() => countChanges(published.value || editor.saved.value, editor.flow.value));
	/** Agent flows are drawn and kept; what runs them comes later. */
	const publishable = computed(() => editor.catalogName.value !== "agent");

	function take(answer) {
		const { flow_definition: flow, problems, ...row } = answer.template;
		editor.template.value = row;
		editor.tell(problems, flow);
		return flow;
	}

	async function load(name) {
		editor.loading.value = true;
		editor.error.value = null;
		conflict.value = null;
		try {
			const [answer] = await Promise.all([
				host.call("templates.get", { name }),
				editor.ensureCatalog(),
			]);
			const flow = take(answer);
			editor.catalogName.value = catalogOf(flow);
			published.value = null;
			begin(flow);
			loadPublished();
		} catch (error) {
			editor.error.value = error;
		} finally {
			editor.loading.value = false;
		}
	}

	/** A flow with agent steps is an agent flow. */
	function catalogOf(flow) {
		const agent = (flow.steps || []).some((step) => editor.kind(step.kind)?.catalog === "agent");
		return agent ? "agent" : host.catalogName || "project";
	}

	/** The published definition is only needed to count changes: nobody waits for it. */
	async function loadPublished() {
		const row = editor.template.value;
		if (!row?.published_version) return;
		if (row.draft_state === "published") {
			published.value = editor.saved.value;
			return;
		}
		try {
			const { name, published_version: version } = row;
			const answer = await host.call("templates.version", { name, version });
			if (editor.template.value?.name === name) published.value = answer.definition;
		} catch (error) {
			host.notify(error.message, "failed");
		}
	}

	async function startNew(presets = {}) {
		editor.error.value = null;
		conflict.value = null;
		published.value = null;
		await editor.ensureCatalog();
		const { catalog, definition, trigger, details } = readPresets(presets);
		editor.catalogName.value = catalog || host.catalogName || "project";
		editor.template.value = { name: null, template_name: details.template_name || "", is_active: 0 };
		const flow = definition || blankFlow(trigger);
		begin(flow);
		editor.details.value = details;
		editor.side.value = "step";
		editor.selected.value = TRIGGER;
		editor.check();
	}

	function edited() {
		clearTimeout(timer);
		if (autosaves.value)
			timer = setTimeout(() => editor.dirty.value && save({ quiet: true }), AUTOSAVE_MS);
	}

	/** One save at a time: the second waits for the first and sends what is there by then. */
	function save(options = {}) {
		clearTimeout(timer);
		inFlight = inFlight.then(() => write(options));
		return inFlight;
	}

	async function write({ quiet = false } = {}) {
		if (editor.readOnly.value || conflict.value) return false;
		if (!editor.dirty.value && !isNew.value) return true;
		if (isNew.value && !editor.detail("template_name")) {
			const answer = await host.ask({
				title: t("Save the flow"),
				label: t("Save"),
				fields: [{ name: "template_name", label: t("Name"), required: true }],
			});
			if (!answer) return false;
			editor.details.value = { ...editor.details.value, ...answer };
		}
		const row = editor.template.value;
		const flow = editor.flow.value;
		const details = editor.details.value;
		saving.value = true;
		try {
			const path = isNew.value ? "templates.create" : "templates.update";
			const which = isNew.value ? {} : { name: row.name, modified: row.modified };
			const answer = await host.call(path, { ...details, ...which, flow_definition: flow });
			const { flow_definition: stored, problems, ...fresh } = answer.template;
			editor.template.value = fresh;
			// What was typed while this was on its way is not saved yet.
			editor.saved.value = flow;
			if (editor.flow.value === flow) editor.tell(problems, flow);
			editor.details.value = without(editor.details.value, details);
			savedAt.value = quiet ? "auto" : "asked";
			if (fresh.draft_state === "published") published.value = flow;
			useFlowEditor().told(fresh);
			return true;
		} catch (error) {
			if (error.code === "save_conflict") await meet();
			else host.notify(error.message, "failed");
			return false;
		} finally {
			saving.value = false;
		}
	}

	/** What was sent is no longer a change, unless it was changed again meanwhile. */
	function without(now, sent) {
		return Object.fromEntries(Object.entries(now).filter(([key, value]) => sent[key] !== value));
	}

	/** Somebody saved since this was loaded: nothing is overwritten, and the operator decides. */
	async function meet() {
		let theirs = null;
		try {
			theirs = (await host.call("templates.get", { name: editor.template.value.name })).template;
		} catch (error) {
			host.notify(error.message, "failed");
		}
		conflict.value = { by: theirs?.modified_by || t("Somebody"), at: theirs?.modified || null };
	}

	async function takeTheirs() {
		await load(editor.template.value.name);
	}

	async function keepAsCopy() {
		const row = editor.template.value;
		const mine = editor.flow.value;
		const keys = OWN_FIELDS.slice(1);
		const kept = Object.fromEntries(keys.map((key) => [key, editor.detail(key)]).filter(([, v]) => v));
		const name = t("{0} (my changes)", [editor.detail("template_name") || row.template_name]);
		const answer = await attempt(() =>
			host.call("templates.create", { ...kept, template_name: name, flow_definition: mine }),
		);
		if (!answer) return null;
		conflict.value = null;
		published.value = null;
		begin(take(answer));
		host.notify(t("Your changes are kept as {0}.", [name]), "done");
		return answer.template.name;
	}

	async function attempt(work) {
		try {
			return await work();
		} catch (error) {
			if (error.problems) editor.tell(error.problems, editor.flow.value);
			host.notify(error.message, "failed");
			return null;
		}
	}

	/** Saves first: what is published is what is on the screen. */
	async function publish(note = "") {
		if ((editor.dirty.value || isNew.value) && !(await save())) return false;
		const name = editor.template.value.name;
		const answer = await attempt(() => host.call("templates.publish", { name, note }));
		if (!answer) return false;
		const { flow_definition: stored, problems, ...row } = answer.template;
		editor.template.value = row;
		published.value = editor.saved.value;
		host.notify(t("Version {0} is published.", [row.published_version]), "done");
		useFlowEditor().told(row);
		return true;
	}

	/**
	 * The server has published or retired something: its row is taken. A draft that became another version can be had
	 * back by undo.
	 */
	function republished(answer) {
		const { flow_definition: flow, problems, ...row } = answer.template;
		editor.template.value = row;
		if (countChanges(editor.flow.value, flow)) {
			editor.apply({ type: "replace", flow });
			editor.saved.value = editor.flow.value;
			editor.tell(problems, editor.flow.value);
		}
		published.value = null;
		loadPublished();
		useFlowEditor().told(row);
	}

	/**
	 * extra: what becomes of the runs of a flow that is being paused (`running`), why (`reason`), whether the draft is
	 * published with switching on (`publish`).
	 */
	async function setActive(active, extra = {}) {
		if ((editor.dirty.value || isNew.value) && !(await save())) return false;
		const { name, modified } = editor.template.value;
		const given = { name, modified, is_active: active ? 1 : 0, ...extra };
		const answer = await attempt(() => host.call("templates.update", given));
		if (!answer) return false;
		const { flow_definition: stored, problems, ...row } = answer.template;
		editor.template.value = row;
		if (row.draft_state === "published") published.value = editor.saved.value;
		useFlowEditor().told(row);
		return true;
	}

	return {
		edited,
		stop: () => clearTimeout(timer),
		actions: {
			saving,
			savedAt,
			conflict,
			autosaves,
			isNew,
			changes,
			published,
			publishable,
			load,
			startNew,
			save,
			publish,
			republished,
			setActive,
			takeTheirs,
			keepAsCopy,
		},
	};
}
