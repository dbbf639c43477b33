/**
 * A step taken by the pointer and carried to a "+": while it is carried, where it would land is marked and what
 * that would break is said. Nothing changes before it is let go.
 */
import { onBeforeUnmount, shallowRef } from "vue";

/** Less than this is a click. Pixels. */
const SLACK = 6;
/** How near to a "+" the pointer must be. Units of the sheet. */
const REACH = 110;
const EDGE = 48;

/**
 * drag: {id, x, y, width, over: plus|null, said: []} while something is carried, else null.
 * options: box, toSheet, targets(id) → pluses, judge(id, place) → consequences, drop(id, place), allowed(id).
 */
export function useDragging({ box, toSheet, targets, judge, drop, allowed }) {
	const drag = shallowRef(null);
	let start = null;
	let places = [];
	let frame = 0;
	let last = null;

	function lift(event, id) {
		if (event.button !== 0 || event.pointerType === "touch" || !allowed(id)) return;
		start = { id, x: event.clientX, y: event.clientY, pointer: event.pointerId };
		window.addEventListener("pointermove", move);
		window.addEventListener("pointerup", release);
		window.addEventListener("keydown", escape, true);
	}

	function move(event) {
		if (!start || event.pointerId !== start.pointer) return;
		last = event;
		if (!drag.value && Math.hypot(event.clientX - start.x, event.clientY - start.y) < SLACK) return;
		if (!drag.value) {
			places = targets(start.id);
			document.body.classList.add("fe-dragging");
		}
		if (!frame) frame = requestAnimationFrame(follow);
	}

	function follow() {
		frame = 0;
		if (!start || !last) return;
		const point = toSheet(last.clientX, last.clientY);
		let over = null;
		let best = REACH;
		for (const plus of places) {
			const far = Math.hypot(plus.x - point.x, plus.y - point.y);
			if (far < best) [best, over] = [far, plus];
		}
		const before = drag.value;
		const said = over && over === before?.over ? before.said : over ? judge(start.id, over.place) : [];
		drag.value = { id: start.id, x: last.clientX, y: last.clientY, over, said, places };
		scrollAtEdge();
	}

	/** Carried to the edge of the canvas, the canvas comes along. */
	function scrollAtEdge() {
		const rect = box.value.getBoundingClientRect();
		const near = (at, low, high) => (at < low + EDGE ? -1 : at > high - EDGE ? 1 : 0);
		const x = near(last.clientX, rect.left, rect.right);
		const y = near(last.clientY, rect.top, rect.bottom);
		if (!x && !y) return;
		box.value.scrollBy(x * 12, y * 12);
		if (!frame) frame = requestAnimationFrame(follow);
	}

	function release(event) {
		if (start && event.pointerId !== start.pointer) return;
		const carried = drag.value;
		if (carried) {
			// The click that follows belongs to the drag.
			window.addEventListener("click", swallow, { capture: true, once: true });
			setTimeout(() => window.removeEventListener("click", swallow, true), 0);
		}
		stop();
		if (carried?.over) drop(carried.id, carried.over.place);
	}

	function swallow(event) {
		event.stopPropagation();
		event.preventDefault();
	}

	function escape(event) {
		if (event.key !== "Escape" || !drag.value) return;
		event.stopPropagation();
		stop();
	}

	function stop() {
		cancelAnimationFrame(frame);
		frame = 0;
		start = null;
		last = null;
		drag.value = null;
		document.body.classList.remove("fe-dragging");
		window.removeEventListener("pointermove", move);
		window.removeEventListener("pointerup", release);
		window.removeEventListener("keydown", escape, true);
	}

	onBeforeUnmount(stop);
	return { drag, lift };
}
