// The steps of a definition as a tree that anyone can read. Every text in it comes from users: all of it is
// escaped.

frappe.provide("flow_engine");

const text = (value) => frappe.utils.escape_html(value == null ? "" : String(value));
const of = (value) => (value && typeof value === "object" && !Array.isArray(value) ? value : {});
// A definition under repair may be anything; deeper than this nobody reads.
const MAX_DEPTH = 40;

const BRANCHES = {
	yes: () => __("If yes"),
	no: () => __("If no"),
	error: () => __("If it fails"),
	timeout: () => __("If nobody answers in time"),
};

function when(trigger) {
	const { type, ...fields } = of(trigger);
	if (type === "after_delay") {
		const parts = [
			[fields.delay_days, __("days")],
			[fields.delay_hours, __("hours")],
			[fields.delay_minutes, __("minutes")],
		].filter(([amount]) => amount);
		return __("after {0}", [parts.map(([amount, unit]) => `${amount} ${unit}`).join(" ") || "0"]);
	}
	if (type === "on_date") return __("on {0}", [fields.at || "?"]);
	if (type === "on_webhook") return __("when its link is called");
	if (type === "manual") {
		const who = fields.assignee || fields.role;
		return who ? __("when {0} confirms", [who]) : __("when somebody confirms");
	}
	return "";
}

function node(step, tree, depth) {
	const kind = tree.kinds[step.kind];
	const colour = kind && /^#[0-9a-f]{6}$/i.test(kind.colour) ? kind.colour : "#6b7280";
	const after = (Array.isArray(step.depends_on) ? step.depends_on : []).map(
		(id) => (tree.by_id[id] && tree.by_id[id].label) || id,
	);
	const facts = [
		kind ? __(kind.label) : step.kind,
		when(step.trigger),
		after.length ? __("after {0}", [after.join(", ")]) : "",
		step.disabled ? __("switched off") : "",
	].filter(Boolean);
	const problems = tree.problems
		.filter((problem) => problem.step === step.id)
		.map(
			(problem) =>
				`<div class="small ${problem.severity === "warning" ? "text-warning" : "text-danger"}">${text(
					problem.message,
				)}</div>`,
		);
	return `<li class="flow-outline-step" style="border-left-color: ${colour}">
		<div class="bold">${text(step.label || step.id)}</div>
		<div class="text-muted small">${facts.map(text).join(" · ")}</div>${problems.join("")}
		${children(step.id, tree, depth + 1)}</li>`;
}

function children(parent, tree, depth) {
	const steps = tree.children[parent] || [];
	if (!steps.length || depth > MAX_DEPTH) return "";
	const branches = [...new Set(steps.map((step) => step.branch || ""))];
	return branches
		.map((branch) => {
			const title = branch ? (BRANCHES[branch] ? BRANCHES[branch]() : branch) : "";
			const inside = steps.filter((step) => (step.branch || "") === branch);
			return `${title ? `<div class="flow-outline-branch">${text(title)}</div>` : ""}
				<ul class="flow-outline">${inside.map((step) => node(step, tree, depth)).join("")}</ul>`;
		})
		.join("");
}

const STYLE = `<style>
	.flow-outline { list-style: none; margin: 0; padding: 0; }
	.flow-outline .flow-outline { padding-left: 14px; }
	.flow-outline-step { border-left: 3px solid; padding: 4px 0 4px 10px; margin: 6px 0; overflow-wrap: anywhere; }
	.flow-outline-branch { font-size: var(--text-xs, 11px); font-weight: 600; margin: 8px 0 0 14px;
		text-transform: uppercase; color: var(--text-muted); }
</style>`;

// `definition`: data, whole or broken. `kinds`: the catalog's. `problems`: as the server found them.
flow_engine.outline = function (definition, kinds, problems) {
	const steps = (Array.isArray(of(definition).steps) ? definition.steps : []).filter(
		(step) => of(step) === step,
	);
	const tree = { problems: problems || [], kinds: {}, by_id: {}, children: {} };
	(kinds || []).forEach((kind) => (tree.kinds[kind.name] = kind));
	steps.forEach((step) => (tree.by_id[step.id] = step));
	steps.forEach((step) => {
		// What hangs on a step that is not there is shown at the top, with its problem beside it.
		const parent = step.parent_id && tree.by_id[step.parent_id] ? step.parent_id : "";
		(tree.children[parent] = tree.children[parent] || []).push(step);
	});
	const shown = children("", tree, 0);
	return STYLE + (shown || `<p class="text-muted">${__("No steps yet.")}</p>`);
};

// Every problem with its place; those of a step stand beside it as well.
flow_engine.problem_list = function (problems) {
	if (!problems.length) return "";
	const rows = problems.map(
		(problem) =>
			`<li><code>${text(problem.path || problem.step || "–")}</code> ${text(problem.message)}</li>`,
	);
	const errors = problems.filter((problem) => problem.severity !== "warning").length;
	const title = errors
		? __("{0} problems keep this draft from being published", [errors])
		: __("{0} remarks", [problems.length]);
	return `<div class="alert ${errors ? "alert-danger" : "alert-warning"} small mb-4 flow-problems">
		<div class="bold">${text(title)}</div><ul class="mb-0 pl-3">${rows.join("")}</ul></div>`;
};
