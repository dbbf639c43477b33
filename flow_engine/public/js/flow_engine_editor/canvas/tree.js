/**
 * The layout as the canvas draws it: wide as a tree, narrow as a list with indents; with each card found by its
 * id, folded blocks counted, and the window kept where it was when the tree grows beside it.
 */
import { computed, nextTick, shallowRef, watch } from "vue";
import { TRIGGER } from "../model/flow.js";
import { layoutFlow } from "../model/layout.js";
import { layoutNarrow } from "../model/narrow.js";
import { NARROW } from "./viewport.js";

const GAP = 12;
const INDENT = 18;
const HEIGHTS = { plain: 64, tall: 92, lane: 26 };

export function useTree(editor, viewport, isTall) {
	const collapsed = shallowRef(new Set());
	const narrow = computed(() => viewport.inner.value.width <= NARROW);

	const layout = computed(() => {
		const flow = editor.flow.value;
		const catalog = editor.catalog.value;
		const made = narrow.value
			? asList(flow, catalog)
			: layoutFlow(flow, catalog, { tall: isTall, collapsed: collapsed.value });
		const index = editor.index.value;
		const cards = made.cards.map((card) => withFolding(card, index));
		const triggerCard = {
			setSize: 1,
			posInSet: 1,
			folded: 0,
			branching: false,
			...made.trigger,
			id: TRIGGER,
			depth: 0,
		};
		const places = new Map(cards.map((card) => [card.id, card]));
		places.set(TRIGGER, triggerCard);
		const edges = made.edges.map((edge) => ({ ...edge, box: boxOf(edge) }));
		return { ...made, cards, triggerCard, places, edges };
	});

	function withFolding(card, index) {
		const branching = index.children(card.id).length > 0;
		const folded = branching && collapsed.value.has(card.id) ? index.descendants(card.id).length : 0;
		return { ...card, branching, folded };
	}

	/** One column, a card under the other, steps of a branch further in and below its name. */
	function asList(flow, catalog) {
		const width = viewport.inner.value.width - 2 * GAP;
		const cards = [];
		const lanes = [];
		let y = HEIGHTS.plain + GAP;
		let hidden = null;
		for (const row of layoutNarrow(flow, catalog)) {
			if (hidden !== null && row.depth > hidden) continue;
			hidden = collapsed.value.has(row.id) ? row.depth : null;
			const x = Math.min(row.depth, 6) * INDENT;
			if (row.first && row.lane) {
				lanes.push({
					parent: row.id,
					branch: row.lane,
					x: x + 40,
					y: y + HEIGHTS.lane / 2 - GAP / 2,
				});
				y += HEIGHTS.lane;
			}
			const height = isTall(row.id) ? HEIGHTS.tall : HEIGHTS.plain;
			cards.push({
				id: row.id,
				x,
				y,
				width: width - x,
				height,
				depth: row.depth,
				row: 0,
				setSize: 1,
				posInSet: 1,
			});
			y += height + GAP;
		}
		const trigger = { x: 0, y: 0, width, height: isTall(TRIGGER) ? HEIGHTS.tall : HEIGHTS.plain };
		return {
			width,
			height: y,
			trigger,
			cards,
			lanes,
			edges: [],
			pluses: [],
			order: [TRIGGER, ...cards.map((card) => card.id)],
		};
	}

	function toggle(id) {
		const next = new Set(collapsed.value);
		if (!next.delete(id)) next.add(id);
		collapsed.value = next;
	}

	/** Nothing that is gone to is hidden in a folded block. */
	function unfold(id) {
		if (id === TRIGGER || !collapsed.value.size || !editor.index.value.byId.has(id)) return;
		const above = editor.index.value.ancestors(id).map((step) => step.id);
		const next = new Set([...collapsed.value].filter((one) => !above.includes(one)));
		if (next.size !== collapsed.value.size) collapsed.value = next;
	}

	viewport.draws(layout);

	const order = computed(() => layout.value.order);

	// A lane that comes in on the left must not carry away what one is looking at.
	watch(
		() => [
			layout.value.places.get(editor.selected.value) || layout.value.triggerCard,
			viewport.pad.value,
		],
		async ([card, pad], [oldCard, oldPad]) => {
			if (card.id !== oldCard.id) return;
			const shift = (card.x - oldCard.x) * viewport.zoom.value + pad - oldPad;
			if (!shift) return;
			await nextTick();
			viewport.shift(shift);
		},
		{ flush: "pre" },
	);

	return { layout, narrow, collapsed, toggle, unfold, order };
}

/** What an edge covers: from where it begins to where it ends. */
function boxOf({ start, end }) {
	const x = Math.min(start.x, end.x);
	const y = Math.min(start.y, end.y);
	return { x, y, width: Math.abs(end.x - start.x), height: Math.abs(end.y - start.y) };
}
