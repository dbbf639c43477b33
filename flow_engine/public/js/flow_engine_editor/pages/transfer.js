/** Flows in and out of the page as files: the JSON that `templates.export` gives and `import_templates` takes. */

/** Hands the browser a file to keep. */
export function saveAsFile(name, data) {
	const file = new Blob([JSON.stringify(data, null, "\t")], { type: "application/json" });
	const link = document.createElement("a");
	link.href = URL.createObjectURL(file);
	link.download = `${name.replaceAll(/[\\/:*?"<>|]+/g, "_")}.json`;
	link.click();
	setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** The exported flows in a file: one, a list, or `{templates: […]}`. Throws SyntaxError for what is no JSON. */
export async function readFile(file) {
	const data = JSON.parse(await file.text());
	const list = Array.isArray(data) ? data : Array.isArray(data?.templates) ? data.templates : [data];
	return list;
}
