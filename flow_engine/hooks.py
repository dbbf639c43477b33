# Dotted paths only: every public name in this file becomes a hook.
app_name = "flow_engine"
app_title = "Flow Engine"
app_publisher = "Flow Engine developers"
app_description = "Durable automations that ERPNext operators build in the desk"
app_email = "dev@flow-engine.invalid"
app_license = "MIT"

required_apps = ["erpnext"]

after_install = "flow_engine.install.after_install"
after_uninstall = "flow_engine.install.after_uninstall"

app_include_js = ["flow_engine.bundle.js"]

# A call to an inbound hook whose body the framework could not read.
after_request = ["flow_engine.api.unparsed_calls.answer"]

extend_bootinfo = "flow_engine.frappe_host.boot.add_flow_doctypes"

additional_timeline_content = {"*": ["flow_engine.frappe_host.timeline.run_lines"]}

# What a flow wrote down about a document never keeps that document from being deleted.
ignore_links_on_delete = [
	"Flow Run",
	"Flow Run Document",
	"Flow Step Pending",
	"Flow Step Log",
	"Flow Delivery",
	"Flow Template Version",
	"Flow Audit Event",
	"Flow Schedule",
	"Flow Schedule Fire",
	"Flow Date Scan",
	"Flow Inbound Hook",
	"Flow Inbound Call",
]

permission_query_conditions = {
	"Flow Run": "flow_engine.frappe_host.permissions.run_query",
	"Flow Step Pending": "flow_engine.frappe_host.permissions.pending_query",
	"Flow Step Log": "flow_engine.frappe_host.permissions.log_query",
	"Flow Delivery": "flow_engine.frappe_host.permissions.delivery_query",
}

has_permission = {
	"Flow Run": "flow_engine.frappe_host.permissions.run_has_permission",
	"Flow Step Pending": "flow_engine.frappe_host.permissions.pending_has_permission",
	"Flow Step Log": "flow_engine.frappe_host.permissions.log_has_permission",
	"Flow Delivery": "flow_engine.frappe_host.permissions.delivery_has_permission",
}

default_log_clearing_doctypes = {
	"Flow Run": 180,
	"Flow Delivery": 90,
	"Flow Bulk Operation": 180,
	"Flow Schedule Fire": 180,
	"Flow Inbound Call": 90,
	"Flow Audit Event": 730,
}

scheduler_events = {
	"cron": {
		"* * * * *": ["flow_engine.frappe_host.tick.tick"],
		"*/10 * * * *": ["flow_engine.frappe_host.tick.reconcile_runs"],
	}
}

doc_events = {
	# Runs at every save of every DocType: what no flow watches has to cost next to nothing.
	"*": {
		"before_validate": "flow_engine.frappe_host.events.before_save",
		"before_cancel": "flow_engine.frappe_host.events.before_save",
		"before_update_after_submit": "flow_engine.frappe_host.events.before_save",
		"before_change": "flow_engine.frappe_host.events.before_change",
		"after_insert": "flow_engine.frappe_host.events.on_event",
		"on_update": "flow_engine.frappe_host.events.on_event",
		"on_submit": "flow_engine.frappe_host.events.on_event",
		"on_cancel": "flow_engine.frappe_host.events.on_event",
		"on_update_after_submit": "flow_engine.frappe_host.events.on_event",
		"on_change": "flow_engine.frappe_host.events.on_change",
		"on_trash": "flow_engine.frappe_host.events.on_trash",
	},
	"ToDo": {
		"before_insert": "flow_engine.frappe_host.assigning.before_insert",
		"on_update": "flow_engine.frappe_host.assigning.on_update",
		"validate": "flow_engine.frappe_host.assigning.validate",
	},
	"Flow Engine Settings": {"on_update": "flow_engine.frappe_host.events.on_configuration_change"},
	"Flow Template Version": {"after_insert": "flow_engine.frappe_host.events.on_configuration_change"},
	"Workflow": {
		"on_update": "flow_engine.frappe_host.events.on_configuration_change",
		"after_delete": "flow_engine.frappe_host.events.on_configuration_change",
	},
}

# The issue list's actions write past the document and would otherwise resolve tickets unseen.
override_whitelisted_methods = {
	"erpnext.support.doctype.issue.issue.set_multiple_status": "flow_engine.frappe_host.bulk_status.set_many",
	"erpnext.support.doctype.issue.issue.set_status": "flow_engine.frappe_host.bulk_status.set_one",
}
