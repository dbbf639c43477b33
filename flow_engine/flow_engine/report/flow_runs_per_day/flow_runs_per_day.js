frappe.query_reports["Flow Runs per Day"] = {
	filters: [
		{ fieldname: "flow_template", label: __("Flow"), fieldtype: "Link", options: "Flow Template" },
		{
			fieldname: "from_date",
			label: __("From"),
			fieldtype: "Date",
			default: frappe.datetime.add_days(frappe.datetime.get_today(), -29),
		},
		{ fieldname: "to_date", label: __("To"), fieldtype: "Date", default: frappe.datetime.get_today() },
	],
};
