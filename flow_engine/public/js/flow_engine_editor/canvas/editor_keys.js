/**
 * Keys and clipboard of the whole editor: they act wherever in it the focus is, and where the page has it nowhere,
 * but never inside a field.
 */
import { onBeforeUnmount, onMounted } from "vue";
import { TRIGGER } from "../model/flow.js";
import { placeAfter, placeAtStart } from "../model/operations/place.js";

const FIELDS = "input, textarea, select, [contenteditable='true']";

/** tree: `root` (ref of the editor's element), `search()`, `help()`, `focusCard(id)`. */
export function useEditorKeys(editor, tree) {
	const inField = (event) => Boolean(event.target.closest?.(FIELDS));

	const WITH_CTRL = {
		z: (event) => (event.shiftKey ? editor.redo() : editor.undo()),
		y: () => editor.redo(),
		s: () => editor.save(),
	};
	const PLAIN = { "?": () => tree.help(), "/": () => tree.search() };

	function onKey(event) {
		if (event.defaultPrevented || event.altKey) return;
		const ctrl = event.ctrlKey || event.metaKey;
		const act = (ctrl ? WITH_CTRL : PLAIN)[event.key.toLowerCase()];
		// A field undoes its own typing; saving is meant wherever one is.
		if (!act || (inField(event) && !(ctrl && event.key.toLowerCase() === "s"))) return;
		event.preventDefault();
		act(event);
	}

	/** Selected text of the page is what the operator means to copy. */
	const meansText = (event) => inField(event) || String(window.getSelection() || "").length > 0;
	const chosen = () => (editor.selected.value === TRIGGER ? null : editor.selected.value);

	function onCopy(event) {
		if (meansText(event) || !chosen()) return;
		event.preventDefault();
		editor.copy(chosen(), event.clipboardData);
	}

	async function onCut(event) {
		if (meansText(event) || !chosen() || editor.readOnly.value) return;
		event.preventDefault();
		const id = chosen();
		editor.copy(id, event.clipboardData);
		if (await editor.removeStep(id)) tree.focusCard(TRIGGER);
	}

	function onPaste(event) {
		if (inField(event) || editor.readOnly.value) return;
		event.preventDefault();
		const index = editor.index.value;
		const place = chosen() ? placeAfter(index, chosen()) : placeAtStart(index);
		editor.pasteAt(place, event.clipboardData?.getData("text/plain"));
	}

	/** A button that was just switched off leaves the focus with the page. */
	const ours = (act) => (event) => {
		if (event.target === document.body || tree.root.value?.contains(event.target)) act(event);
	};
	const listeners = Object.entries({ keydown: onKey, copy: onCopy, cut: onCut, paste: onPaste }).map(
		([name, act]) => [name, ours(act)],
	);
	onMounted(() => listeners.forEach(([name, act]) => document.addEventListener(name, act)));
	onBeforeUnmount(() => listeners.forEach(([name, act]) => document.removeEventListener(name, act)));
}
