// The rows of the variable picker: the first few of every group until something is searched, then what matches.

// Kept by the framework for every document: seldom what somebody looks for.
const OF_EVERY_DOCUMENT = new Set([
	"name",
	"owner",
	"creation",
	"modified",
	"modified_by",
	"docstatus",
	"idx",
]);
const FIRST = 6;
const MOST = 60;
// Of many steps before this one, the nearest are shown until somebody searches or asks for all.
const FIRST_STEPS = 6;
const STEPS = "steps";

const ACCENTED = /[^\0-\x7f]/;

/** For comparing: lower case, without accents. */
function folded(text) {
	const plain = String(text ?? "");
	const bare = ACCENTED.test(plain) ? plain.normalize("NFD").replace(/\p{M}/gu, "") : plain;
	return bare.toLowerCase();
}

/** "Select · Active": the type and, where a test document was chosen, its value. */
function hintOf(item) {
	const sample = item.sample;
	const shown = sample === null || sample === undefined || typeof sample === "object" ? "" : String(sample);
	return [item.type, shown.length > 32 ? `${shown.slice(0, 32)}…` : shown].filter(Boolean).join(" · ");
}

function rowOf(item, group, trail = "") {
	const label = trail ? `${trail} › ${item.label}` : item.label;
	return { key: `${group?.key ?? ""}:${item.path}`, item, group, label, hint: hintOf(item) };
}

function usefulFirst(items) {
	const ofAll = ({ path }) => {
		const [name, ...deeper] = path.replace(/^steps\.[^.]+\.document\.|^[^.]+\./, "").split(".");
		return !deeper.length && OF_EVERY_DOCUMENT.has(name);
	};
	return items.some(ofAll) ? [...items.filter((item) => !ofAll(item)), ...items.filter(ofAll)] : items;
}

/** How well a value fits what was typed, 0 the best; null when it does not. `asked`: `{typed, words, phrase}`. */
function score(path, label, groupName, { typed, words, phrase }) {
	const at = folded(path);
	const name = folded(label);
	const whole = `${groupName} ${name}`;
	if (!words.every((word) => whole.includes(word) || at.includes(word))) {
		return at.startsWith(typed) || name.startsWith(typed) ? 1 : null;
	}
	if (name === phrase || whole === phrase || at === phrase || at.endsWith(`.${phrase}`)) return 0;
	if (at.startsWith(typed) || name.startsWith(typed)) return 1;
	return name.startsWith(words.at(-1)) || at.endsWith(`.${words.at(-1)}`) ? 2 : 3;
}

/**
 * Rows for the whole tree. `whole`: keys of the groups that are shown to their end.
 * A row is `{key, item, group, label, hint}` or, behind the first few of a group, `{key, more, count, group}`
 * (group null: more steps).
 */
export function matching(groups, query, whole) {
	// Of a group only what its rows show: its items may be made, and asked for, when they are read.
	const keyed = groups.map((source, index) => ({
		source,
		key: `${index}`,
		label: source.label,
		hint: source.hint,
		roots: source.roots,
	}));
	const typed = folded(query);
	if (!typed) {
		const isStep = (group) => group.roots?.[0]?.startsWith(`${STEPS}.`);
		const far = whole.has(STEPS) ? [] : keyed.filter(isStep).slice(FIRST_STEPS);
		const hidden = new Set(far);
		return keyed.flatMap((group) => {
			if (hidden.has(group)) {
				if (group !== far[0]) return [];
				return [{ key: STEPS, more: STEPS, count: far.length, group: null, label: "", hint: "" }];
			}
			const all = usefulFirst(group.source.items).map((item) => rowOf(item, group));
			if (whole.has(group.key) || all.length <= FIRST + 1) return all;
			const more = {
				key: `${group.key}:more`,
				more: group.key,
				count: all.length,
				group,
				label: "",
				hint: "",
			};
			return [...all.slice(0, FIRST), more];
		});
	}
	const words = typed.split(/[\s›]+/).filter(Boolean);
	const asked = { typed, words, phrase: words.join(" ") };
	const found = [];
	for (const group of keyed) {
		const ofGroup = [];
		const groupName = folded(group.label);
		const visit = (item, trail) => {
			const label = trail ? `${trail} › ${item.label}` : item.label;
			const rank = score(item.path, label, groupName, asked);
			if (rank !== null) ofGroup.push({ item, trail, rank });
			// A document names dozens of others: what is not there yet is asked for only by whoever goes there.
			if (item.lazy && !typed.startsWith(`${folded(item.path)}.`)) return;
			for (const child of item.children ?? []) visit(child, label);
		};
		usefulFirst(group.source.items).forEach((item) => visit(item, ""));
		ofGroup.sort((a, b) => a.rank - b.rank);
		if (ofGroup.length) found.push({ rank: ofGroup[0].rank, group, best: ofGroup.slice(0, MOST) });
	}
	found.sort((a, b) => a.rank - b.rank);
	return found
		.slice(0, MOST)
		.flatMap(({ group, best }) => best.map((one) => rowOf(one.item, group, one.trail)))
		.slice(0, MOST);
}

/** Rows inside one item: a child table's fields, the fields of a linked document. */
export function opened(item, query) {
	const typed = folded(query);
	return (item.children ?? [])
		.map((child) => rowOf(child, null))
		.filter(
			(row) => !typed || folded(row.label).includes(typed) || folded(row.item.path).includes(typed),
		);
}
