/**
 * The store of one open flow.
 *
 * Decides what is being edited, selected and shown beside the tree; how a flow changes is the model's, how it is
 * saved is store/drafts.js. A flow is an immutable value in a shallow ref: nothing here watches inside it.
 */
import { computed, ref, shallowRef } from "vue";
import { createHistory } from "./model/history.js";
import { blankFlow, indexFlow, TRIGGER } from "./model/flow.js";
import { sentence } from "./model/messages.js";
import { consequences } from "./model/operations.js";
import { placeProblems } from "./model/problems.js";
import { createChecker } from "./store/checking.js";
import { createClipboard } from "./store/clipboard.js";
import { createDrafts } from "./store/drafts.js";
import { createFields } from "./store/doctype_fields.js";

/** The catalog is the same for every flow of a page: asked for once per host. */
const catalogs = new WeakMap();

function catalogOf(host) {
	if (!catalogs.has(host)) {
		const asked = host.call("catalog", {});
		catalogs.set(host, asked);
		asked.catch(() => catalogs.delete(host));
	}
	return catalogs.get(host);
}

/**
 * host: what the page around gives (`call`, `t`, `notify`, `confirm`, …). readOnly: for showing runs and versions.
 * The object that components get by `inject("editor")`.
 */
export function createEditor(host, { readOnly = false } = {}) {
	const { t } = host;
	const may = (action) => !host.may || host.may(action);
	let history = createHistory(blankFlow());
	const editor = {
		host,
		flow: shallowRef(history.present),
		saved: shallowRef(history.present),
		template: shallowRef(null),
		details: shallowRef({}),
		catalog: shallowRef(null),
		catalogName: ref(host.catalogName || "project"),
		problems: shallowRef([]),
		/** The flow that `problems` are about: they name steps by their place in its list. */
		checkedFlow: shallowRef(history.present),
		selected: ref(null),
		side: ref(null),
		wanted: shallowRef(null),
		scrollWanted: shallowRef(null),
		overlay: shallowRef(null),
		/** Two versions that are looked at instead of the tree: `{before, after}`. */
		compared: shallowRef(null),
		canUndo: ref(false),
		canRedo: ref(false),
		loading: ref(false),
		error: shallowRef(null),
	};
	const kinds = computed(
		() => new Map((editor.catalog.value?.kinds || []).map((kind) => [kind.name, kind])),
	);
	editor.kind = (name) => kinds.value.get(name) || null;
	editor.index = computed(() => indexFlow(editor.flow.value, editor.catalog.value || undefined));
	editor.readOnly = computed(() => readOnly || Boolean(editor.template.value?.is_system) || !may("edit"));
	editor.placed = computed(() => placeProblems(editor.problems.value, editor.checkedFlow.value));
	editor.dirty = computed(
		() =>
			!readOnly &&
			(editor.flow.value !== editor.saved.value || Object.keys(editor.details.value).length > 0),
	);
	Object.assign(editor, createFields(editor, host));
	editor.context = computed(() => ({
		flow: editor.flow.value,
		catalog: editor.catalog.value,
		fields: editor.fieldsOf(editor.appliesTo.value)?.fields || [],
		fieldsOf: editor.fieldsOf,
		t,
	}));
	const checker = createChecker(editor, host);
	const drafts = createDrafts(editor, host, begin);
	Object.assign(editor, drafts.actions, createClipboard(editor, host));

	editor.tell = (problems, flow) => {
		editor.checkedFlow.value = flow;
		editor.problems.value = problems || [];
	};

	/** Take this flow as what is now being edited: history begins here. */
	function begin(flow, savedFlow = flow) {
		history = createHistory(flow);
		editor.saved.value = savedFlow;
		editor.details.value = {};
		sync();
	}

	function sync() {
		editor.flow.value = history.present;
		editor.canUndo.value = history.canUndo;
		editor.canRedo.value = history.canRedo;
	}

	function changed() {
		sync();
		const { selected } = editor;
		if (selected.value && selected.value !== TRIGGER && !editor.index.value.byId.has(selected.value)) {
			selected.value = null;
		}
		checker.soon();
		drafts.edited();
	}

	/** True when done; a refusal is told to the operator and nothing changes. */
	editor.apply = (operation) => {
		if (editor.readOnly.value) return false;
		try {
			history.apply(operation, editor.catalog.value);
		} catch (refused) {
			if (!refused.code) throw refused;
			host.notify(editor.say(refused), "failed");
			return false;
		}
		changed();
		return true;
	};
	/** Deletes a step and what is under it; asks first where that breaks something. True when it is gone. */
	editor.removeStep = async (id) => {
		const operation = { type: "delete", ids: [id] };
		const broken = editor.consequences(operation);
		if (broken.length) {
			const message = broken.map((one) => one.message).join(" ");
			const question = { title: t("Delete the step?"), message, label: t("Delete"), danger: true };
			if (!(await host.confirm(question))) return false;
		}
		return editor.apply(operation);
	};
	/** What the operation would break: `[{step, code, message}]`. */
	editor.consequences = (operation) =>
		consequences(editor.flow.value, operation, editor.catalog.value).map((one) => ({
			...one,
			message: editor.say(one),
		}));
	/** A refusal or a consequence in the reader's language. */
	editor.say = ({ code, args }) => sentence(code, args, t);
	editor.undo = () => {
		if (editor.readOnly.value || !history.canUndo) return;
		history.undo();
		changed();
	};
	editor.redo = () => {
		if (editor.readOnly.value || !history.canRedo) return;
		history.redo();
		changed();
	};
	editor.changeDetails = (changes) => {
		if (editor.readOnly.value) return;
		const details = { ...editor.details.value, ...changes };
		for (const key of Object.keys(details)) {
			if ((details[key] ?? "") === (editor.template.value?.[key] ?? "")) delete details[key];
		}
		editor.details.value = details;
		drafts.edited();
	};
	editor.detail = (key) => editor.details.value[key] ?? editor.template.value?.[key];

	editor.select = (id, { open = true } = {}) => {
		editor.selected.value = id;
		if (id && open && (!editor.side.value || editor.side.value === "settings"))
			editor.side.value = "step";
	};
	editor.goTo = (id, wanted = null) => {
		editor.selected.value = id;
		if (id) editor.side.value = "step";
		editor.scrollWanted.value = { id };
		editor.wanted.value = wanted;
	};
	editor.compare = (versions) => {
		editor.compared.value = versions;
	};
	editor.setOverlay = (overlay) => {
		editor.overlay.value = overlay;
	};
	editor.ensureCatalog = async () => {
		if (!editor.catalog.value) editor.catalog.value = await catalogOf(host);
	};
	/** Show a flow that is not being edited: a run's, or an old version. */
	editor.show = async ({ template, flow }) => {
		await editor.ensureCatalog();
		editor.template.value = template;
		begin(flow);
	};
	editor.check = checker.now;
	editor.dispose = () => {
		checker.stop();
		drafts.stop();
	};
	return editor;
}

export { useFlowEditor } from "./store/dialog.js";
