frappe.provide("frappe.dashboards.chart_sources");

frappe.dashboards.chart_sources["Flow Runs by Outcome"] = {
	method: "flow_engine.flow_engine.dashboard_chart_source.flow_runs_by_outcome.flow_runs_by_outcome.get",
	filters: [{ fieldname: "flow_template", label: __("Flow"), fieldtype: "Link", options: "Flow Template" }],
};
