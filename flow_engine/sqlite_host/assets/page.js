// Follows what happens: fetches the page again and swaps its content when it changed. A page that somebody is
// reading closely (an open detail, a field being filled in) is left alone.
(() => {
	if (!document.body.hasAttribute("data-live")) return;
	const main = document.querySelector("main");
	const busy = () =>
		document.hidden ||
		main.querySelector("details[open]") ||
		["INPUT", "TEXTAREA", "BUTTON"].includes(document.activeElement?.tagName);
	const look = async () => {
		if (!busy()) {
			try {
				const answer = await fetch(location.pathname + location.search, {
					headers: { Accept: "text/html" },
				});
				const page = new DOMParser().parseFromString(await answer.text(), "text/html");
				const note = main.querySelector(".note");
				page.querySelector(".note")?.remove();
				const fresh = page.querySelector("main").innerHTML;
				const shown = note ? main.innerHTML.replace(note.outerHTML, "") : main.innerHTML;
				if (answer.ok && fresh !== shown && !busy()) {
					main.innerHTML = fresh;
					if (!page.body.hasAttribute("data-live")) return;
				}
			} catch {
				// The server is away; the next look tells.
			}
		}
		setTimeout(look, 2000);
	};
	setTimeout(look, 2000);
})();
