// What the catalog says of a kind of step, and a new step made from it.

export const FAILURE_BRANCHES = ["error", "timeout"];
/** Its steps run when their parent is late, and the parent may still be open. */
export const LATE_BRANCH = "sla_breach";
/** Its steps undo their parent: no run takes it, what undoes a run does. */
export const COMPENSATE = "compensate";

const kindsByName = new WeakMap();

/** The catalog's entry of a kind, with a list of branches; undefined when there is none of that name. */
export function kindOf(catalog, name) {
	if (!catalog?.kinds) return undefined;
	let byName = kindsByName.get(catalog.kinds);
	if (!byName) {
		byName = new Map(
			catalog.kinds.map((kind) => [kind.name, { ...kind, branches: kind.branches || [] }]),
		);
		kindsByName.set(catalog.kinds, byName);
	}
	return byName.get(name);
}

/** What a step can change: `none`, `database` or `external`; undefined when its kind is not known. */
export function effectOf(step, kind) {
	const by = kind?.effect_when;
	return (by && by.values[step.payload?.[by.field] ?? fieldDefault(kind, by.field)]) || kind?.effect;
}

function fieldDefault(kind, name) {
	return kind.fields?.find((field) => field.name === name)?.default;
}

/** The DocType of the document that a step's result names, where that is known before it runs; else null. */
export function documentOf(step, kind) {
	const chosen = kind?.document_field ? step.payload?.[kind.document_field] : kind?.document;
	return typeof chosen === "string" && chosen && !chosen.includes("{{") ? chosen : null;
}

/** Does the step wait for someone with a limit, or call someone? Of an unknown kind: perhaps. */
export function canTimeOut(step, kind) {
	const limit = step.trigger?.timeout_hours;
	if (limit !== undefined && limit !== null && limit !== "") {
		return step.trigger.type === "manual" || step.trigger.type === "on_webhook";
	}
	return !kind || effectOf(step, kind) === "external";
}

/** Does the step say by when it has to be done? */
export const canBeLate = (step) => Boolean(step.sla?.breach || step.sla?.from);

/** A step of a kind (the catalog's entry) with the kind's defaults, at the top level and waiting for nothing.
 * Its id is not among `existingIds`. */
export function buildStep(kind, existingIds, { random, label } = {}) {
	const payload = {};
	for (const field of kind.fields || []) {
		if (field.default !== null && field.default !== undefined) payload[field.name] = field.default;
	}
	// A kind with nothing to fill in and nothing to do is there to wait.
	const onlyWaits = kind.effect === "none" && !kind.fields?.length && !kind.branches?.length;
	return {
		id: newId(existingIds, random, kind.name),
		kind: kind.name,
		label: label || kind.label,
		parent_id: null,
		branch: null,
		depends_on: [],
		trigger: onlyWaits ? { type: "after_delay", delay_days: 1 } : { type: "on_prev_complete" },
		payload,
	};
}

/** An id that is not taken, case aside. `random`: gives numbers in [0, 1); without it ids are counted. */
export function newId(existingIds, random, stem) {
	const taken = new Set();
	for (const id of existingIds) taken.add(String(id).toLowerCase());
	if (random) {
		for (let tries = 0; tries < 50; tries++) {
			const id = `step_${Math.floor(random() * 36 ** 6)
				.toString(36)
				.padStart(6, "0")}`;
			if (!taken.has(id)) return id;
		}
	}
	const base = (String(stem ?? "").replace(/[^A-Za-z0-9_-]/g, "") || "step").slice(0, 48);
	for (let count = 1; ; count++) {
		const id = count === 1 ? base : `${base}_${count}`;
		if (!taken.has(id.toLowerCase())) return id;
	}
}
