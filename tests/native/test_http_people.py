"""Who starts flows and fires steps over real HTTP: named people, others, and those it was given to."""

from __future__ import annotations

from callers import is_readable
from conftest import unique
from flows import definition, issue, step


def email(people, who):
	return people[who]["email"]


def allowed(caller, run):
	"""What the caller may do with the step `ask`; the status when the run is not theirs to see."""
	status, body = caller.get("runs.get", run=run)
	if status != 200:
		return status
	(ask,) = (entry for entry in body["message"]["run"]["steps"] if entry["id"] == "ask")
	return (*ask["allowed"], *(["delegate"] if ask["delegable"] else []))


def refused(answer, code):
	status, body = answer
	assert (status, body["code"]) == (403, code) and is_readable(body), body


def asking(flow, people, **trigger):
	named = {key: [email(people, who) for who in value] for key, value in trigger.items() if key == "users"}
	ask = step("ask", trigger={"type": "manual", **trigger, **named})
	return flow(ask, issue("then", unique("after"), after=["ask"]))


def test_only_named_people_fire_a_step_whatever_their_role(
	callers, people, flow, start, settled, worker, manager
):
	run = start(asking(flow, people, users=["blind"], role="Flow User"))
	settled(run, ask="waiting")
	for who in ("manager", "admin"):
		assert allowed(callers[who], run) == ("delegate",)
		refused(callers[who].post("runs.complete", run=run, step_id="ask"), "not_on_allow_list")
	# Who may not see the run is told that, and no more.
	refused(callers["user"].post("runs.complete", run=run, step_id="ask"), "not_allowed")
	assert allowed(callers["user"], run) == allowed(callers["nobody"], run) == 403
	assert allowed(callers["blind"], run) == ("complete", "delegate")
	assert callers["blind"].post("runs.complete", run=run, step_id="ask", reason="Seen")[0] == 200
	settled(run, "completed")


def test_only_named_people_start_a_flow_and_the_published_version_says_who(callers, people, manager, flow):
	named = {**definition(step("a")), "starters": {"users": [email(people, "nobody")], "roles": ["Auditor"]}}
	template = flow(flow_definition=named)
	assert callers["nobody"].post("runs.start", template=template)[0] == 200
	for who in ("manager", "admin", "user"):
		refused(callers[who].post("runs.start", template=template), "not_on_allow_list")
	open_to_all = {**named, "starters": None}
	assert manager.post("templates.update", name=template, flow_definition=open_to_all)[0] == 200
	refused(callers["user"].post("runs.start", template=template), "not_on_allow_list")
	assert manager.post("templates.publish", name=template)[0] == 200
	assert callers["user"].post("runs.start", template=template)[0] == 200
	refused(callers["nobody"].post("runs.start", template=template), "not_allowed")
	refused(callers["nobody"].post("runs.start", template="FT-99999"), "not_allowed")


def test_the_forms_of_documents_offer_only_what_the_caller_may_start(callers, people, manager, flow, site):
	subject = unique("about")
	name = site('answer = frappe.get_doc({"doctype": "Issue", "subject": name}).insert().name', name=subject)
	frappe_doc = {"doctype": "Issue", "docname": name}
	trigger = {"event": "manual", "condition": "", "doctype": "Issue"}
	open_to_all = flow(step("a"), trigger=trigger)
	named = {**definition(step("a"), trigger=trigger), "starters": {"users": [email(people, "user")]}}
	template = flow(flow_definition=named)

	def startable(who):
		status, body = callers[who].get("connections.flows", **frappe_doc)
		assert status == 200, body
		return {entry["name"] for entry in body["message"]["startable"]} & {open_to_all, template}

	assert (startable("user"), startable("manager")) == ({open_to_all, template}, {open_to_all})


def test_a_step_is_given_on_over_the_api(callers, people, flow, start, settled, worker, manager, site):
	run = start(asking(flow, people, users=["blind"]))
	settled(run, ask="waiting")
	to = email(people, "user")
	refused(callers["nobody"].post("runs.delegate", run=run, step_id="ask", to=to), "not_allowed")
	for bad in ("nobody@here.example.com", "", None, {"a": 1}, ["a"] * 500):
		status, body = callers["blind"].post("runs.delegate", run=run, step_id="ask", to=bad)
		assert (status, body["code"]) == (400, "bad_input"), (bad, body)
	given = callers["blind"].post("runs.delegate", run=run, step_id="ask", to=to, reason="Away")
	assert given[0] == 200, given
	refused(callers["blind"].post("runs.complete", run=run, step_id="ask"), "not_allowed")
	assert allowed(callers["user"], run) == ("complete", "delegate")
	assert callers["user"].post("runs.complete", run=run, step_id="ask")[0] == 200
	settled(run, "completed")
	status, body = callers["manager"].post("runs.delegate", run=run, step_id="ask", to=to)
	assert (status, body["code"]) == (409, "step_not_waiting")
	told = site(
		"""answer = frappe.get_all("Flow Audit Event", {"flow_run": run, "event_type": "run.step_delegated"},
			["user", "reason"])""",
		run=run,
	)
	assert told == [{"user": email(people, "blind"), "reason": "Away"}]


def test_assign_to_of_the_framework_gives_a_step_on(callers, people, flow, start, settled, worker, manager):
	run = start(asking(flow, people, users=["blind"]))
	settled(run, ask="waiting")
	to = email(people, "user")

	def assignment(caller, function, **arguments):
		path = f"/api/method/frappe.desk.form.assign_to.{function}"
		return caller.send("POST", path, json={"doctype": "Flow Run", "name": run, **arguments})[0]

	assert assignment(callers["manager"], "add", assign_to=f'["{to}"]') == 200
	assert allowed(callers["user"], run) == ("complete", "delegate")
	assert assignment(callers["manager"], "remove", assign_to=to) == 200
	assert allowed(callers["user"], run) == 403
	assert assignment(callers["blind"], "add", assign_to=f'["{to}"]') == 200
	assert assignment(callers["blind"], "remove", assign_to=email(people, "blind")) == 200
	assert allowed(callers["blind"], run) == 403
	assert callers["user"].post("runs.complete", run=run, step_id="ask")[0] == 200
	settled(run, "completed")
