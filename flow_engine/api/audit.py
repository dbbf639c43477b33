"""The audit trail over HTTP: `/api/method/flow_engine.api.audit.…`. There is no way to write to it."""

import frappe
from werkzeug.wrappers import Response

from flow_engine.api.door import endpoint
from flow_engine.frappe_host import audit_trail
from flow_engine.frappe_host.host import get_host
from flow_engine.service import audit


@frappe.whitelist(methods=["GET", "POST"])
@endpoint
def list(event=None, user=None, template=None, run=None, since=None, until=None, limit=None, start=None):
	"""Events the caller may see, newest first."""
	filters = _filters(event, user, template, run, since, until)
	limit, start = audit.read_page({"limit": limit, "start": start})
	return audit.listed(audit_trail.find(filters, limit + 1, start), limit)


@frappe.whitelist(methods=["GET", "POST"])
@endpoint
def export(event=None, user=None, template=None, run=None, since=None, until=None, format=None):
	"""All of them as a file, oldest first, written while they are read."""
	wanted = audit.read_format(format)
	batches = audit_trail.batches(_filters(event, user, template, run, since, until))
	name = audit.file_name(wanted, get_host().clock.now())
	return Response(
		(text.encode() for text in audit.exported(batches, wanted)),
		content_type=audit.FORMATS[wanted],
		headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
	)


def _filters(event, user, template, run, since, until):
	given = {
		"event": event,
		"user": user,
		"template": template,
		"run": run,
		"since": since,
		"until": until,
	}
	return audit.read_filters(given, get_host().clock.time_zone)
