/** What the picker offers: the kinds of the flow's catalog, and each way of waiting as a choice of its own. */

const NO_WAIT = ["on_flow_start", "on_prev_complete"];
const ICONS = { manual: "hand", on_webhook: "external-link", after_delay: "clock", on_date: "clock" };

/**
 * `[{name, label, hint, items: [{at, key, kind, trigger, label, help, icon, colour}]}]`: groups in the catalog's
 * order, the flow's own first; `at` counts over all groups. Every word of the text must occur somewhere in it.
 */
export function choices(editor, text, t) {
	const catalog = editor.catalog.value;
	const words = fold(text).split(/\s+/).filter(Boolean);
	const own = editor.catalogName.value;
	// A project flow cannot use what only conversations have; a conversation may use everything.
	const names = own === "agent" ? ["agent", "project"] : [own];
	const others = new Set(catalog.kinds.map((kind) => kind.catalog));
	for (const name of others) if (!names.includes(name) && name !== "agent") names.push(name);
	let at = 0;
	return names
		.map((name) => {
			const items = catalog.kinds
				.filter((kind) => kind.catalog === name)
				.flatMap((kind) => entries(kind, catalog))
				.filter((item) => words.every((word) => item.words.includes(word)))
				.map((item) => ({ ...item, at: at++ }));
			const described = (catalog.catalogs || []).find((one) => one.name === name);
			const hint = items.some((item) => !item.runnable) ? t("runs later, cannot be published yet") : "";
			return { name, label: described?.label || t("Steps"), hint, items };
		})
		.filter((group) => group.items.length);
}

function entries(kind, catalog) {
	const base = {
		kind: kind.name,
		icon: kind.icon,
		colour: kind.colour,
		runnable: kind.runnable !== false,
	};
	if (kind.effect !== "none" || kind.fields.length || kind.catalog === "agent") {
		return [entry({ ...base, key: kind.name, label: kind.label, help: kind.help, trigger: null })];
	}
	return catalog.trigger_types
		.filter((type) => !NO_WAIT.includes(type.name))
		.map((type) =>
			entry({
				...base,
				key: `${kind.name} ${type.name}`,
				icon: ICONS[type.name] || kind.icon,
				label: `${kind.label}: ${type.label || type.name}`,
				help: type.help || kind.help,
				trigger: { type: type.name },
			}),
		);
}

const entry = (item) => ({ ...item, words: fold(`${item.label} ${item.kind} ${item.help}`) });

/** Case and accents do not matter to somebody who searches. */
function fold(text) {
	return String(text || "")
		.normalize("NFD")
		.replace(/\p{M}/gu, "")
		.toLowerCase();
}
