/**
 * What the standalone server's page gives to the editor. Calls are the same paths as on a site; questions and
 * notices are shown by standalone/Dialogs.vue, which reads `host.dialogs` and `host.notices`.
 */
import { shallowRef } from "vue";
import { translator } from "./translations.js";

const API = "/api/method/flow_engine.api.";
const NOTICE_MS = 6000;
const POLL_MS = 1500;
const ENDED = ["completed", "failed", "cancelled"];
/** What the server says in the reader's language: kinds, events and operators, what differs, what stands in the way. */
const SPOKEN = ["catalog", "templates.diff", "templates.migration"];

/** The server refused, or did not answer: `code`, `message`, `problems`. */
export class CallFailed extends Error {
	constructor({ code, message, problems = null, ...facts }) {
		super(message);
		Object.assign(this, { code, problems, facts });
	}
}

export function createStandaloneHost({ navigate, language = navigator.language } = {}) {
	const t = translator(language);
	const dialogs = shallowRef([]);
	const notices = shallowRef([]);
	let next = 0;

	async function call(path, args = {}) {
		let response;
		try {
			response = await fetch(API + path, {
				method: "POST",
				headers: { "Content-Type": "application/json", Accept: "application/json" },
				body: JSON.stringify(SPOKEN.includes(path) ? { language, ...args } : args),
			});
		} catch {
			throw new CallFailed({ code: "no_connection", message: t("The server does not answer.") });
		}
		const body = await response.json().catch(() => null);
		if (!response.ok || !body) {
			throw new CallFailed(
				body || { code: "bad_answer", message: t("The server's answer cannot be read.") },
			);
		}
		return body.message;
	}

	function open(dialog) {
		return new Promise((resolve) => {
			const one = { ...dialog, key: ++next };
			one.close = (answer) => {
				dialogs.value = dialogs.value.filter((other) => other.key !== one.key);
				resolve(answer);
			};
			dialogs.value = [...dialogs.value, one];
		});
	}

	function notify(message, tone = "info") {
		const one = { message, tone, key: ++next };
		one.close = () => {
			notices.value = notices.value.filter((other) => other.key !== one.key);
		};
		// The same sentence twice says nothing more.
		notices.value = [...notices.value.filter((other) => other.message !== message), one];
		setTimeout(one.close, NOTICE_MS);
	}

	const when = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
	const numbers = new Intl.NumberFormat(language);

	/** Asks again until the run has ended; callback gets `{run}` each time. The answer stops it. */
	function follow(run, callback) {
		let stopped = false;
		async function again() {
			if (stopped) return;
			try {
				const answer = await call("runs.get", { run });
				if (stopped) return;
				callback(answer.run);
				if (ENDED.includes(answer.run.status)) return;
			} catch {
				// The next try may be answered.
			}
			setTimeout(again, POLL_MS);
		}
		setTimeout(again, POLL_MS);
		return () => {
			stopped = true;
		};
	}

	const pages = {
		"Flow Template": (name) => `/templates/${encodeURIComponent(name)}`,
		"Flow Run": (name) => `/runs/${encodeURIComponent(name)}`,
		"Flow Schedule": (name) => `/schedules/${encodeURIComponent(name)}`,
		"Flow Inbound Hook": (name) => `/hooks/${encodeURIComponent(name)}`,
	};
	const href = (doctype, name) =>
		(pages[doctype] && pages[doctype](name)) ||
		`/documents/${encodeURIComponent(doctype)}/${encodeURIComponent(name)}`;

	return {
		call,
		t,
		language,
		dialogs,
		notices,
		notify,
		confirm: (question) => open({ ...question, kind: "confirm" }).then(Boolean),
		ask: (question) => open({ ...question, kind: "ask" }).then((answer) => answer || null),
		formatTime: (iso) => (iso ? when.format(new Date(iso)) : ""),
		formatNumber: (number) => numbers.format(number),
		linkField: null,
		href,
		open: (doctype, name) => navigate(href(doctype, name)),
		hrefOfFire: (fire) => `/runs?fire=${encodeURIComponent(fire)}`,
		runsHref: (filters) => `/runs?${new URLSearchParams(filters)}`,
		openHooks: (template) => navigate(`/hooks?template=${encodeURIComponent(template)}`),
		openSchedules: (template) => navigate(`/schedules?template=${encodeURIComponent(template)}`),
		navigate,
		follow,
		may: () => true,
		catalogName: "project",
		timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
	};
}
