/**
 * Drawings for the names of Frappe's icons that kinds and components use, so that one name works in both places.
 * Sixteen units square, drawn as lines in the text's colour.
 */
const SVG = "http://www.w3.org/2000/svg";
const DRAWINGS = {
	add: "M8 3v10M3 8h10",
	close: "M4 4l8 8M12 4l-8 8",
	check: "M3 8.5 6.5 12 13 4.5",
	search: "M7 3a4 4 0 1 0 .01 0M10 10l3.5 3.5",
	"small-down": "M4.5 6.5 8 10l3.5-3.5",
	"up-line": "M4.5 9.5 8 6l3.5 3.5",
	right: "M6 4l4 4-4 4",
	left: "M10 4 6 8l4 4",
	"dot-horizontal": "M3.5 8h.01M8 8h.01M12.5 8h.01",
	duplicate: "M5.5 5.5h7.5v7.5H5.5zM3 10.5V3h7.5",
	delete: "M3 4.5h10M6 4.5V3h4v1.5M4.5 4.5l.6 8.5h5.8l.6-8.5M6.8 7v3.5M9.2 7v3.5",
	edit: "M3 13h2.5L13 5.5 10.5 3 3 10.5zM9 4.5 11.5 7",
	"external-link": "M9 3h4v4M13 3 7.5 8.5M11 9.5V13H3V5h3.5",
	"setting-gear":
		"M8 5.7a2.3 2.3 0 1 0 .01 0M8 2v1.8M8 12.2V14M2 8h1.8M12.2 8H14M3.8 3.8 5 5M11 11l1.2 1.2M12.2 3.8 11 5M5 11l-1.2 1.2",
	expand: "M9.5 2.5h4v4M13.5 2.5 9 7M6.5 13.5h-4v-4M2.5 13.5 7 9",
	shrink: "M9.5 6.5H13M9.5 6.5V3M9.5 6.5 13.5 2.5M6.5 9.5H3M6.5 9.5V13M6.5 9.5l-4 4",
	keyboard: "M2 4.5h12v7H2zM4.5 7h.01M7 7h.01M9.5 7h.01M12 7h.01M5 9.3h6",
	clipboard: "M5.5 3.5H4V14h8V3.5h-1.5M5.8 2.5h4.4v2.2H5.8z",
	upload: "M8 10.5V3M5 6l3-3 3 3M3 11v2.5h10V11",
	filter: "M2.5 4h11M4.5 8h7M6.5 12h3",
	lock: "M4 7h8v6.5H4zM5.5 7V5.2a2.5 2.5 0 0 1 5 0V7",
	view: "M1.8 8C3.4 5.2 5.5 3.8 8 3.8s4.6 1.4 6.2 4.2c-1.6 2.8-3.7 4.2-6.2 4.2S3.4 10.8 1.8 8zM8 6.2a1.8 1.8 0 1 0 .01 0",
	workflow: "M2.5 2.5h4v4h-4zM9.5 9.5h4v4h-4zM4.5 6.5v5h5",
	branch: "M8 2v3.5M8 5.5C8 8.5 3.5 7 3.5 10.5V14M8 5.5c0 3 4.5 1.5 4.5 5V14",
	tool: "M9.8 6.2a3.3 3.3 0 0 1 4-4L11.6 4.4l.4 1.6 1.6.4 1-1M9.8 6.2 2.5 13.5",
	support: "M8 2.2a5.8 5.8 0 1 0 .01 0M8 4.8v4M8 11.2h.01",
	mail: "M2 4h12v8.5H2zM2 4.5l6 4.5 6-4.5",
	refresh: "M13 8a5 5 0 1 1-1.5-3.6M13 2.5v3h-3",
	today: "M2.5 4h11v9.5h-11zM2.5 7h11M5.5 2.5V5M10.5 2.5V5M8 9h.01",
	calendar: "M2.5 4h11v9.5h-11zM2.5 7h11M5.5 2.5V5M10.5 2.5V5",
	message: "M2.5 3h11v8H7l-3 2.5V11H2.5z",
	help: "M6 6a2 2 0 1 1 3 1.8c-.7.4-1 .8-1 1.7M8 12h.01",
	list: "M5.5 4.5h8M5.5 8h8M5.5 11.5h8M2.6 4.5h.01M2.6 8h.01M2.6 11.5h.01",
	assign: "M6.5 3a2.2 2.2 0 1 0 .01 0M2.5 13c.4-2.8 1.8-4 4-4 1 0 1.9.3 2.6.8M11.5 9.5v4M9.5 11.5h4",
	customer: "M8 3a2.5 2.5 0 1 0 .01 0M3 13.5c.5-3 2.2-4.5 5-4.5s4.5 1.5 5 4.5",
	users: "M6 3.5a2 2 0 1 0 .01 0M2 12.5c.4-2.5 1.7-3.7 4-3.7s3.6 1.2 4 3.7M10.5 4a1.8 1.8 0 0 1 0 3.5M11.8 9.2c1.3.5 2 1.6 2.2 3.3",
	"solid-warning": "M8 2.5 14.3 13.5H1.7zM8 6.5v3.2M8 11.6h.01",
	file: "M4 2h5l3 3v9H4zM9 2v3h3",
	chart: "M3 13V8M7 13V3.5M11 13V6.5M2 13.5h12",
};

/** Puts the drawings into the page, unseen, for `<use href="#icon-…">`. */
export function drawIcons(page = document) {
	const sheet = page.createElementNS(SVG, "svg");
	sheet.setAttribute("class", "fe-icon-sheet");
	sheet.setAttribute("aria-hidden", "true");
	for (const [name, d] of Object.entries(DRAWINGS)) {
		const symbol = page.createElementNS(SVG, "symbol");
		symbol.id = `icon-${name}`;
		symbol.setAttribute("viewBox", "0 0 16 16");
		const path = page.createElementNS(SVG, "path");
		path.setAttribute("d", d);
		symbol.append(path);
		sheet.append(symbol);
	}
	page.body.prepend(sheet);
}
