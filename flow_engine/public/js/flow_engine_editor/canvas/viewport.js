/**
 * What of the sheet is on the screen: zoom, scrolling, and the window of it that is drawn. The window moves in
 * steps, so that scrolling a little draws nothing anew.
 */
import { computed, nextTick, onBeforeUnmount, onMounted, ref, shallowRef } from "vue";

const STEP = 400;
const MARGIN = 500;
export const PAD = 24;
/** Up to this width the tree is a list. Pixels. */
export const NARROW = 640;
const NARROW_PAD = 12;
const ZOOMS = [0.25, 0.35, 0.5, 0.67, 0.8, 0.9, 1, 1.1, 1.25, 1.5];

/** box: ref of the scrolling element. `draws(layout)` says what is on the sheet: a ref of {width, height}. */
export function useViewport(box) {
	const zoom = ref(1);
	const inner = shallowRef({ width: 1200, height: 800 });
	const corner = shallowRef({ x: 0, y: 0 });
	const sheet = shallowRef(null);
	const size = () => sheet.value?.value || { width: 0, height: 0 };
	const draws = (layout) => (sheet.value = layout);
	let observer = null;

	const pad = computed(() => {
		const least = inner.value.width <= NARROW ? NARROW_PAD : PAD;
		return Math.max(least, (inner.value.width - size().width * zoom.value) / 2);
	});
	const view = computed(() => {
		const { x, y } = corner.value;
		const { width, height } = inner.value;
		return {
			left: (x - pad.value - MARGIN) / zoom.value,
			top: (y - PAD - MARGIN) / zoom.value,
			right: (x - pad.value + width + STEP + MARGIN) / zoom.value,
			bottom: (y - PAD + height + STEP + MARGIN) / zoom.value,
		};
	});

	function scrolled() {
		const x = Math.floor(box.value.scrollLeft / STEP) * STEP;
		const y = Math.floor(box.value.scrollTop / STEP) * STEP;
		if (x !== corner.value.x || y !== corner.value.y) corner.value = { x, y };
	}

	function measure() {
		if (!box.value) return;
		const { clientWidth: width, clientHeight: height } = box.value;
		if (width !== inner.value.width || height !== inner.value.height) inner.value = { width, height };
		scrolled();
	}

	onMounted(() => {
		measure();
		observer = new ResizeObserver(measure);
		observer.observe(box.value);
	});
	onBeforeUnmount(() => observer?.disconnect());

	const visible = ({ x, y, width = 0, height = 0 }) =>
		x + width >= view.value.left &&
		x <= view.value.right &&
		y + height >= view.value.top &&
		y <= view.value.bottom;

	/** Keeps the point (in pixels of the box) where it is while the scale changes. */
	async function setZoom(value, at = null) {
		const { scrollLeft, scrollTop, clientWidth, clientHeight } = box.value;
		const point = at || { x: clientWidth / 2, y: clientHeight / 3 };
		const under = {
			x: (scrollLeft + point.x - pad.value) / zoom.value,
			y: (scrollTop + point.y - PAD) / zoom.value,
		};
		zoom.value = Math.min(1.5, Math.max(0.25, value));
		await nextTick();
		box.value.scrollLeft = under.x * zoom.value + pad.value - point.x;
		box.value.scrollTop = under.y * zoom.value + PAD - point.y;
		scrolled();
	}

	function zoomBy(direction) {
		const next =
			direction > 0
				? ZOOMS.find((one) => one > zoom.value + 0.01)
				: [...ZOOMS].reverse().find((one) => one < zoom.value - 0.01);
		if (next) setZoom(next);
	}

	function fit() {
		const { clientWidth, clientHeight } = box.value;
		const { width, height } = size();
		setZoom(Math.min(1, (clientWidth - 2 * PAD) / width, (clientHeight - 2 * PAD) / height));
		nextTick(() => box.value && (box.value.scrollTop = 0));
	}

	/** Scrolls as little as shows the card, with some room around it; nothing where it is seen already. */
	async function reveal({ x, y, width, height }, { centre = false } = {}) {
		const el = box.value;
		const room = 90;
		const left = x * zoom.value + pad.value;
		const top = y * zoom.value + PAD;
		const right = left + width * zoom.value;
		const bottom = top + height * zoom.value;
		if (centre) {
			el.scrollTop = (top + bottom) / 2 - el.clientHeight / 2;
			el.scrollLeft = (left + right) / 2 - el.clientWidth / 2;
		} else {
			if (top - room < el.scrollTop) el.scrollTop = top - room;
			else if (bottom + room > el.scrollTop + el.clientHeight)
				el.scrollTop = bottom + room - el.clientHeight;
			if (left - 20 < el.scrollLeft) el.scrollLeft = left - 20;
			else if (right + 20 > el.scrollLeft + el.clientWidth) el.scrollLeft = right + 20 - el.clientWidth;
		}
		scrolled();
		await nextTick();
	}

	function shift(x) {
		box.value.scrollLeft += x;
		scrolled();
	}

	/** A point of the window (clientX, clientY) in the sheet's own units. */
	function toSheet(clientX, clientY) {
		const rect = box.value.getBoundingClientRect();
		return {
			x: (clientX - rect.left + box.value.scrollLeft - pad.value) / zoom.value,
			y: (clientY - rect.top + box.value.scrollTop - PAD) / zoom.value,
		};
	}

	/** Where a point of the sheet is in the window. */
	function toWindow(x, y) {
		const rect = box.value.getBoundingClientRect();
		return {
			x: rect.left - box.value.scrollLeft + pad.value + x * zoom.value,
			y: rect.top - box.value.scrollTop + PAD + y * zoom.value,
		};
	}

	return {
		draws,
		zoom,
		inner,
		pad,
		view,
		visible,
		scrolled,
		setZoom,
		zoomBy,
		fit,
		reveal,
		shift,
		toSheet,
		toWindow,
	};
}
