frappe.listview_settings["Flow Schedule"] = {
	add_fields: ["status", "schedule_type", "cron", "run_at", "flow_template"],
	hide_name_column: true,

	get_indicator(doc) {
		const colours = { enabled: "green", paused: "gray", invalid: "red", finished: "blue" };
		return [__(doc.status), colours[doc.status] || "gray", `status,=,${doc.status}`];
	},

	formatters: {
		schedule_type(type, _df, doc) {
			const words = type === "once" ? __("once") : flow_engine.cron_words(doc.cron);
			const text = frappe.utils.escape_html(words);
			return `<span class="ellipsis small" title="${text}">${text}</span>`;
		},
		next_fire_at: short_time,
		last_fire_at: short_time,
	},

	button: {
		show: (doc) =>
			frappe.model.can_write("Flow Schedule") && ["enabled", "invalid", "paused"].includes(doc.status),
		get_label: (doc) => (doc.status === "paused" ? __("Resume") : __("Pause")),
		get_description: (doc) =>
			doc.status === "paused"
				? __("Resume {0}", [frappe.utils.escape_html(doc.schedule_name)])
				: __("Pause {0}", [frappe.utils.escape_html(doc.schedule_name)]),
		action: (doc) => ask(doc.status === "paused" ? "resume" : "pause", [doc.name]),
	},

	onload(listview) {
		// Which flow, when next, when last, what went wrong: a list of schedules is read for all of them.
		if (window.innerWidth >= 1200 && !listview.list_view_settings.total_fields) {
			listview.list_view_settings.total_fields = 8;
			listview.setup_columns();
			listview.render_header(true);
		}
		if (!frappe.model.can_write("Flow Schedule")) return;
		const chosen = () => listview.get_checked_items().map((one) => one.name);
		listview.page.add_actions_menu_item(__("Pause"), () => ask("pause", chosen()), false);
		listview.page.add_actions_menu_item(__("Resume"), () => ask("resume", chosen()), false);
		listview.page.add_actions_menu_item(__("Fire Now"), () => ask("fire_now", chosen()), false);
	},
};

// As short as a column of seven has room for; whole where one points.
function short_time(value) {
	if (!value) return "";
	const shown = frappe.datetime.convert_to_user_tz(value, false);
	const whole = frappe.utils.escape_html(frappe.datetime.str_to_user(shown));
	const day = { day: "numeric", month: "short" };
	const rest = moment(shown).isSame(moment(), "year")
		? { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }
		: { year: "numeric" };
	const format = new Intl.DateTimeFormat(frappe.boot.lang, { ...day, ...rest });
	const short = frappe.utils.escape_html(format.format(moment(shown).toDate()));
	return `<span class="ellipsis small" title="${whole}">${short}</span>`;
}

const ACTIONS = {
	pause: () => __("Pause"),
	resume: () => __("Resume"),
	fire_now: () => __("Fire Now"),
};

function ask(action, names) {
	frappe.prompt(
		[{ fieldname: "reason", fieldtype: "Small Text", label: __("Reason (may be left out)") }],
		async ({ reason }) => {
			for (const name of names)
				await flow_engine.call(`schedules.${action}`, { name, reason: reason || "" });
			if (cur_list?.doctype !== "Flow Schedule") return;
			// The same question within three seconds is not asked again, though the answer is another now.
			cur_list.last_args = null;
			cur_list.refresh();
		},
		ACTIONS[action](),
		ACTIONS[action](),
	);
}
