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

# What a flow wrote down about a document never keeps that document from being deleted.
ignore_links_on_delete = [
	"Flow Run",
	"Flow Run Document",
	"Flow Step Pending",
	"Flow Step Log",
	"Flow Template Version",
]

permission_query_conditions = {
	"Flow Run": "flow_engine.frappe_host.permissions.run_query",
	"Flow Step Pending": "flow_engine.frappe_host.permissions.pending_query",
	"Flow Step Log": "flow_engine.frappe_host.permissions.log_query",
}

has_permission = {
	"Flow Run": "flow_engine.frappe_host.permissions.run_has_permission",
	"Flow Step Pending": "flow_engine.frappe_host.permissions.pending_has_permission",
	"Flow Step Log": "flow_engine.frappe_host.permissions.log_has_permission",
}

default_log_clearing_doctypes = {"Flow Run": 180}
