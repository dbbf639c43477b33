frappe.views.calendar["Dispatch Job"] = {
	field_map: {
		start: "scheduled_time",
		end: "scheduled_end",
		id: "name",
		title: "subject",
		allDay: "all_day",
		status: "status",
	},
	get_css_class(job) {
		return { Completed: "success", "In Progress": "warning" }[job.status] || "default";
	},
	gantt: false,
	order_by: "scheduled_time",
	filters: [
		{ fieldtype: "Data", fieldname: "assigned_group", label: __("Assigned group") },
		{ fieldtype: "Link", fieldname: "customer", options: "Customer", label: __("Customer") },
	],
	get_events_method: "flow_engine.flow_engine.doctype.dispatch_job.dispatch_job.get_events",
};
