/** Sentences of the page in the reader's language: the same table as the site's, English where it has none. */
const tables = import.meta.glob("../../../../translations/*.csv", {
	query: "?raw",
	import: "default",
	eager: true,
});

/** The answer translates: `t(text, [value, …])`, values standing for {0}, {1}, … */
export function translator(language) {
	const table = tableOf(String(language || "en").split("-")[0]);
	return (text, values = []) =>
		(table.get(text) || text).replace(/\{(\d+)\}/g, (whole, at) =>
			at in values ? String(values[at]) : whole,
		);
}

function tableOf(language) {
	const path = Object.keys(tables).find((one) => one.endsWith(`/${language}.csv`));
	if (!path) return new Map();
	return new Map(readCsv(tables[path]).map(([source, translated]) => [source, translated]));
}

/** Rows of a CSV text: quoted cells may hold commas, line breaks and doubled quotes. */
export function readCsv(text) {
	const rows = [];
	let row = [];
	let cell = "";
	let quoted = false;
	for (let at = 0; at < text.length; at++) {
		const char = text[at];
		if (quoted) {
			if (char !== '"') cell += char;
			else if (text[at + 1] === '"') cell += text[++at];
			else quoted = false;
		} else if (char === '"') quoted = true;
		else if (char === ",") {
			row.push(cell);
			cell = "";
		} else if (char === "\n") {
			rows.push([...row, cell.replace(/\r$/, "")]);
			row = [];
			cell = "";
		} else cell += char;
	}
	if (cell || row.length) rows.push([...row, cell]);
	return rows.filter((one) => one.length > 1 && one[0]);
}
