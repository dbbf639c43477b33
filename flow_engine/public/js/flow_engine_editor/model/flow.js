// A flow as the editor reads it: who hangs where, who waits for whom, and what comes last.
//
// Flows are immutable values. Everything here is derived from one, once, and kept beside it for as long as it
// lives. It reads definitions of any quality: a step whose id is missing, malformed or taken goes by its place
// (`#3`), an unknown parent counts as none, and a circle of parents is opened at its first step. What is wrong
// with a definition is the server's to say.
import { canBeLate, canTimeOut, COMPENSATE, FAILURE_BRANCHES, kindOf, LATE_BRANCH } from "./kinds.js";
import { readGroup } from "./groups.js";

export { buildStep, kindOf, newId } from "./kinds.js";

// The pseudo id of the trigger card; no step can have it.
export const TRIGGER = "@trigger";
export const STEP_ID = /^[A-Za-z0-9_-]{1,64}$/;

const NOTHING = Object.freeze([]);
const NO_CATALOG = Object.freeze({});
const indexes = new WeakMap();

/** The index of a flow, made when first asked for. Without a catalog only branches in use are known. */
export function indexFlow(flow, catalog = NO_CATALOG) {
	let byCatalog = indexes.get(flow);
	if (!byCatalog) indexes.set(flow, (byCatalog = new WeakMap()));
	let index = byCatalog.get(catalog);
	if (!index) byCatalog.set(catalog, (index = new FlowIndex(flow, catalog)));
	return index;
}

/** An empty flow, started by hand unless a trigger is given. */
export function blankFlow(trigger) {
	return { version: 1, trigger: trigger || { event: "manual", condition: "" }, variables: {}, steps: [] };
}

export const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

class FlowIndex {
	constructor(flow, catalog) {
		this.flow = flow;
		this.catalog = catalog;
		this.ids = [];
		this.byId = new Map();
		this.position = new Map();
		this.#readSteps(Array.isArray(flow?.steps) ? flow.steps : NOTHING);
		this.#readParents();
		this.#readDependencies();
		this.groups = new Map();
		this.upstreamSets = new Map();
	}

	#readSteps(steps) {
		const taken = new Set();
		steps.forEach((raw, position) => {
			const id = isObject(raw) && typeof raw.id === "string" ? raw.id : "";
			const sound = STEP_ID.test(id) && !taken.has(id.toLowerCase());
			const key = sound ? id : `#${position}`;
			if (sound) taken.add(id.toLowerCase());
			this.ids.push(key);
			this.byId.set(key, sound ? raw : Object.freeze({ ...(isObject(raw) ? raw : {}), id: key }));
			this.position.set(key, position);
		});
	}

	#readParents() {
		this.parents = new Map();
		for (const [id, step] of this.byId) {
			const parent = step.parent_id;
			this.parents.set(id, parent !== id && this.byId.has(parent) ? parent : null);
		}
		this.#openCircles();
		this.lanes = new Map();
		for (const id of this.ids) {
			const parent = this.parents.get(id);
			if (!this.lanes.has(parent)) this.lanes.set(parent, new Map());
			const lanes = this.lanes.get(parent);
			const branch = this.branchOf(id);
			if (!lanes.has(branch)) lanes.set(branch, []);
			lanes.get(branch).push(id);
		}
		// Parents before children, so that the reverse is children before parents.
		this.fromTheTop = this.#childIds(null);
		this.depth = new Map(this.fromTheTop.map((id) => [id, 0]));
		for (const id of this.fromTheTop) {
			for (const child of this.#childIds(id)) {
				this.depth.set(child, this.depth.get(id) + 1);
				this.fromTheTop.push(child);
			}
		}
	}

	#openCircles() {
		const known = new Set();
		for (const id of this.ids) {
			const way = new Set();
			let here = id;
			while (here !== null && !known.has(here) && !way.has(here)) {
				way.add(here);
				here = this.parents.get(here);
			}
			if (here !== null && way.has(here)) {
				const circle = [...way].slice([...way].indexOf(here));
				circle.sort((a, b) => this.position.get(a) - this.position.get(b));
				this.parents.set(circle[0], null);
			}
			for (const one of way) known.add(one);
		}
	}

	#readDependencies() {
		this.waitsFor = new Map();
		this.neededBy = new Map(this.ids.map((id) => [id, []]));
		for (const [id, step] of this.byId) {
			const named = Array.isArray(step.depends_on) ? step.depends_on : NOTHING;
			const found = [...new Set(named)].filter((other) => other !== id && this.byId.has(other));
			this.waitsFor.set(id, found);
			for (const other of found) this.neededBy.get(other).push(id);
		}
	}

	#childIds(id) {
		const found = [];
		for (const ids of (this.lanes.get(id) || new Map()).values()) found.push(...ids);
		return found;
	}

	step(id) {
		return this.byId.get(id);
	}

	parentOf(id) {
		return this.parents.get(id) ?? null;
	}

	/** A step at the top level is on no branch, whatever it says. */
	branchOf(id) {
		const branch = this.byId.get(id).branch;
		return this.parentOf(id) !== null && typeof branch === "string" && branch !== "" ? branch : null;
	}

	/** Steps directly under `id` (null: the top level) in list order; with a branch only those on it. */
	children(id, branch) {
		const lanes = this.lanes.get(id);
		if (!lanes) return [];
		const ids =
			branch === undefined
				? this.#childIds(id).sort((a, b) => this.position.get(a) - this.position.get(b))
				: lanes.get(branch) || NOTHING;
		return ids.map((one) => this.byId.get(one));
	}

	/** Ids directly under `id` on one branch, in list order. */
	groupIds(id, branch) {
		return this.lanes.get(id)?.get(branch) || NOTHING;
	}

	/** The branches a step shows: its kind's, then those for errors, time limits and lateness where they are used
	 * or provided for, then others in use. */
	branches(id) {
		const step = this.byId.get(id);
		const used = new Set([...(this.lanes.get(id)?.keys() || [])].filter((branch) => branch !== null));
		const shown = [...(kindOf(this.catalog, step.kind)?.branches || NOTHING)];
		const waits = step.trigger?.type === "manual" || step.trigger?.type === "on_webhook";
		if (step.on_error === "branch" || used.has("error")) shown.push("error");
		if (used.has("timeout") || (waits && hasValue(step.trigger.timeout_hours))) shown.push("timeout");
		if (used.has(LATE_BRANCH) || canBeLate(step)) shown.push(LATE_BRANCH);
		for (const branch of used) {
			if (branch !== COMPENSATE && !shown.includes(branch)) shown.push(branch);
		}
		if (used.has(COMPENSATE) || step.compensate === true) shown.push(COMPENSATE);
		return shown;
	}

	/** `{branch, ids}` of every lane under a step; the lane of steps on no branch comes first. */
	lanesOf(id) {
		const plain = this.groupIds(id, null);
		const lanes = this.branches(id).map((branch) => ({ branch, ids: this.groupIds(id, branch) }));
		return plain.length ? [{ branch: null, ids: plain }, ...lanes] : lanes;
	}

	/** May a step on this branch of `id` exist? Of an unknown kind every branch may. */
	allowsBranch(id, branch) {
		if (branch === null || branch === "error" || this.groupIds(id, branch).length) return true;
		const step = this.byId.get(id);
		if (branch === COMPENSATE) return this.undoneBy(id) === null;
		const kind = kindOf(this.catalog, step.kind);
		if (branch === "timeout") return canTimeOut(step, kind);
		if (branch === LATE_BRANCH) return canBeLate(step);
		return !kind || kind.branches.includes(branch);
	}

	/** The step that this one belongs to the undoing of; null in the ordinary course. */
	undoneBy(id) {
		return this.undoneIn(this.parentOf(id), this.branchOf(id));
	}

	/** The same for a step that hangs under `parent` on `branch`. */
	undoneIn(parent, branch) {
		let found = null;
		for (
			let here = parent, on = branch;
			here !== null;
			on = this.branchOf(here), here = this.parentOf(here)
		) {
			if (on === COMPENSATE) found = here;
		}
		return found;
	}

	peers(id) {
		return this.children(this.parentOf(id), this.branchOf(id));
	}

	arePeers(a, b) {
		return this.parentOf(a) === this.parentOf(b) && this.branchOf(a) === this.branchOf(b);
	}

	/** Ids a step names in `depends_on`, those that exist. */
	dependencies(id) {
		return this.waitsFor.get(id) || NOTHING;
	}

	dependents(id) {
		return (this.neededBy.get(id) || NOTHING).map((one) => this.byId.get(one));
	}

	/** From the parent upwards. */
	ancestors(id) {
		const found = [];
		for (let here = this.parentOf(id); here !== null; here = this.parentOf(here)) {
			found.push(this.byId.get(here));
		}
		return found;
	}

	isAncestor(ancestor, id) {
		for (let here = this.parentOf(id); here !== null; here = this.parentOf(here)) {
			if (here === ancestor) return true;
		}
		return false;
	}

	descendants(id) {
		const found = [];
		const waiting = this.#childIds(id);
		while (waiting.length) {
			const here = waiting.pop();
			found.push(here);
			waiting.push(...this.#childIds(here));
		}
		found.sort((a, b) => this.position.get(a) - this.position.get(b));
		return found.map((one) => this.byId.get(one));
	}

	/** A step and everything under it, as ids. */
	block(id) {
		return new Set([id, ...this.descendants(id).map((step) => step.id)]);
	}

	/** Everything settled before a step runs, through parents and dependencies; ids. */
	upstream(id) {
		let found = this.upstreamSets.get(id);
		if (found) return found;
		found = new Set();
		const waiting = [id];
		while (waiting.length) {
			const here = waiting.pop();
			const parent = this.parentOf(here);
			for (const other of parent === null
				? this.dependencies(here)
				: [parent, ...this.dependencies(here)]) {
				if (!found.has(other)) {
					found.add(other);
					waiting.push(other);
				}
			}
		}
		this.upstreamSets.set(id, found);
		return found;
	}

	/** Does b wait for a? */
	isUpstream(a, b) {
		return this.upstream(b).has(a);
	}

	/** Everything that waits for a step; ids. */
	downstream(id) {
		const found = new Set();
		const waiting = [id];
		while (waiting.length) {
			const here = waiting.pop();
			for (const other of [...this.#childIds(here), ...(this.neededBy.get(here) || NOTHING)]) {
				if (!found.has(other)) {
					found.add(other);
					waiting.push(other);
				}
			}
		}
		return found;
	}

	/** Is `other` never done when a step under `parent` on `branch` runs? Two branches of one step exclude each
	 * other; no branch goes with any but those of failure, and lateness with all. */
	isExcludedAt(parent, branch, other) {
		// What undoes a step runs at another time than anything else.
		if (this.undoneIn(parent, branch) !== this.undoneBy(other)) return true;
		const towards = new Map([[other, undefined]]);
		for (let here = other; here !== null; here = this.parentOf(here)) {
			const above = this.parentOf(here);
			if (above !== null) towards.set(above, this.branchOf(here));
		}
		let own = branch;
		for (let here = parent; here !== null; own = this.branchOf(here), here = this.parentOf(here)) {
			if (!towards.has(here)) continue;
			const theirs = towards.get(here);
			if (here === other) return FAILURE_BRANCHES.includes(own);
			if (own === theirs || own === LATE_BRANCH || theirs === LATE_BRANCH) return false;
			if (own !== null && theirs !== null) return true;
			return FAILURE_BRANCHES.includes(own) || FAILURE_BRANCHES.includes(theirs);
		}
		return false;
	}

	/** Why a step cannot depend on another, as a code; null when it can. */
	dependencyRefusal(id, other) {
		if (!this.byId.has(id)) return "unknown_step";
		if (!this.byId.has(other)) return "unknown_dependency";
		if (id === other) return "self_reference";
		if (this.isUpstream(id, other)) return "cycle";
		return this.isExcludedAt(this.parentOf(id), this.branchOf(id), other) ? "unreachable" : null;
	}

	/** Steps that may be added to a step's dependencies: no circle, not excluded, not there already. */
	dependencyChoices(id) {
		const out = this.downstream(id);
		out.add(id);
		for (const other of this.dependencies(id)) out.add(other);
		for (const step of this.ancestors(id)) out.add(step.id);
		const [parent, branch] = [this.parentOf(id), this.branchOf(id)];
		return this.ids
			.filter((other) => !out.has(other) && !this.isExcludedAt(parent, branch, other))
			.map((other) => this.byId.get(other));
	}

	/** How the steps of one parent and branch hang together (groups.js). */
	group(parent, branch) {
		const key = `${parent ?? ""}\n${branch ?? ""}`;
		let found = this.groups.get(key);
		if (!found) this.groups.set(key, (found = readGroup(this, this.groupIds(parent, branch))));
		return found;
	}

	groupOf(id) {
		return this.group(this.parentOf(id), this.branchOf(id));
	}

	/** Is the group one after the other, each waiting for all of the one before? */
	isChain(parent, branch) {
		return this.group(parent, branch).chain !== null;
	}

	/** Peers whose whole block a step waits for: what a line is drawn from. */
	links(id) {
		return this.groupOf(id).links.get(id) || NOTHING;
	}

	/** Dependencies that no line between peers shows: chips. */
	extraDependencies(id) {
		const shown = new Set();
		for (const peer of this.links(id)) for (const last of this.lastSteps(peer)) shown.add(last);
		return this.dependencies(id).filter((other) => !shown.has(other));
	}

	/** What a "+" after a block depends on: the last steps of every branch; for an empty branch, and where a step
	 * without branches may just succeed, the step itself. */
	lastSteps(id) {
		if (!this.lasts) this.#readLastSteps();
		return this.lasts.get(id);
	}

	/** What a "+" at the end of a group depends on. */
	lastOfGroup(parent, branch) {
		if (!this.lasts) this.#readLastSteps();
		return this.#lastOf(this.groupIds(parent, branch));
	}

	#readLastSteps() {
		this.lasts = new Map();
		for (let i = this.fromTheTop.length - 1; i >= 0; i--) {
			const id = this.fromTheTop[i];
			this.lasts.set(id, this.lanes.has(id) ? this.#lastOfBlock(id) : [id]);
		}
	}

	#lastOfBlock(id) {
		const own = kindOf(this.catalog, this.byId.get(id).kind)?.branches || NOTHING;
		const goesOn = this.groupIds(id, null).length > 0;
		const passes = !goesOn && (!own.length || own.some((branch) => !this.groupIds(id, branch).length));
		const found = passes ? [id] : [];
		const lanes = this.lanesOf(id).filter((lane) => lane.ids.length && lane.branch !== COMPENSATE);
		if (!passes && lanes.length === 1) return this.#lastOf(lanes[0].ids);
		for (const lane of lanes) found.push(...this.#lastOf(lane.ids));
		return found;
	}

	#lastOf(ids) {
		if (ids.length === 1) return this.lasts.get(ids[0]);
		const followed = new Set();
		for (const id of ids) {
			for (const other of this.dependencies(id)) {
				const peer = this.peerAbove(other, id);
				if (peer !== null) followed.add(peer);
			}
		}
		const ends = ids.filter((id) => !followed.has(id));
		// Steps that all wait for each other have no end.
		return (ends.length ? ends : ids.slice(-1)).flatMap((id) => this.lasts.get(id));
	}

	/** The peer of `id` in whose block `other` stands; null when there is none. */
	peerAbove(other, id) {
		let here = other;
		for (let levels = this.depth.get(other) - this.depth.get(id); levels > 0; levels--) {
			here = this.parentOf(here);
		}
		return here !== id && this.depth.get(here) === this.depth.get(id) && this.arePeers(here, id)
			? here
			: null;
	}
}

const hasValue = (value) => value !== undefined && value !== null && value !== "";
