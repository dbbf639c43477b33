// Times of the engine's own columns, which are UTC without saying so, as people read them: their site's.

frappe.provide("flow_engine");

const text = (value) => frappe.utils.escape_html(value == null ? "" : String(value));

flow_engine.utc_as_text = function (value) {
	if (!value) return "";
	const utc = String(value).replace(" ", "T") + "Z";
	const site = moment(utc).tz(frappe.boot.time_zone.system).format("YYYY-MM-DD HH:mm:ss");
	const full = frappe.datetime.str_to_user(frappe.datetime.convert_to_user_tz(site, false)) || utc;
	return `<span class="text-nowrap" title="${text(utc)}">${text(full)}</span>`;
};
