// Lines as SVG paths: straight down, across, and down again, with rounded corners.

const RADIUS = 12;

/** A path through points whose neighbours share an x or a y. */
export function pathThrough(points) {
	const way = points.filter(
		(point, at) => at === 0 || point.x !== points[at - 1].x || point.y !== points[at - 1].y,
	);
	let path = `M${way[0].x} ${way[0].y}`;
	for (let at = 1; at < way.length; at++) {
		const [from, here, to] = [way[at - 1], way[at], way[at + 1]];
		const turns = to && (from.x === here.x) !== (here.x === to.x);
		if (!turns) {
			path += `L${here.x} ${here.y}`;
			continue;
		}
		const radius = Math.min(RADIUS, distance(from, here) / 2, distance(here, to) / 2);
		const start = towards(here, from, radius);
		const end = towards(here, to, radius);
		path += `L${start.x} ${start.y}Q${here.x} ${here.y} ${end.x} ${end.y}`;
	}
	return path;
}

/** Down from a point, across at height `y`, down to another. */
export function across(from, y, to) {
	return from.x === to.x ? [from, to] : [from, { x: from.x, y }, { x: to.x, y }, to];
}

/** A bow from the side of one card to the side of another. */
export function bow(from, to) {
	const [middle, other] = [centre(from), centre(to)];
	const beside = Math.abs(middle.x - other.x) < from.width;
	const rightwards = beside || other.x > middle.x;
	const start = { x: rightwards ? from.x + from.width : from.x, y: middle.y };
	const end = { x: beside || !rightwards ? to.x + to.width : to.x, y: other.y };
	const reach = Math.max(40, Math.abs(end.x - start.x) / 2);
	const bend = rightwards ? start.x + reach : start.x - reach;
	const back = end.x > other.x ? end.x + reach : end.x - reach;
	return {
		path: `M${start.x} ${start.y}C${bend} ${start.y} ${back} ${end.y} ${end.x} ${end.y}`,
		start,
		end,
	};
}

function centre(card) {
	return { x: card.x + card.width / 2, y: card.y + card.height / 2 };
}

function distance(a, b) {
	return Math.abs(a.x - b.x) + Math.abs(a.y - b.y);
}

function towards(from, to, length) {
	return {
		x: from.x + Math.sign(to.x - from.x) * length,
		y: from.y + Math.sign(to.y - from.y) * length,
	};
}
