/** The keyboard on the tree: arrows walk, Alt with arrows moves, letters and Ctrl edit. What each key does is here,
 * what the help shows is shortcuts.js. */
import { nextTick } from "vue";
import { plusTowards } from "./places.js";
import { TRIGGER } from "../model/flow.js";

export function useTreeKeys(editor, tree, t) {
	const { focusId, layout, order } = tree;

	function walk(to) {
		if (!to) return;
		editor.select(to, { open: false });
		tree.focusCard(to);
	}

	function along(step) {
		const ids = order.value;
		walk(ids[ids.indexOf(focusId.value) + step]);
	}

	/** The nearest card to the left or right, about as high; without one, the parent or the first child. */
	function across(side) {
		const here = layout.value.places.get(focusId.value);
		const beside = layout.value.cards
			.filter(
				(card) =>
					(card.x - here.x) * side > here.width / 2 && Math.abs(card.y - here.y) < here.height,
			)
			.sort((a, b) => (a.x - b.x) * side)[0];
		if (beside) return walk(beside.id);
		const index = editor.index.value;
		const id = focusId.value;
		if (id === TRIGGER) return side > 0 ? along(1) : undefined;
		if (side < 0) {
			if (here.branching && !here.folded) return tree.toggle(id);
			return walk(index.byId.get(id).parent_id || TRIGGER);
		}
		if (here.folded) return tree.toggle(id);
		return here.branching ? walk(index.children(id)[0].id) : undefined;
	}

	async function carry(direction) {
		const id = focusId.value;
		if (id === TRIGGER || editor.readOnly.value || tree.narrow.value) return;
		const places = new Set(tree.targets(id));
		const fits = (plus) => places.has(plus);
		const plus = plusTowards(direction, id, layout.value, editor.index.value, fits);
		if (!plus) return;
		const said = tree.judge(id, plus.place);
		if (said.length && !said.some((one) => one.refused)) {
			const message = said.map((one) => one.message).join(" ");
			const sure = await editor.host.confirm({ title: t("Move the step?"), message, label: t("Move") });
			if (!sure) return tree.focusCard(id);
		}
		tree.drop(id, plus.place);
		await nextTick();
		tree.focusCard(id);
	}

	async function remove() {
		const id = focusId.value;
		if (id === TRIGGER || editor.readOnly.value) return;
		const ids = order.value;
		const gone = editor.index.value.block(id);
		const at = ids.indexOf(id);
		const next = ids.slice(at).find((one) => !gone.has(one)) || ids[at - 1] || TRIGGER;
		if (await editor.removeStep(id)) walk(next);
	}

	async function duplicate() {
		const id = focusId.value;
		if (id === TRIGGER) return;
		const before = new Set(editor.flow.value.steps.map((step) => step.id));
		if (!editor.apply({ type: "duplicate", id })) return;
		const made = editor.flow.value.steps.find((step) => !before.has(step.id));
		if (made) editor.goTo(made.id);
	}

	const PLAIN = {
		ArrowDown: () => along(1),
		ArrowUp: () => along(-1),
		ArrowRight: () => across(1),
		ArrowLeft: () => across(-1),
		Home: () => walk(order.value[0]),
		End: () => walk(order.value[order.value.length - 1]),
		Enter: () => edit(),
		F2: () => edit({ section: "label", field: "" }),
		Delete: remove,
		Backspace: remove,
		"/": () => tree.search(),
		a: () => tree.addAfter(focusId.value),
		"+": () => tree.addAfter(focusId.value),
		Insert: () => tree.addAfter(focusId.value),
		" ": () => editor.select(focusId.value),
		ContextMenu: () => tree.openMenu(focusId.value),
		Escape: () => {
			editor.side.value = null;
		},
	};
	const WITH_ALT = {
		ArrowUp: () => carry("up"),
		ArrowDown: () => carry("down"),
		ArrowLeft: () => carry("left"),
		ArrowRight: () => carry("right"),
	};
	const WITH_CTRL = {
		d: duplicate,
		"+": () => tree.zoomBy(1),
		"=": () => tree.zoomBy(1),
		"-": () => tree.zoomBy(-1),
		0: () => tree.fit(),
	};

	function edit(wanted = { section: null, field: null }) {
		editor.select(focusId.value);
		editor.wanted.value = wanted;
	}

	/** Keys that belong to a button or a field inside the canvas stay theirs. */
	function onKey(event) {
		const card = event.target.closest?.(".fe-card");
		const inField = event.target.closest?.("input, textarea, select, button");
		if (inField || (!card && event.target !== event.currentTarget)) return;
		const table = event.altKey ? WITH_ALT : event.ctrlKey || event.metaKey ? WITH_CTRL : PLAIN;
		const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
		const act = table[key];
		if (!act) return;
		event.preventDefault();
		event.stopPropagation();
		act();
	}

	return { onKey };
}
