"""A test run on the standalone server: real documents to stand on, and nothing of it left afterwards."""

import pytest

from flow_engine.testing.served import Refused

WELCOME = {
	"id": "welcome",
	"kind": "notify",
	"label": "Welcome",
	"payload": {
		"channel": "email",
		"to": "{{customer.email_id}}",
		"subject": "Hello {{customer.customer_name}}",
		"body": "<p>Soon.</p>",
	},
}
JOB = {
	"id": "job",
	"kind": "dispatch_job",
	"label": "Install",
	"payload": {"subject": "Install {{doc.name}}", "merge_key": "m-{{customer.name}}"},
}
CALL = {
	"id": "call",
	"kind": "webhook",
	"label": "Tell the CRM",
	"payload": {
		"url": "http://127.0.0.1:9/{{doc.name|url}}",
		"method": "POST",
		"body_template": {"n": "{{doc.name}}"},
	},
}
BIG = {
	"id": "big",
	"kind": "condition",
	"label": "Is it big?",
	"payload": {"field": "doc.grand_total", "op": ">", "value": 5000},
}
NOTE = {
	"id": "note",
	"kind": "erp_update",
	"label": "Note it",
	"payload": {
		"doctype": "Customer",
		"docname_ref": "{{customer.name}}",
		"fields_json": {"customer_details": "x"},
	},
}


def flow(*steps, **trigger):
	return {"version": 1, "trigger": {"event": "manual", **trigger}, "variables": {}, "steps": list(steps)}


@pytest.fixture(scope="module")
def contract(served):
	served.api(
		"documents.put",
		doc={
			"doctype": "Customer",
			"name": "CUST-TRY",
			"customer_name": "Ann",
			"email_id": "ann@example.com",
			"customer_details": "as it was",
		},
	)
	served.api(
		"documents.put",
		doc={
			"doctype": "Contract",
			"name": "CON-TRY",
			"party_type": "Customer",
			"party_name": "CUST-TRY",
			"grand_total": 7000,
		},
	)
	return {"doctype": "Contract", "docname": "CON-TRY"}


def try_out(served, definition, **given):
	return served.api("editor.test_run", definition=definition, **given)


def refusal(call, *arguments, **keywords):
	with pytest.raises(Refused) as caught:
		call(*arguments, **keywords)
	return caught.value.code, caught.value.body["message"]


def test_a_test_run_shows_what_would_happen_on_a_real_document(served, contract):
	outcome = try_out(served, flow(BIG, WELCOME, JOB, CALL), **contract)
	assert {step: entry["status"] for step, entry in outcome["steps"].items()} == dict.fromkeys(
		("big", "welcome", "job", "call"), "done"
	)
	assert outcome["steps"]["big"]["read"] == {"doc.grand_total": 7000}
	assert outcome["steps"]["welcome"]["rendered"]["to"] == "ann@example.com"
	assert outcome["steps"]["call"]["rendered"]["url"] == "http://127.0.0.1:9/CON-TRY"
	assert {(m["channel"], m["step"]) for m in outcome["messages"]} == {
		("email", "welcome"),
		("http", "call"),
	}
	assert [(d["doctype"], d["change"]) for d in outcome["documents"]] == [("Dispatch Job", "created")]


def test_nothing_of_a_test_run_stays(served, contract):
	before = [served.get("documents.list"), served.get("runs.list"), served.get("deliveries.list")]
	templates = served.get("templates.list")
	job = {**JOB, "payload": {**JOB["payload"], "on_open_webhook": "http://127.0.0.1:9/opened"}}
	outcome = try_out(served, flow(job, WELCOME, CALL, NOTE), **contract)
	assert outcome["run"]["status"] == "completed"
	assert {d["doctype"]: d["change"] for d in outcome["documents"]} == {
		"Dispatch Job": "created",
		"Customer": "updated",
	}
	after = [served.get("documents.list"), served.get("runs.list"), served.get("deliveries.list")]
	assert (after, served.get("templates.list")) == (before, templates)
	customer = served.get("documents.get", doctype="Customer", name="CUST-TRY")["document"]
	assert customer["customer_details"] == "as it was"


def test_a_step_finds_what_is_there_and_what_an_earlier_step_made(served, contract):
	real = served.api(
		"documents.put",
		doc={
			"doctype": "Dispatch Job",
			"name": "DJ-REAL",
			"subject": "Real",
			"status": "Open",
			"merge_key": "m-CUST-TRY",
		},
	)["document"]
	outcome = try_out(served, flow(JOB), **contract)
	assert outcome["steps"]["job"]["result"] == {
		"doctype": "Dispatch Job",
		"name": real["name"],
		"merged": True,
	}
	stored = served.get("documents.get", doctype="Dispatch Job", name=real["name"])["document"]
	assert not stored.get("merged_requests")
	own = {**JOB, "payload": {"subject": "a", "merge_key": "only-here"}}
	again = {**own, "id": "again", "depends_on": ["job"]}
	results = try_out(served, flow(own, again), **contract)["steps"]
	assert (results["job"]["result"]["merged"], results["again"]["result"]["merged"]) == (False, True)
	assert results["job"]["result"]["name"] == results["again"]["result"]["name"]


def test_the_clock_goes_past_every_wait_and_stops_where_a_person_is_needed(served, contract):
	later = {**WELCOME, "trigger": {"type": "after_delay", "delay_days": 300}}
	ask = {
		"id": "ask",
		"kind": "wait",
		"label": "Agree",
		"depends_on": ["welcome"],
		"trigger": {"type": "manual"},
	}
	outcome = try_out(served, flow(later, ask), now="2026-03-01T08:00:00", **contract)
	assert outcome["steps"]["welcome"]["completed_at"][:10] == "2026-12-26"
	assert (outcome["steps"]["ask"]["status"], outcome["run"]["status"]) == ("waiting", "running")
	outcome = try_out(served, flow(later, ask), completions={"ask": {"ok": True}}, **contract)
	assert outcome["run"]["status"] == "completed"
	assert outcome["steps"]["ask"]["result"]["input"] == {"ok": True}
	outcome = try_out(served, flow(later, ask), until="P10D", **contract)
	assert outcome["steps"]["welcome"]["status"] == "scheduled"


def test_a_wait_that_nobody_answers_takes_its_timeout_branch(served, contract):
	ask = {
		"id": "ask",
		"kind": "wait",
		"label": "Agree",
		"trigger": {"type": "manual", "timeout_hours": 48},
	}
	late = {**WELCOME, "parent_id": "ask", "branch": "timeout"}
	outcome = try_out(served, flow(ask, late), **contract)
	assert (outcome["steps"]["ask"]["status"], outcome["steps"]["welcome"]["status"]) == ("failed", "done")


def test_a_condition_that_does_not_hold_says_what_it_read(served, contract):
	definition = flow(WELCOME, condition={"field": "doc.grand_total", "op": ">", "value": 9000})
	outcome = try_out(served, definition, **contract)
	assert (outcome["run"]["status"], outcome["run"]["read"]) == ("not_started", {"doc.grand_total": 7000})
	what_if = try_out(served, definition, doc={"grand_total": 12000}, **contract)
	assert (what_if["run"]["status"], what_if["run"]["read"]) == ("completed", {"doc.grand_total": 12000})


def test_a_sample_alone_is_enough(served):
	sample = {"doctype": "Quotation", "grand_total": 6000}
	outcome = try_out(served, flow(BIG), doc=sample)
	assert outcome["steps"]["big"]["result"]["branch"] == "yes"


def test_prepared_replies_answer_calls(served, contract):
	outcome = try_out(
		served, flow(CALL), replies=[{"url": "127.0.0.1:9", "status": 404, "body": "no"}], **contract
	)
	assert outcome["steps"]["call"]["status"] == "failed"


UNUSABLE = [
	({"definition": flow(WELCOME), "docname": "CON-TRY"}, "bad_input"),
	({"definition": flow(WELCOME), "doctype": "Contract", "docname": "nothing"}, "document_not_found"),
	({"definition": flow(WELCOME), "completions": "soon"}, "bad_input"),
	({"definition": flow(WELCOME), "completions": {"nobody": 1}}, "bad_input"),
	({"definition": flow(WELCOME), "now": "tomorrow"}, "bad_input"),
	({"definition": flow(WELCOME), "replies": {"url": 1}}, "bad_input"),
	({"definition": flow(WELCOME), "speed": 2}, "bad_input"),
	(
		{"definition": flow({"id": "a", "kind": "agent_say", "payload": {"message": "x"}})},
		"invalid_definition",
	),
	({}, "bad_input"),
]


@pytest.mark.parametrize(("given", "code"), UNUSABLE)
def test_what_cannot_be_tried_is_refused_by_code(served, contract, given, code):
	assert refusal(served.api, "editor.test_run", **given)[0] == code
