// Where in the panel a problem is shown: the tab it belongs to and the field it names.
import { fieldOf } from "../model/index.js";

const TABS = {
	trigger: "when",
	depends_on: "when",
	parent_id: "when",
	branch: "when",
	sla: "when",
	retry: "errors",
	timeout_seconds: "errors",
	on_error: "errors",
	compensate: "errors",
	note: "note",
};

/** The tab for a problem, or for a place `{section}` somebody wants to go to. */
export function tabOf(place) {
	const section = place.section ?? fieldOf(place).section;
	return TABS[section] ?? "step";
}

/** The problems of a section; with `field`, those of that field of it ("" for the section as a whole). */
export function problemsIn(problems, section, field) {
	return problems.filter((problem) => {
		const place = fieldOf(problem);
		return place.section === section && (field === undefined || (place.field ?? "") === field);
	});
}

/** The names an element may have in `data-place` for a place, the most exact first. */
export function placesOf({ section, field }) {
	return [field ? `${section}.${field}` : null, section].filter(Boolean);
}
