// How a run or a waiting step stands with its service level, as an indicator of desk lists.

frappe.provide("flow_engine");

/** The indicator of what is, or soon will be, late; null for everything else. */
flow_engine.late_indicator = function (standing) {
	if (standing === "overdue") return [__("overdue"), "red", "sla_status,=,overdue"];
	if (standing === "at_risk") return [__("soon overdue"), "orange", "sla_status,=,at_risk"];
	return null;
};
