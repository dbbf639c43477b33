"""The standalone API through real HTTP: the site's paths and envelope, coded refusals, finished steps."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from flow_engine.service.templates import library
from flow_engine.testing.served import Refused

WAIT = {"wait_seconds": 20}


def definition(*steps, **trigger):
	return {"version": 1, "trigger": {"event": "manual", **trigger}, "variables": {}, "steps": list(steps)}


def step(id, kind="wait", **keys):
	return {"id": id, "kind": kind, "label": id.title(), **keys}


ISSUE = step("report", "issue", payload={"subject": "About {{doc.name}}"})
ASK = step("ask", trigger={"type": "manual"})
CALL = step("call", trigger={"type": "on_webhook"})
LATER = step("later", trigger={"type": "after_delay", "delay_days": 3})


@pytest.fixture(scope="module")
def names():
	"""Fresh names for templates and documents."""
	return (f"name {n}" for n in range(1000))


def refusal(call, *arguments, **keywords):
	with pytest.raises(Refused) as caught:
		call(*arguments, **keywords)
	assert set(caught.value.body) <= {"code", "message", "problems", "exc_type"}
	assert "Traceback" not in json.dumps(caught.value.body)
	return caught.value.status, caught.value.code


# --- templates ----------------------------------------------------------------------------------------------


def test_a_template_is_created_read_changed_copied_listed_and_deleted(served, names):
	name = next(names)
	made = served.api(
		"templates.create", template_name=name, category="billing", flow_definition=definition(ISSUE)
	)
	made = made["template"]
	assert (made["step_count"], made["is_active"], made["problems"]) == (1, 0, [])
	assert served.get("templates.get", name=made["name"])["template"]["flow_definition"]["steps"] == [ISSUE]
	changed = served.api("templates.update", name=made["name"], description="Says so")["template"]
	assert (changed["description"], changed["version"]) == ("Says so", 2)
	copy = served.api("templates.duplicate", name=made["name"])["template"]
	assert copy["template_name"] == f"{name} (copy)"
	listed = served.get("templates.list", category="billing")["templates"]
	assert {row["template_name"] for row in listed} == {name, f"{name} (copy)"}
	assert "flow_definition" not in listed[0]
	assert served.api("templates.delete", name=copy["name"]) == {"ok": True}
	assert refusal(served.get, "templates.get", name=copy["name"]) == (404, "template_not_found")


def test_an_export_can_be_imported_and_imported_again_changes_nothing(served, names):
	name = next(names)
	served.api("templates.create", template_name=name, flow_definition=definition(ISSUE))
	exported = served.get("templates.export", name=name)
	assert exported["definition"]["steps"] == [ISSUE]
	again = served.api("templates.import_templates", templates=[exported])["results"]
	assert [row["outcome"] for row in again] == ["unchanged"]
	other = {**exported, "template_name": next(names)}
	assert served.api("templates.import_templates", **other)["results"][0]["outcome"] == "created"


def test_validation_answers_every_problem(served):
	bad = definition(step("a", "nope"), step("a", depends_on=["z"]))
	problems = served.api("templates.validate", definition=bad)["problems"]
	assert {p["code"] for p in problems} >= {"unknown_kind", "duplicate_id", "unknown_dependency"}
	assert {"path", "step", "code", "message"} <= set(problems[0])
	assert served.api("templates.validate", definition=json.dumps(definition(ISSUE))) == {"problems": []}


def test_a_draft_with_problems_is_kept_but_neither_published_nor_switched_on(served, names):
	made = served.api(
		"templates.create", template_name=next(names), flow_definition=definition(step("a", "nope"))
	)
	name = made["template"]["name"]
	assert made["template"]["draft_state"] == "invalid"
	assert refusal(served.api, "templates.publish", name=name) == (422, "invalid_definition")
	with pytest.raises(Refused) as caught:
		served.api("templates.update", name=name, is_active=1)
	assert caught.value.body["problems"][0]["code"] == "unknown_kind"
	assert refusal(served.api, "runs.start", template=name) == (409, "template_not_published")


def test_system_templates_are_protected(served):
	shipped = library()[0]
	served.api("templates.import_templates", templates=shipped)
	from flow_engine.service.templates import seed
	from flow_engine.sqlite_host.host import open_host

	seed(open_host(str(served.database)).templates, [{**library()[1], "template_name": "protected"}])
	assert refusal(served.api, "templates.delete", name="protected") == (403, "template_protected")
	assert refusal(served.api, "templates.update", name="protected", template_name="mine") == (
		403,
		"template_protected",
	)
	assert served.api("templates.duplicate", name="protected")["template"]["is_system"] == 0


def test_a_save_that_someone_else_was_faster_with_is_a_conflict(served, names):
	made = served.api("templates.create", template_name=next(names))["template"]
	status = refusal(
		served.api, "templates.update", name=made["name"], notes="x", modified="2020-01-01 00:00:00"
	)
	assert status == (409, "save_conflict")


def test_the_catalog_lists_kinds_events_and_filters(served):
	catalog = served.get("catalog")
	assert {"dispatch_job", "issue", "notify", "webhook", "wait"} <= {
		kind["name"] for kind in catalog["kinds"]
	}
	assert {"on_contract_signed", "manual"} <= {event["name"] for event in catalog["events"]}
	assert {"default", "money"} <= {found["name"] for found in catalog["filters"]}


# --- runs ---------------------------------------------------------------------------------------------------


def test_a_started_run_is_worked_off_and_can_be_read(served, names):
	flow = served.flow(next(names), definition(ISSUE, {**LATER, "depends_on": ["report"]}))
	served.api("documents.put", doctype="Thing", name="T-1", customer="Ann")
	started = served.api(
		"runs.start", template=flow["name"], doctype="Thing", docname="T-1", variables={"n": 1}, **WAIT
	)
	assert (started["executed"], started["scheduled"]) == (["report"], ["later"])
	run = served.run(started["run"])
	assert (run["status"], run["customer"], run["variables"]) == ("running", "Ann", {"n": 1})
	created = run["steps"][0]["result"]
	issue = served.get("documents.get", doctype=created["doctype"], name=created["name"])["document"]
	assert issue["subject"] == "About T-1"


def test_an_answer_without_waiting_names_the_run_and_what_is_known(served, names):
	flow = served.flow(next(names), definition(ASK))
	started = served.api("runs.start", template=flow["template_name"])
	assert started == {"run": started["run"], "executed": [], "scheduled": []}
	assert served.api("runs.advance", run=started["run"], **WAIT)["run"] == started["run"]


def test_a_waiting_step_is_fired_with_a_value(served, names):
	flow = served.flow(next(names), definition(ASK))
	run = served.api("runs.start", template=flow["name"], **WAIT)["run"]
	assert served.steps(run) == {"ask": "waiting"}
	done = served.api("runs.complete", run=run, step_id="ask", result={"yes": 1}, **WAIT)
	assert done["executed"] == ["ask"]
	assert served.run(run)["steps"][0]["result"] == {"input": {"yes": 1}}
	assert refusal(served.api, "runs.complete", run=run, step_id="ask") == (409, "run_final")
	assert refusal(served.api, "runs.complete", run=run, step_id="zz") == (404, "step_not_found")


def test_the_body_is_the_value_where_no_result_is_named(served, names):
	flow = served.flow(next(names), definition(ASK))
	run = served.api("runs.start", template=flow["name"], **WAIT)["run"]
	served.api("runs.complete", run=run, step_id="ask", colour="red", **WAIT)
	assert served.run(run)["steps"][0]["result"] == {"input": {"colour": "red"}}


def test_a_token_completes_its_own_step_once_and_no_other(served, names):
	flow = served.flow(
		next(names), definition(step("tell", "issue", payload={"subject": "{{links.call}}"}), CALL, ASK)
	)
	run = served.api("runs.start", template=flow["name"], **WAIT)["run"]
	told = served.run(run)["steps"][0]["result"]["name"]
	link = served.get("documents.get", doctype="Issue", name=told)["document"]["subject"]
	token = parse_qs(urlsplit(link).query)["token"][0]
	for wrong in ("x", "é", token[:-1] + "!"):
		refused = refusal(served.api, "runs.complete", run=run, step_id="call", token=wrong)
		assert refused == (403, "bad_token")
	assert refusal(served.api, "runs.complete", run=run, step_id="ask", token=token) == (403, "bad_token")
	answers = [
		served.answer(
			served.session.post(
				served.path("runs.complete"),
				json={"run": run, "step_id": "call", "n": n, **WAIT},
				headers={"X-Flow-Token": token},
				timeout=60,
			)
		)
		for n in (1, 2)
	]
	assert [answer["run"] for answer in answers] == [run, run]
	assert served.run(run)["steps"][1]["result"] == {"input": {"n": 1}}


def test_a_link_asks_people_and_takes_what_machines_post(served, names):
	tell = step("tell", "issue", payload={"subject": "{{links.call}}"})
	flow = served.flow(next(names), definition(tell, CALL))
	for post, kept in (({"json": [1, 2]}, [1, 2]), ({"data": {"a": "b"}}, {"a": "b"})):
		run = served.api("runs.start", template=flow["name"], **WAIT)["run"]
		told = served.run(run)["steps"][0]["result"]["name"]
		link = served.get("documents.get", doctype="Issue", name=told)["document"]["subject"]
		assert link.startswith(f"{served.url}/flow-link?")
		page = served.session.get(link, timeout=30)
		assert page.status_code == 200 and "<button" in page.text and "Call" in page.text
		assert served.steps(run)["call"] == "waiting"
		assert served.session.post(link, timeout=30, **post).status_code == 200
		served.api(
			"runs.complete", run=run, step_id="call", token=parse_qs(urlsplit(link).query)["token"][0], **WAIT
		)
		assert served.run(run)["steps"][1]["result"] == {"input": kept}
	assert served.session.get(link.replace("token=", "token=0"), timeout=30).status_code == 403


def test_an_event_starts_the_flows_that_listen_and_says_why_others_do_not_start(served, names):
	condition = {"field": "doc.total", "op": ">", "value": 100}
	event = {"event": "on_quotation_accepted"}
	big = served.flow(next(names), definition(ISSUE, **event, condition=condition))
	every = served.flow(next(names), definition(ISSUE, **event))
	served.api("documents.put", doctype="Quotation", name="Q-1", total=50)
	results = served.api("runs.event", **event, doctype="Quotation", docname="Q-1")["results"]
	told = {row["template"]: row for row in results}
	assert (told[every["name"]]["started"], told[every["name"]]["reason"]) == (True, None)
	assert (told[big["name"]]["started"], told[big["name"]]["reason"]) == (False, "condition")
	assert told[big["name"]]["read"] == {"doc.total": 50}
	assert served.api("runs.event", event="on_nothing") == {"results": []}


def test_runs_are_listed_newest_first_and_filtered(served, names):
	flow = served.flow(next(names), definition(ASK))
	runs = [served.api("runs.start", template=flow["name"], customer=name)["run"] for name in ("Ann", "Bob")]
	listed = served.get("runs.list", template=flow["template_name"])["runs"]
	assert [row["name"] for row in listed] == runs[::-1]
	assert [
		row["name"] for row in served.get("runs.list", template=flow["name"], customer="Ann")["runs"]
	] == runs[:1]
	assert served.get("runs.list", template=flow["name"], limit=1, start=1)["runs"][0]["name"] == runs[0]
	assert served.get("runs.list", template=flow["name"], status="failed")["runs"] == []
	assert refusal(served.get, "runs.list", status="odd") == (400, "bad_input")


def test_a_cancelled_run_is_final(served, names):
	flow = served.flow(next(names), definition(ASK))
	run = served.api("runs.start", template=flow["name"], **WAIT)["run"]
	assert served.api("runs.cancel", run=run)["status"] == "cancelled"
	assert served.steps(run) == {"ask": "cancelled"}
	assert refusal(served.api, "runs.advance", run=run) == (409, "run_final")


def test_a_failed_step_is_tried_again(served, names):
	update = {"doctype": "Gadget", "docname_ref": "G-1", "fields_json": '{"colour": "red"}'}
	flow = served.flow(next(names), definition(step("paint", "erp_update", payload=update)))
	run = served.api("runs.start", template=flow["name"], **WAIT)["run"]
	assert served.run(run)["steps"][0]["error"]["code"] == "document_not_found"
	served.api("documents.put", doctype="Gadget", name="G-1")
	assert served.api("runs.retry", run=run, step_id="paint", **WAIT)["executed"] == ["paint"]
	assert served.run(run)["status"] == "completed"


def test_the_same_key_starts_a_flow_once(served, names):
	flow = served.flow(next(names), definition(ASK))
	served.api("runs.start", template=flow["name"], key="k1")
	assert refusal(served.api, "runs.start", template=flow["name"], key="k1") == (409, "duplicate_trigger")


def test_a_manual_flow_asks_its_condition_and_a_paused_one_does_not_start(served, names):
	condition = {"field": "variables.go", "op": "==", "value": 1}
	flow = served.flow(next(names), definition(ASK, condition=condition))
	assert refusal(served.api, "runs.start", template=flow["name"]) == (409, "condition_not_met")
	assert served.api("runs.start", template=flow["name"], variables='{"go": 1}')["run"]
	served.api("templates.update", name=flow["name"], is_active=0)
	assert refusal(served.api, "runs.start", template=flow["name"]) == (409, "template_inactive")


# --- documents ----------------------------------------------------------------------------------------------


def test_a_document_is_created_then_changed_field_by_field(served):
	served.api("documents.put", doctype="Box", name="B-1", colour="red", size=1)
	served.api("documents.put", doc=json.dumps({"doctype": "Box", "name": "B-1", "size": 2}))
	box = served.get("documents.get", doctype="Box", name="B-1")["document"]
	assert (box["colour"], box["size"]) == ("red", 2)
	assert [d["name"] for d in served.get("documents.list", doctype="Box")["documents"]] == ["B-1"]
	assert refusal(served.get, "documents.get", doctype="Box", name="B-2") == (404, "document_not_found")


# --- requests that are not what they should be --------------------------------------------------------------

BAD = [
	("runs.start", {}, 400, "bad_input"),
	("runs.start", {"template": 5}, 400, "bad_input"),
	("runs.start", {"template": "nope"}, 404, "template_not_found"),
	("runs.start", {"template": "nope", "variables": "{"}, 400, "bad_input"),
	("runs.start", {"template": "nope", "variables": [1]}, 400, "bad_input"),
	("runs.start", {"template": "nope", "doctype": "Issue"}, 400, "bad_input"),
	("runs.advance", {"run": "FR-99999"}, 404, "run_not_found"),
	("runs.complete", {"run": "FR-99999", "step_id": "a"}, 404, "run_not_found"),
	("runs.complete", {"run": {"a": 1}, "step_id": "a"}, 400, "bad_input"),
	("runs.event", {"event": ["x"]}, 400, "bad_input"),
	(
		"runs.event",
		{"event": "on_issue_opened", "doctype": "Issue", "docname": "nope"},
		404,
		"document_not_found",
	),
	("runs.get", {"run": "\ud800"}, 400, "bad_input"),
	("runs.list", {"limit": "many"}, 400, "bad_input"),
	("templates.create", {}, 400, "bad_input"),
	("templates.create", {"template_name": ["x"]}, 400, "bad_input"),
	("templates.create", {"template_name": "x", "colour": "red"}, 400, "bad_input"),
	("templates.create", {"template_name": "x", "category": "odd"}, 400, "bad_input"),
	("templates.create", {"template_name": "x", "flow_definition": "{"}, 422, "invalid_definition"),
	("templates.create", {"template_name": "x", "flow_definition": [1]}, 422, "invalid_definition"),
	("templates.create", {"template_name": "\ud800"}, 400, "bad_input"),
	("templates.update", {"name": "nope", "is_active": "perhaps"}, 400, "bad_input"),
	("templates.import_templates", {"templates": "[1]"}, 400, "bad_input"),
	("templates.validate", {}, 400, "bad_input"),
	("documents.put", {"name": "x"}, 400, "bad_input"),
	("documents.put", {"doctype": "X", "name": "x", "a": "\ud800"}, 400, "bad_input"),
	("nothing.here", {}, 404, "not_found"),
	("templates.__class__", {}, 404, "not_found"),
]


@pytest.mark.parametrize(("path", "arguments", "status", "code"), BAD)
def test_bad_input_is_answered_with_a_code(served, path, arguments, status, code):
	assert refusal(served.api, path, **arguments) == (status, code)


BODIES = [
	(b"{", "application/json", 400, "bad_input"),
	(b"[1]", "application/json", 400, "bad_input"),
	(b"\xff\xfe", "application/json", 400, "bad_input"),
	(b"[" * 50_000, "application/json", 400, "bad_input"),
	(b'{"a": NaN}', "application/json", 400, "bad_input"),
	(b'{"a": ' + b"9" * 5000 + b"}", "application/json", 400, "bad_input"),
	(b"nonsense", "multipart/form-data; boundary=x", 400, "bad_input"),
]


@pytest.mark.parametrize(("body", "kind", "status", "code"), BODIES)
def test_a_body_that_cannot_be_read_is_answered_with_a_code(served, body, kind, status, code):
	answer = served.session.post(
		served.path("runs.start"), data=body, headers={"Content-Type": kind}, timeout=30
	)
	assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_posted_value_may_have_64_kilobytes_and_a_body_4_megabytes(served, names):
	flow = served.flow(next(names), definition(ASK))
	run = served.api("runs.start", template=flow["name"], **WAIT)["run"]
	large = refusal(served.api, "runs.complete", run=run, step_id="ask", result="x" * 70_000)
	assert large == (413, "input_too_large")
	huge = refusal(served.api, "documents.put", doctype="X", name="x", a="x" * 4_100_000)
	assert huge == (413, "body_too_large")


def test_what_changes_something_is_only_done_by_post(served):
	for path in ("runs.start", "templates.delete", "documents.put", "runs.complete"):
		assert refusal(served.get, path, name="x") == (405, "method_not_allowed")


def test_pages_of_other_sites_cannot_act_here(served):
	def post(**headers):
		return served.session.post(served.path("runs.cancel"), json={"run": "x"}, headers=headers, timeout=30)

	assert post().json()["code"] == "run_not_found"
	assert post(Origin=served.url).json()["code"] == "run_not_found"
	assert post(Origin="https://evil.example").json()["code"] == "foreign_request"
	assert post(Origin="null").json()["code"] == "foreign_request"
	assert post(Host="evil.example").json()["code"] == "foreign_request"
	page = served.session.get(served.url, headers={"Host": "evil.example:80"}, timeout=30)
	assert page.status_code == 403


def test_arguments_may_come_as_a_form_or_in_the_address(served, names):
	flow = served.flow(next(names), definition(ASK))
	form = {"template": flow["name"], "variables": '{"a": 1}'}
	run = served.answer(served.session.post(served.path("runs.start"), data=form, timeout=30))["run"]
	assert served.run(run)["variables"] == {"a": 1}
	url = f"{served.path('runs.cancel')}?run={run}"
	assert served.answer(served.session.post(url, timeout=30))["status"] == "cancelled"
