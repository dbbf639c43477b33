// Placing the blocks of one group in the shape it has, with the lines and the "+" between them.
import { across } from "./lines.js";
import { firstsOf, idsInRows, lastsOf, peersBefore } from "./shape.js";
import { COLUMN_PAD, GAP, LANE_GAP, LANE_TAIL, ROW_GAP } from "./sizes.js";

/**
 * `entry`: where the line into the group ends. `enter(id, way)` draws the line to a block it begins with, by the
 * points after `entry`; `leave(id, way)` the line from a block it ends with, by the points from there to the end
 * of the group; without it the line ends at the group's last "+", in the middle of the `room` below it.
 */
export function placeGroup(picture, { parent, branch, group, shape, entry, enter, leave, room = GAP }) {
	const placing = new Placing(picture, parent, branch, group);
	placing.put(shape, entry, { after: [], before: [] });
	for (const { id, way } of placing.entries(shape, entry)) enter(id, way);
	const end = { x: entry.x, y: entry.y + shape.height };
	const tail = { x: entry.x, y: end.y + (leave ? LANE_TAIL : room) / 2 };
	picture.addPlus(tail, parent, branch, lastsOf(shape, group), [], "end");
	const last = leave ? end : tail;
	for (const { id, way } of placing.exits(shape, entry)) {
		if (leave) leave(id, [...way, last]);
		else picture.addEdge("tail", id, null, [...way, last]);
	}
}

class Placing {
	constructor(picture, parent, branch, group) {
		Object.assign(this, { picture, parent, branch, group });
	}

	addPlus(at, after, before, name) {
		this.picture.addPlus(at, this.parent, this.branch, after, before, name);
	}

	/** `around`: the blocks before and after the shape, within the group. */
	put(shape, entry, around) {
		if (shape.type === "block") this.picture.placeBlock(shape.id, entry);
		else this[shape.type](shape, entry, around);
	}

	series(shape, entry, around) {
		let y = entry.y;
		shape.parts.forEach((part, at) => {
			const [above, below] = [shape.parts[at - 1], shape.parts[at + 1]];
			const top = { x: entry.x, y };
			this.put(part, top, {
				after: above ? lastsOf(above, this.group) : around.after,
				before: below ? firstsOf(below, this.group) : around.before,
			});
			if (above) this.join(above, { x: entry.x, y: y - GAP - above.height }, part, top);
			y += part.height + GAP;
		});
	}

	/** The lines from one part of a series to the next, and the "+" on the stretch they share. */
	join(above, aboveAt, below, belowAt) {
		const firsts = this.entries(below, belowAt);
		const bottom = { x: aboveAt.x, y: aboveAt.y + above.height };
		for (const exit of this.exits(above, aboveAt)) {
			for (const first of firsts) {
				this.link(exit.id, first.id, [...exit.way, bottom, belowAt, ...first.way]);
			}
		}
		const middle = { x: aboveAt.x, y: bottom.y + GAP / 2 };
		this.addPlus(middle, lastsOf(above, this.group), firstsOf(below, this.group), "between");
	}

	/** A line from a block to one that waits for all of it; other waiting is shown as a dependency. */
	link(from, to, way) {
		if (this.picture.index.links(to).includes(from)) this.picture.addEdge("flow", from, to, way);
	}

	parallel(shape, entry, around) {
		for (const { part, at } of columns(shape, entry)) {
			this.put(part, at, around);
			const middle = at.y - COLUMN_PAD / 2;
			this.addPlus({ x: at.x, y: middle }, around.after, firstsOf(part, this.group), "column");
			const end = at.y + part.height + COLUMN_PAD / 2;
			this.addPlus({ x: at.x, y: end }, lastsOf(part, this.group), around.before, "column end");
		}
	}

	rows(shape, entry, around) {
		const inside = idsInRows(shape);
		for (const { one, at } of inRows(shape, entry)) this.picture.placeBlock(one.id, at);
		const ends = new Set(lastsOf(shape, this.group));
		for (const { one, at } of inRows(shape, entry)) {
			const before = peersBefore(this.group, one.id).filter((peer) => inside.has(peer));
			for (const peer of before) {
				const { exit } = this.picture.cards.get(peer);
				this.link(peer, one.id, across(exit, at.y - ROW_GAP / 2, at));
			}
			this.addPlus({ x: at.x, y: at.y - 18 }, before.length ? before : around.after, [one.id], "row");
			const { exit } = this.picture.cards.get(one.id);
			if (ends.has(one.id))
				this.addPlus({ x: exit.x, y: exit.y + 18 }, [one.id], around.before, "row end");
		}
	}

	/** `{id, way}` of each block a shape at `entry` begins with: the points from `entry` on. */
	entries(shape, entry) {
		if (shape.type === "block") return [{ id: shape.id, way: [entry] }];
		if (shape.type === "series") return this.entries(shape.parts[0], entry);
		if (shape.type === "parallel") {
			return columns(shape, entry).flatMap(({ part, at }) =>
				this.entries(part, at).map(({ id, way }) => ({
					id,
					way: [...across(entry, entry.y, at), ...way],
				})),
			);
		}
		const firsts = new Set(firstsOf(shape, this.group));
		return [...inRows(shape, entry)]
			.filter(({ one }) => firsts.has(one.id))
			.map(({ one, at }) => ({ id: one.id, way: across(entry, entry.y, at) }));
	}

	/** `{id, way}` of each block a shape at `entry` ends with: the points from its exit to the shape's end. */
	exits(shape, entry) {
		const end = { x: entry.x, y: entry.y + shape.height };
		if (shape.type === "block") return [{ id: shape.id, way: [this.picture.cards.get(shape.id).exit] }];
		if (shape.type === "series") {
			const part = shape.parts.at(-1);
			return this.exits(part, { x: entry.x, y: end.y - part.height });
		}
		if (shape.type === "parallel") {
			return columns(shape, entry).flatMap(({ part, at }) =>
				this.exits(part, at).map(({ id, way }) => ({
					id,
					way: [...way, ...across({ x: at.x, y: at.y + part.height }, end.y, end)],
				})),
			);
		}
		return lastsOf(shape, this.group).map((id) => {
			const { exit } = this.picture.cards.get(id);
			return { id, way: across(exit, end.y, end) };
		});
	}
}

function columns(shape, entry) {
	let x = entry.x - shape.width / 2;
	return shape.parts.map((part) => {
		const at = { x: x + part.width / 2, y: entry.y + COLUMN_PAD };
		x += part.width + LANE_GAP;
		return { part, at };
	});
}

function* inRows(shape, entry) {
	let y = entry.y + COLUMN_PAD;
	for (const row of shape.rows) {
		const width = row.reduce((total, one) => total + one.width + LANE_GAP, -LANE_GAP);
		let x = entry.x - width / 2;
		for (const one of row) {
			yield { one, at: { x: x + one.width / 2, y } };
			x += one.width + LANE_GAP;
		}
		y += Math.max(...row.map((one) => one.height)) + ROW_GAP;
	}
}
