__version__ = "0.1.0"


def dispatch_event(event, doctype=None, docname=None, customer=None, variables=None):
	"""Tell this site's flows that something happened; see `flow_engine.frappe_host.events.dispatch_event`."""
	# Imported here, so that the package can be used where there is no site.
	from flow_engine.frappe_host.events import dispatch_event as dispatch

	return dispatch(event, doctype, docname, customer, variables)
