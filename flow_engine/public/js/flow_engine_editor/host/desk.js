/**
 * What the desk gives to the editor: Frappe's own calls, dialogs, Link control, realtime and words.
 *
 * Everything that people wrote is escaped before it goes into one of the framework's dialogs, which take HTML.
 */
import { askInDesk, confirmInDesk } from "./desk_dialogs.js";
import { mountLink } from "./desk_link.js";

const API = "/api/method/flow_engine.api.";
// Realtime tells at once; this is for when the socket server is down, and costs one read.
const POLL_MS = 10_000;
const ENDED = ["completed", "failed", "cancelled"];
const TONES = { done: "green", failed: "red", waiting: "orange", info: "blue" };
const ACTIONS = {
	edit: () => frappe.model.can_write("Flow Template"),
	create: () => frappe.model.can_create("Flow Template"),
	delete: () => frappe.model.can_delete("Flow Template"),
	runs: () => frappe.model.can_read("Flow Run"),
	schedule: () => frappe.model.can_write("Flow Schedule"),
	schedules: () => frappe.model.can_read("Flow Schedule"),
	hook: () => frappe.model.can_write("Flow Inbound Hook"),
	hooks: () => frappe.model.can_read("Flow Inbound Hook"),
};

const t = (text, values) => __(text, values);

/** The server refused, or did not answer: `code`, `message`, `problems`. */
export class CallFailed extends Error {
	constructor({ code, message, problems = null, ...facts }) {
		super(message);
		Object.assign(this, { code, problems, facts });
	}
}

async function call(path, args = {}) {
	let response;
	try {
		response = await fetch(API + path, {
			method: "POST",
			headers: {
				"Content-Type": "application/json",
				Accept: "application/json",
				"X-Frappe-CSRF-Token": frappe.csrf_token,
			},
			body: JSON.stringify(args),
		});
	} catch {
		throw new CallFailed({ code: "no_connection", message: t("The server does not answer.") });
	}
	const body = await response.json().catch(() => null);
	if (response.ok && body) return body.message;
	throw new CallFailed(body?.code && body.message ? body : refusedByTheFramework(response.status, body));
}

/** Before our own code was reached: no session, a forged request, a right that is missing. */
function refusedByTheFramework(status, body) {
	let message = "";
	try {
		message = JSON.parse(JSON.parse(body._server_messages)[0]).message;
	} catch {
		// It said nothing that is meant for people.
	}
	if (status === 401 || body?.session_expired) {
		return {
			code: "not_allowed",
			message: t("You are logged out. Log in again in another tab, then go on here."),
		};
	}
	if (status === 403)
		return { code: "not_allowed", message: as_text(message) || t("You may not do this.") };
	return { code: "bad_answer", message: as_text(message) || t("The server's answer cannot be read.") };
}

const as_text = (html) => frappe.utils.strip_html(String(html || ""));

/** `2026-11-21T09:00:00+00:00` → as this user reads times; naive times are the site's already. */
export function formatTime(iso) {
	if (!iso) return "";
	const aware = /(Z|[+-]\d\d:?\d\d)$/.test(iso);
	const site = aware
		? moment(iso).tz(frappe.boot.time_zone.system).format("YYYY-MM-DD HH:mm:ss")
		: String(iso).replace("T", " ").slice(0, 19);
	return frappe.datetime.str_to_user(frappe.datetime.convert_to_user_tz(site, false)) || iso;
}

/** callback gets `{run}` whenever the run has changed, until it ended or the answer is called. */
function follow(run, callback) {
	let stopped = false;
	let asking = false;
	let again = false;
	let timer = null;

	async function look() {
		if (stopped) return;
		if (asking) {
			again = true;
			return;
		}
		asking = true;
		clearTimeout(timer);
		try {
			const answer = await call("runs.get", { run });
			if (stopped) return;
			callback(answer.run);
			if (ENDED.includes(answer.run.status)) return stop();
		} catch {
			// The next look may be answered.
		} finally {
			asking = false;
		}
		if (again) {
			again = false;
			look();
		} else timer = setTimeout(look, POLL_MS);
	}
	const changed = (data) => data?.run === run && look();
	function stop() {
		stopped = true;
		clearTimeout(timer);
		frappe.realtime.off("flow_run_changed", changed);
		frappe.realtime.doc_unsubscribe?.("Flow Run", run);
	}
	frappe.realtime.doc_subscribe?.("Flow Run", run);
	frappe.realtime.on("flow_run_changed", changed);
	timer = setTimeout(look, POLL_MS);
	return stop;
}

const href = (doctype, name) =>
	`/app/${frappe.router.slug(String(doctype))}/${encodeURIComponent(String(name))}`;

/** How the trigger keys of the runs begin that this fire of a schedule has started. */
const keyOf = (fire) => `schedule:${fire.replace(".", ":")}%`;

export function createDeskHost({ catalogName = "project" } = {}) {
	return {
		call,
		t,
		language: frappe.boot.lang,
		confirm: confirmInDesk,
		ask: askInDesk,
		notify: (message, tone = "info") =>
			frappe.show_alert(
				{ message: frappe.utils.escape_html(message), indicator: TONES[tone] || "blue" },
				tone === "failed" ? 10 : 5,
			),
		formatTime,
		formatNumber: (number) => format_number(number, null, Number.isInteger(number) ? 0 : null),
		linkField: { mount: mountLink },
		href,
		open: (doctype, name) => frappe.set_route("Form", doctype, name),
		hrefOfFire: (fire) =>
			`/app/flow-run?trigger_key=${encodeURIComponent(JSON.stringify(["like", keyOf(fire)]))}`,
		runsHref: ({ template, version, status }) =>
			`/app/flow-run?${new URLSearchParams({
				flow_template: template,
				template_version: version,
				...(status ? { status } : {}),
			})}`,
		openHooks: (template) =>
			frappe.set_route("List", "Flow Inbound Hook", "List", { flow_template: template }),
		openSchedules: (template) =>
			frappe.set_route("List", "Flow Schedule", "List", { flow_template: template }),
		navigate: (address) => frappe.set_route(address),
		follow,
		may: (action) => (ACTIONS[action] ? Boolean(ACTIONS[action]()) : true),
		catalogName,
		timeZone: frappe.boot.time_zone.user || frappe.boot.time_zone.system,
	};
}
