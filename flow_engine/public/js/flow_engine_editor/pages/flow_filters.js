/** Which flows of a list are shown: what is typed and chosen, and what there is to choose from. */

const text = (value) => String(value ?? "").toLocaleLowerCase();

/** On, off, or retired, which is neither. */
const standing = (flow) => (flow.is_retired ? "retired" : String(Number(flow.is_active)));

/** filters: `{search, category, applies_to, trigger_event, is_active}`, each "" for any. */
export function filtered(flows, filters) {
	const wanted = text(filters.search).trim();
	return flows.filter(
		(flow) =>
			["category", "applies_to", "trigger_event"].every(
				(key) => !filters[key] || (flow[key] || "") === filters[key],
			) &&
			(!filters.is_active || standing(flow) === filters.is_active) &&
			(!wanted ||
				[flow.template_name, flow.description, flow.tags, flow.applies_to].some((one) =>
					text(one).includes(wanted),
				)),
	);
}

/** The values that occur under a key, each once, in order. */
export function occurring(flows, key) {
	return [...new Set(flows.map((flow) => flow[key]).filter(Boolean))].sort((a, b) => a.localeCompare(b));
}

/** Filters as they stand in the address, without those that are empty. */
export function asQuery(filters) {
	const given = Object.entries(filters).filter(([, value]) => value !== "" && value !== null);
	const query = new URLSearchParams(given).toString();
	return query ? `?${query}` : "";
}

export function fromQuery(query, keys) {
	return Object.fromEntries(keys.map((key) => [key, query?.[key] ?? ""]));
}
