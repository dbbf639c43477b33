frappe.query_reports["Overdue Flow Steps"] = { filters: [] };
