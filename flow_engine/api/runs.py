"""Runs over HTTP: start, watch, fire, cancel. Requests change state and tell workers; they never execute
steps."""

import frappe
from frappe.rate_limiter import rate_limit

from flow_engine.api.door import endpoint, is_manager, only_managers
from flow_engine.engine.errors import BadInput, EngineDisabled, InputTooLarge, NotAllowed
from flow_engine.engine.interventions import MAX_INPUT_BYTES
from flow_engine.engine.session import Session
from flow_engine.frappe_host import run_access
from flow_engine.frappe_host.bulk import start_bulk
from flow_engine.frappe_host.events import dispatch_event
from flow_engine.frappe_host.host import get_host
from flow_engine.frappe_host.jobs import is_disabled
from flow_engine.frappe_host.watching import watch
from flow_engine.service import arguments as read
from flow_engine.service import compensation as undoing
from flow_engine.service import delegating, doors, migrations, service_levels
from flow_engine.service.bulk import read_bulk
from flow_engine.service.runs import key_of_fire, limit_actions, run_actions

CALLS_PER_MINUTE = 120


@frappe.whitelist(methods=["POST"])
@endpoint
def start(template=None, doctype=None, docname=None, customer=None, variables=None, key=None):
	host = get_host()

	def check(starters):
		run_access.check_may_start(starters)
		if is_disabled():
			raise EngineDisabled()

	if not run_access.may_start():
		# Whoever may start nothing in particular learns nothing about which flows there are.
		check(run_access.starters_of(template))
	return doors.start(
		host,
		host.templates,
		template,
		doctype,
		docname,
		customer,
		variables,
		user=frappe.session.user,
		key=key,
		check=check,
	)


@frappe.whitelist(methods=["POST"])
@endpoint
def advance(run=None):
	only_managers()
	return doors.advance(get_host(), run)


# What a guest posts is kept as it came, not as the framework would clean it: it is data, shown as text only.
@frappe.whitelist(methods=["POST"], allow_guest=True, xss_safe=True)
@endpoint
def complete(run=None, step_id=None, token=None, result=None, **body):
	"""Fire a waiting step: with its token as whoever holds the link, else as the user who is logged in."""
	token = token or frappe.get_request_header("X-Flow-Token")
	if token:
		return complete_by_link(run, step_id, token, result, body)
	if frappe.session.user == "Guest":
		raise NotAllowed("A step token is needed.")
	reason, person = body.get("reason"), run_access.person()
	run, step_id = read.needed(run, "run"), read.needed(step_id, "step_id")
	run_access.check_may_see(run)
	return doors.complete(get_host(), run, step_id, _value(result), reason=reason, person=person)


@frappe.whitelist(methods=["POST"])
@endpoint
def delegate(run=None, step_id=None, to=None, away=None, reason=None):
	"""Give a step that waits for a person to other users; without `away`, whoever asks gives it up."""
	run, step_id = read.needed(run, "run"), read.needed(step_id, "step_id")
	run_access.check_may_see(run)
	away = [frappe.session.user] if away is None else away
	return delegating.delegate(
		get_host(),
		run,
		step_id,
		to,
		away,
		reason,
		person=run_access.person(),
		check=run_access.check_delegates,
	)


@rate_limit(limit=CALLS_PER_MINUTE, seconds=60)
def complete_by_link(run, step_id, token, result=None, body=None):
	"""What the link in `{{links.<step>}}` does. The posted body is kept as it came."""
	if (frappe.request.content_length or 0) > MAX_INPUT_BYTES + 1024:
		raise InputTooLarge()
	posted = {key: value for key, value in (body or {}).items() if key not in ("cmd", "csrf_token")}
	value = _value(result) if result is not None else (posted or None)
	return doors.complete(get_host(), run, step_id, value, token)


@frappe.whitelist(methods=["POST"])
@endpoint
def event(event=None, doctype=None, docname=None, customer=None, variables=None):
	"""Tell flows that something happened; answers which were started, and why others were not."""
	only_managers()
	event, doctype = read.needed(event, "event"), read.text(doctype, "doctype")
	docname = read.text(docname, "docname")
	if (doctype is None) != (docname is None):
		raise BadInput("`doctype` and `docname` go together.")
	if doctype:
		# Whoever tells of a document has to be able to read it; what is wrong with it has its own code.
		get_host().documents.get(doctype, docname)
	given = read.json_object(variables, "variables")
	return {"results": dispatch_event(event, doctype, docname, read.text(customer, "customer"), given)}


@frappe.whitelist(methods=["GET", "POST"])
@endpoint
def list(
	status=None,
	template=None,
	customer=None,
	document=None,
	doctype=None,
	docname=None,
	limit=None,
	start=None,
	version=None,
	sla_status=None,
	fire=None,
):
	"""Runs the caller may see, newest first."""
	return {
		"runs": run_access.visible_runs(
			status=read.text(status, "status"),
			template=read.text(template, "template"),
			customer=read.text(customer, "customer"),
			doctype=read.text(doctype, "doctype"),
			docname=read.text(docname or document, "docname"),
			limit=read.whole_number(limit, "limit", 50, 1, doors.MAX_LIST),
			start=read.whole_number(start, "start", 0, 0, 10_000_000),
			version=read.whole_number(version, "version", 0, 0, 10_000_000),
			sla_status=service_levels.read_standing(sla_status),
			key=key_of_fire(read.text(fire, "fire")),
		)
	}


@frappe.whitelist(methods=["GET", "POST"])
@endpoint
def get(run=None, name=None):
	name = read.needed(run or name, "run")
	values = run_access.check_may_see(name)
	view = doors.get_run(get_host(), name, values)
	if view["run"]["status"] == "running":
		watch(name)
	if view["run"]["steps"]:
		host = get_host()
		limit_actions(Session(host, host.runs.read(name)), view["run"], run_access.person())
	view["run"]["allowed"] = run_actions(view["run"]) if is_manager() else []
	return view


@frappe.whitelist(methods=["GET", "POST"])
@endpoint
def log(run=None, step_id=None):
	"""What a step tried, attempt by attempt."""
	values = run_access.check_may_see(read.needed(run, "run"))
	return doors.run_log(get_host(), run, step_id, values)


@frappe.whitelist(methods=["POST"])
@endpoint
def cancel(run=None, reason=None, compensate=None):
	only_managers()
	why = read.text(reason, "reason") or f"Cancelled by {frappe.session.user}."
	return doors.cancel(get_host(), run, why, compensate)


@frappe.whitelist(methods=["GET", "POST"])
@endpoint
def compensation_plan(run=None):
	"""What undoing a run would do, step by step, the last one first."""
	only_managers()
	values = run_access.check_may_see(read.needed(run, "run"))
	return undoing.compensation_plan(get_host(), run, values)


@frappe.whitelist(methods=["POST"])
@endpoint
def compensate(run=None, reason=None, happened=None):
	"""Undo what an ended run has done, by a child run of it."""
	only_managers()
	if is_disabled():
		raise EngineDisabled()
	return undoing.compensate(get_host(), run, reason, happened)


@frappe.whitelist(methods=["POST"])
@endpoint
def retry(run=None, step_id=None, reason=None):
	only_managers()
	return doors.retry(get_host(), run, step_id, reason)


@frappe.whitelist(methods=["POST"])
@endpoint
def skip(run=None, step_id=None, reason=None):
	only_managers()
	return doors.skip(get_host(), run, step_id, reason)


@frappe.whitelist(methods=["POST"])
@endpoint
def mark_done(run=None, step_id=None, result=None, reason=None):
	only_managers()
	return doors.mark_done(get_host(), run, step_id, result, reason)


@frappe.whitelist(methods=["POST"])
@endpoint
def replay(run=None, step_id=None, version=None, reason=None):
	"""Repeat an ended run, from its start or from a step, as a child run of it."""
	only_managers()
	if is_disabled():
		raise EngineDisabled()
	host = get_host()
	return doors.replay(host, host.templates, run, step_id, version, reason)


@frappe.whitelist(methods=["POST"])
@endpoint
def migrate(run=None, version=None, reason=None):
	"""Move a running run to a newer version of its flow."""
	only_managers()
	host = get_host()
	return migrations.migrate(host, host.templates, run, version, reason)


@frappe.whitelist(methods=["POST"])
@endpoint
def bulk(action=None, names=None, filters=None, reason=None, version=None):
	"""Cancel, retry, replay, migrate or undo many runs in a background job; answers its id and how many there
	are."""
	only_managers()
	host = get_host()
	return start_bulk(read_bulk(host, host.templates, action, names, filters, reason, version))


def _value(result):
	"""A result given as JSON text (a form) or as data."""
	if isinstance(result, str) and result[:1] in ("{", "["):
		return read.json_value(result, "result")
	if isinstance(result, bytes):
		raise BadInput("`result` must be JSON.")
	return result
