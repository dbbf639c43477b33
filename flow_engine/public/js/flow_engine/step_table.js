// The steps of a run as a table that anyone can read. Every text in it comes from users: all of it is escaped.

frappe.provide("flow_engine");

const COLOURS = {
	pending: "grey",
	waiting: "yellow",
	scheduled: "purple",
	running: "blue",
	done: "green",
	failed: "red",
	skipped: "grey",
	cancelled: "grey",
};
const SHOWN_LENGTH = 600;
const ACTIONS = [
	["complete", () => __("Fire")],
	["retry", () => __("Try Again")],
	["skip", () => __("Skip")],
	["mark_done", () => __("Mark as Done")],
];

// On a phone a step is a block of lines, so that nothing is to the right of the screen.
const NARROW = `<style>@media (max-width: 576px) {
	.flow-step-table thead { display: none; }
	.flow-step-table td { display: block; border: 0; padding: 2px 0; text-align: left !important; }
	.flow-step-table td:empty { display: none; }
	.flow-step-table tr { display: block; border-top: 1px solid var(--border-color); padding: 8px 0; }
}</style>`;

const text = (value) => frappe.utils.escape_html(value == null ? "" : String(value));

function time(value) {
	if (!value) return "";
	const full =
		frappe.datetime.str_to_user(frappe.datetime.convert_to_user_tz(site_time(value), false)) || value;
	return `<span class="text-nowrap" title="${text(value)}">${text(full)}</span>`;
}

// Aware times (`…Z`, `…+00:00`) are turned into the site's; naive ones are the site's already.
function site_time(value) {
	if (!/(Z|[+-]\d\d:?\d\d)$/.test(value)) return String(value).replace("T", " ").slice(0, 19);
	return moment(value).tz(frappe.boot.time_zone.system).format("YYYY-MM-DD HH:mm:ss");
}

// How long a step took, in the largest unit that says something.
function duration(step) {
	if (!step.started_at || !step.completed_at) return "";
	const seconds = (new Date(step.completed_at) - new Date(step.started_at)) / 1000;
	if (!(seconds >= 0)) return "";
	if (seconds < 1) return __("under a second");
	return seconds < 60 ? __("{0} s", [Math.round(seconds)]) : frappe.utils.get_formatted_duration(seconds);
}

function when(step) {
	const lines = [
		[__("Due"), ["scheduled", "waiting", "pending"].includes(step.status) && step.trigger_at],
		[__("Started"), step.started_at],
		[__("Ended"), step.completed_at],
	];
	return lines
		.filter(([, value]) => value)
		.map(
			([label, value]) =>
				`<div class="text-nowrap"><span class="text-muted">${label}</span> ${time(value)}</div>`,
		)
		.concat(
			duration(step)
				? `<div class="text-nowrap text-muted">${__("took {0}", [text(duration(step))])}</div>`
				: "",
		)
		.join("");
}

function outcome(step) {
	const parts = [];
	if (step.error) {
		parts.push(
			`<div class="text-danger"><code>${text(step.error.code)}</code> ${text(step.error.message)}</div>`,
		);
	}
	const result = step.result;
	if (result && result.doctype && result.name) {
		const route = `/app/${frappe.router.slug(String(result.doctype))}/${encodeURIComponent(result.name)}`;
		parts.push(`<a href="${text(route)}">${text(__(result.doctype))} ${text(result.name)}</a>`);
	} else if (result && Object.keys(result).length) {
		const shown = JSON.stringify(result, null, 1);
		const cut = shown.length > SHOWN_LENGTH ? shown.slice(0, SHOWN_LENGTH) + " …" : shown;
		parts.push(
			`<details><summary>${__("Result")}</summary><pre class="small">${text(cut)}</pre></details>`,
		);
	}
	return parts.join("");
}

function row(step) {
	const colour = COLOURS[step.status] || "grey";
	const acts = ACTIONS.filter(([action]) => (step.allowed || []).includes(action)).map(
		([action, label]) =>
			`<button class="btn btn-xs btn-default flow-act" data-action="${action}"
				data-step="${text(step.id)}">${label()}</button>`,
	);
	const attempts = step.attempts > 1 ? `${text(step.attempts)}×` : "";
	return `<tr>
		<td><div class="bold">${text(step.label || step.id)}</div>
			<div class="text-muted small">${text(step.kind)} · ${text(step.id)}</div></td>
		<td><span class="indicator-pill ${colour} no-indicator-dot">${text(__(step.status))}</span> ${acts.join(" ")}</td>
		<td class="small">${when(step)}</td>
		<td class="text-right">${attempts}</td>
		<td class="small" style="word-break: break-word">${outcome(step)}</td>
	</tr>`;
}

// The engine's own columns are UTC without saying so; people see the times of their site.
flow_engine.utc_as_text = function (value) {
	return value ? time(String(value).replace(" ", "T") + "Z") : "";
};

flow_engine.step_table = function (steps) {
	if (!steps || !steps.length) return `<p class="text-muted">${__("No steps yet.")}</p>`;
	const heads = [__("Step"), __("State"), __("When"), __("Attempts"), __("Outcome")];
	return `${NARROW}<div class="table-responsive"><table class="table table-sm flow-step-table">
		<thead><tr class="text-muted small">${heads.map((head) => `<th>${head}</th>`).join("")}</tr></thead>
		<tbody>${steps.map(row).join("")}</tbody></table></div>`;
};

flow_engine.value_block = function (label, value) {
	if (value == null || (typeof value === "object" && !Object.keys(value).length)) return "";
	const shown = typeof value === "string" ? value : JSON.stringify(value, null, 2);
	return `<div class="mb-3"><div class="text-muted small">${text(label)}</div>
		<pre class="small" style="max-height: 320px; overflow: auto">${text(shown)}</pre></div>`;
};
