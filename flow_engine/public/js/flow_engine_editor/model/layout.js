// Where everything of a flow is drawn: cards, lanes, lines and the "+" between them, as one value. Sizes are
// fixed and nothing is measured in the page, so the same flow always has the same picture.
//
// Two passes over the steps: sizes, children before parents; then places, parents before children.
import { indexFlow, TRIGGER } from "./flow.js";
import { COMPENSATE, kindOf } from "./kinds.js";
import { bow } from "./layout/lines.js";
import { placeGroup } from "./layout/placing.js";
import { firstsOf, shapeOf } from "./layout/shape.js";
import {
	CARD,
	COLUMN_PAD,
	EMPTY_LANE_WIDTH,
	FIRST_PLUS,
	FORK,
	GAP,
	LABEL,
	LANE_GAP,
	LANE_HEAD,
	LANE_TAIL,
	MARGIN,
	ROW_GAP,
} from "./layout/sizes.js";
import { across, pathThrough } from "./layout/lines.js";

/**
 * `{width, height, trigger, cards, edges, lanes, pluses, order}`.
 *
 * cards: `{id, x, y, width, height, depth, row, setSize, posInSet, exit: {x, y}}`; below `exit` goes what comes
 * after the whole block. edges: `{key, kind, from, to, path, start, end}`, kinds `flow`, `branch`, `join`, `tail` and
 * `dependency`; the line of an empty lane goes from its step to itself and has the lane's `branch`; a join leads to the exit of `to`, the step that branched, a tail (`to` null) to the last "+". lanes: `{parent, branch, x, y}`, the
 * middle of a label; `branch` null is the way on when all went well. pluses: `{key, x, y, place, after, before}`
 * (middle; ids of the blocks above and below it). order: ids as they are read, the trigger first.
 * `tall(id)`: has the card a row of chips? `collapsed`: ids of steps whose branches are not shown.
 */
export function layoutFlow(flow, catalog, { tall = () => false, collapsed = new Set() } = {}) {
	const index = indexFlow(flow, catalog);
	const picture = new Picture(index, tall, collapsed);
	picture.measure();
	return picture.place();
}

class Picture {
	constructor(index, tall, collapsed) {
		Object.assign(this, { index, tall, collapsed });
		// id → {width, height, cardHeight, lanes: [{branch, shape, group, width}]}
		this.blocks = new Map();
		this.cards = new Map();
		this.edges = [];
		this.lanes = [];
		this.pluses = [];
		this.plusKeys = new Map();
	}

	measure() {
		const { fromTheTop } = this.index;
		for (let i = fromTheTop.length - 1; i >= 0; i--) this.measureBlock(fromTheTop[i]);
		this.top = this.measureGroup(null, null);
	}

	measureBlock(id) {
		const cardHeight = this.tall(id) ? CARD.tall : CARD.height;
		const lanes = this.collapsed.has(id) ? [] : this.shownLanes(id);
		const size = { width: CARD.width, height: cardHeight, cardHeight, lanes };
		if (lanes.length) {
			const height = Math.max(...lanes.map((lane) => (lane.shape ? lane.shape.height + LANE_TAIL : 0)));
			size.width = Math.max(CARD.width, spread(lanes.map((lane) => lane.width)));
			size.height = cardHeight + LANE_HEAD + height + FORK;
		}
		this.blocks.set(id, size);
	}

	shownLanes(id) {
		const found = this.index.lanesOf(id);
		const own = kindOf(this.index.catalog, this.index.step(id).kind)?.branches || [];
		// Beside the branches of failure there is the way on, when all went well.
		const goesOn = found.length && !own.length && found[0].branch !== null;
		const lanes = goesOn ? [{ branch: null, ids: [] }, ...found] : found;
		return lanes.map(({ branch }) => {
			const { shape, group } = this.measureGroup(id, branch);
			return {
				branch,
				shape,
				group,
				width: shape ? Math.max(shape.width, CARD.width) : EMPTY_LANE_WIDTH,
			};
		});
	}

	measureGroup(parent, branch) {
		const group = this.index.group(parent, branch);
		const shape = shapeOf(group, this.index.position);
		if (shape) this.measureShape(shape);
		return { shape, group };
	}

	measureShape(shape) {
		if (shape.type === "block") {
			const { width, height } = this.blocks.get(shape.id);
			Object.assign(shape, { width, height });
		} else if (shape.type === "rows") {
			for (const row of shape.rows) for (const one of row) this.measureShape(one);
			shape.width = Math.max(...shape.rows.map((row) => spread(row.map((one) => one.width))));
			const heights = shape.rows.map((row) => Math.max(...row.map((one) => one.height)));
			shape.height = sum(heights) + ROW_GAP * (heights.length - 1) + 2 * COLUMN_PAD;
		} else {
			for (const part of shape.parts) this.measureShape(part);
			const [widths, heights] = [
				shape.parts.map((one) => one.width),
				shape.parts.map((one) => one.height),
			];
			if (shape.type === "series") {
				shape.width = Math.max(...widths);
				shape.height = sum(heights) + GAP * (heights.length - 1);
			} else {
				shape.width = spread(widths);
				shape.height = Math.max(...heights) + 2 * COLUMN_PAD;
			}
		}
	}

	place() {
		const { shape, group } = this.top;
		const width = Math.max(CARD.width, shape?.width ?? 0) + 2 * MARGIN;
		const middle = width / 2;
		const trigger = { x: middle - CARD.width / 2, y: MARGIN, width: CARD.width, height: CARD.height };
		const start = { x: middle, y: MARGIN + CARD.height };
		const plus = { x: middle, y: start.y + GAP / 2 };
		this.addPlus(plus, null, null, [], shape ? firstsOf(shape, group) : [], "start", TRIGGER);
		let height = start.y + GAP;
		if (shape) {
			const entry = { x: middle, y: height };
			const enter = (id, way) => this.addEdge("flow", TRIGGER, id, [start, entry, ...way]);
			placeGroup(this, { parent: null, branch: null, group, shape, entry, enter, leave: null });
			height += shape.height + GAP;
		}
		for (const id of this.index.fromTheTop) if (this.cards.has(id)) this.placeLanes(id);
		this.addDependencies();
		const cards = this.index.ids.filter((id) => this.cards.has(id)).map((id) => this.cards.get(id));
		const { edges, lanes, pluses } = this;
		return {
			width,
			height: height + MARGIN,
			trigger,
			cards,
			edges,
			lanes,
			pluses,
			order: this.readingOrder(),
		};
	}

	/** The card of a block whose top middle is at `entry`. */
	placeBlock(id, entry) {
		const { height, cardHeight } = this.blocks.get(id);
		const { ids, row } = this.index.groupOf(id);
		this.cards.set(id, {
			id,
			x: entry.x - CARD.width / 2,
			y: entry.y,
			width: CARD.width,
			height: cardHeight,
			depth: this.index.depth.get(id),
			row: row.get(id),
			setSize: ids.length,
			posInSet: this.positionInSet(ids, id),
			exit: { x: entry.x, y: entry.y + height },
		});
	}

	positionInSet(ids, id) {
		this.places ||= new Map();
		if (!this.places.has(id)) ids.forEach((one, at) => this.places.set(one, at + 1));
		return this.places.get(id);
	}

	placeLanes(id) {
		const { lanes } = this.blocks.get(id);
		if (!lanes.length) return;
		const card = this.cards.get(id);
		const exit = card.exit;
		const bottom = { x: exit.x, y: card.y + card.height };
		const fork = bottom.y + FORK;
		const join = exit.y - FORK / 2;
		let x = exit.x - spread(lanes.map((lane) => lane.width)) / 2;
		for (const { branch, shape, group, width } of lanes) {
			const middle = x + width / 2;
			x += width + LANE_GAP;
			if (branch !== null || lanes.length > 1)
				this.lanes.push({ parent: id, branch, x: middle, y: bottom.y + LABEL });
			const plus = { x: middle, y: bottom.y + FIRST_PLUS };
			this.addPlus(plus, id, branch, [], shape ? firstsOf(shape, group) : [], "start", null);
			const entry = { x: middle, y: bottom.y + LANE_HEAD };
			const down = across(bottom, fork, entry);
			// From what undoes a step nothing goes on.
			const ends = branch === COMPENSATE;
			if (!shape) {
				const on = ends ? [] : across(entry, join, exit);
				this.addEdge("branch", id, id, [...down, ...on], branch);
				continue;
			}
			const enter = (first, way) => this.addEdge("branch", id, first, [...down, ...way]);
			const leave = (last, way) => {
				const end = way.at(-1);
				this.addEdge("join", last, id, [...way, ...across({ x: middle, y: end.y }, join, exit)]);
			};
			const out = ends ? { leave: null, room: LANE_TAIL } : { leave };
			placeGroup(this, { parent: id, branch, group, shape, entry, enter, ...out });
		}
	}

	addPlus({ x, y }, parent_id, branch, after, before, name, above) {
		const plus = new Plus(this.index, { x, y, parent_id, branch, after, before, above });
		const key = `${name} ${parent_id ?? ""} ${branch ?? ""} ${after[0] ?? ""} ${before[0] ?? ""}`;
		// Columns inside a column may begin with the same step.
		const count = (this.plusKeys.get(key) || 0) + 1;
		this.plusKeys.set(key, count);
		plus.key = count > 1 ? `${key} ${count}` : key;
		this.pluses.push(plus);
	}

	addEdge(kind, from, to, points, branch) {
		const key = `${kind} ${from} ${to}${branch === undefined ? "" : ` ${branch}`}`;
		const [start, end] = [points[0], points.at(-1)];
		const edge = { key, kind, from, to, path: pathThrough(points), start, end };
		this.edges.push(branch === undefined ? edge : { ...edge, branch });
	}

	/** Dependencies that no line between peers shows. */
	addDependencies() {
		for (const id of this.index.ids) {
			for (const other of this.index.extraDependencies(id)) {
				if (!this.cards.has(id) || !this.cards.has(other)) continue;
				const { path, start, end } = bow(this.cards.get(other), this.cards.get(id));
				this.edges.push({
					key: `dependency ${other} ${id}`,
					kind: "dependency",
					from: other,
					to: id,
					path,
					start,
					end,
				});
			}
		}
	}

	/** Down each column, into each lane from the left. */
	readingOrder() {
		const order = [TRIGGER];
		const waiting = this.top.shape ? [this.top.shape] : [];
		while (waiting.length) {
			const shape = waiting.pop();
			if (shape.type !== "block") {
				waiting.push(...(shape.type === "rows" ? shape.rows.flat() : [...shape.parts]).reverse());
				continue;
			}
			order.push(shape.id);
			const { lanes } = this.blocks.get(shape.id);
			for (let i = lanes.length - 1; i >= 0; i--) if (lanes[i].shape) waiting.push(lanes[i].shape);
		}
		return order;
	}
}

/** A "+". Its place is worked out when it is asked for: most are never pressed. */
class Plus {
	#place;

	constructor(index, { x, y, parent_id, branch, after, before, above }) {
		this.x = x;
		this.y = y;
		this.after = above === null ? [parent_id] : above ? [above] : after;
		this.before = before;
		this.branch = branch;
		this.#place = () => {
			const waits = after.flatMap((id) => waitedFor(index, id, before));
			return { parent_id, branch, after: [...new Set(waits)], before: [...before] };
		};
	}

	get place() {
		return this.#place();
	}
}

/** What stands for a block above a "+": all of it, unless what comes below waits for a part of it only. */
function waitedFor(index, id, before) {
	const [next] = before;
	if (next === undefined || index.links(next).includes(id)) return index.lastSteps(id);
	const block = index.block(id);
	const parts = index.dependencies(next).filter((other) => block.has(other));
	return parts.length ? parts : index.lastSteps(id);
}

function sum(numbers) {
	return numbers.reduce((total, number) => total + number, 0);
}

function spread(widths) {
	return sum(widths) + LANE_GAP * (widths.length - 1);
}
