"""The page behind `{{links.<step>}}`: people confirm with a button, machines post to the same address."""

import frappe
from frappe import _

from flow_engine.api.door import describe
from flow_engine.api.runs import complete_by_link
from flow_engine.engine.compensation import definition_of
from flow_engine.engine.errors import BadToken, FlowError
from flow_engine.frappe_host.host import get_host
from flow_engine.service.doors import token_fits

no_cache = 1
sitemap = 0


def get_context(context):
	form, address = frappe.form_dict, frappe.request.args
	# Of a JSON body the framework reads nothing else: who the call is for then stands in the address alone.
	run, step_id, token = (str(address.get(key) or form.get(key) or "") for key in ("run", "step", "token"))
	context.update(run=run, step=step_id, token=token, title=_("Confirm"), done=False, problem="", label="")
	context.no_breadcrumbs = True
	try:
		host = get_host()
		if not token_fits(host, run, step_id, token):
			raise BadToken()
		if frappe.request.method == "POST":
			body = {key: value for key, value in form.items() if key not in ("run", "step", "token", "cmd")}
			complete_by_link(run, step_id, token, None, body)
			context.done = True
		record = host.runs.read(run)
		context.label = definition_of(host, record).step(step_id).label
	except (FlowError, frappe.ValidationError) as error:
		frappe.db.rollback()
		status, body = describe(error)
		frappe.clear_messages()
		context.problem = body["message"]
		context.http_status_code = status
