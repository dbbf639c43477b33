/** Addresses of the standalone page ↔ what is shown at them; leaving a page may be refused by what is on it. */
import { shallowRef } from "vue";

const ROUTES = [
	[/^\/$/, "flows"],
	[/^\/new$/, "editor"],
	[/^\/templates\/([^/]+)$/, "editor"],
	[/^\/runs$/, "runs"],
	[/^\/runs\/([^/]+)$/, "run"],
	[/^\/audit$/, "audit"],
	[/^\/webhooks$/, "webhooks"],
	[/^\/schedules$/, "schedules"],
	[/^\/schedules\/([^/]+)$/, "schedule"],
	[/^\/hooks$/, "hooks"],
	[/^\/hooks\/([^/]+)$/, "hook"],
];

function read(location) {
	for (const [pattern, page] of ROUTES) {
		const found = pattern.exec(location.pathname);
		if (!found) continue;
		const query = Object.fromEntries(new URLSearchParams(location.search));
		return { page, name: found[1] ? decodeURIComponent(found[1]) : null, query };
	}
	return { page: "missing", name: null, query: {} };
}

/**
 * mayLeave: asked before another address is shown; a promise of false keeps the page.
 * `{route, navigate(url, {replace})}`. Addresses outside the list are the server's own pages.
 */
export function createRouter(mayLeave) {
	const route = shallowRef(read(window.location));
	let shown = window.location.href;

	async function navigate(url, { replace = false, asked = false } = {}) {
		const target = new URL(url, window.location.href);
		if (!ROUTES.some(([pattern]) => pattern.test(target.pathname))) {
			window.location.assign(target);
			return;
		}
		if (!asked && !(await mayLeave())) return;
		window.history[replace ? "replaceState" : "pushState"](null, "", target);
		show();
	}

	function show() {
		shown = window.location.href;
		route.value = read(window.location);
		window.scrollTo(0, 0);
	}

	window.addEventListener("popstate", async () => {
		if (await mayLeave()) show();
		else window.history.pushState(null, "", shown);
	});
	/** Links inside the page are followed without loading it anew; other buttons and keys mean a new tab. */
	document.addEventListener("click", (event) => {
		if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey)
			return;
		const link = event.target.closest?.("a[href]");
		if (!link || link.target || link.origin !== window.location.origin || link.hasAttribute("download"))
			return;
		if (!ROUTES.some(([pattern]) => pattern.test(link.pathname))) return;
		event.preventDefault();
		navigate(link.href);
	});
	return { route, navigate };
}
