"""A simulation shows what a flow would do, at every time it would do it, and does none of it."""

from datetime import datetime, timedelta, timezone

import pytest

from flow_engine.engine.errors import BadInput, FlowError, InputTooLarge, InvalidDefinition
from flow_engine.engine.kinds import PROJECT_KINDS
from flow_engine.service.templates import library
from flow_engine.sqlite_host.scenario import Scenario, read_moment, read_until
from flow_engine.sqlite_host.simulation import simulate
from flow_engine.testing.builders import flow, issue, step

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=timezone.utc)
DOC = {"doctype": "Contract", "name": "C-1", "party_type": "Customer", "party_name": "Ann"}
ANN = {
	"doctype": "Customer",
	"name": "Ann",
	"customer_name": "Ann",
	"email_id": "ann@example.com",
	"mobile_no": "+15145550142",
}
SHIPPED = {entry["template_name"]: entry for entry in library()}


def run(*steps, doc=DOC, **keys):
	return simulate(Scenario(flow(*steps), doc, now=NOW, **keys))


def hook(step_id, **keys):
	payload = {"url": "https://example.com/hook", "method": "POST", "body_template": '{"of": "{{doc.name}}"}'}
	return step(step_id, "webhook", payload=payload, **keys)


def moves(outcome):
	return [(entry["step"], entry["status"]) for entry in outcome["timeline"]]


def test_the_outcome_has_exactly_the_keys_it_promises():
	outcome = run(issue("a"), hook("b", after=["a"]), step("c", after=["b"]))
	assert set(outcome) == {"run", "steps", "compensation", "timeline", "documents", "messages"}
	assert set(outcome["run"]) == {"status", "started_at", "completed_at", "read", "sla"}
	keys = {"status", "trigger_at", "started_at", "completed_at", "attempts", "result", "error"}
	keys |= {"reason", "handled", "rendered", "read", "sla"}
	assert list(outcome["steps"]) == ["a", "b", "c"]
	assert all(set(entry) == keys for entry in outcome["steps"].values())
	assert all(set(entry) == {"at", "step", "status"} for entry in outcome["timeline"])
	assert set(outcome["documents"][0]) == {"doctype", "name", "change", "values"}
	keys = {"channel", "step", "to", "subject", "body", "url", "method", "key"}
	assert set(outcome["messages"][0]) == keys


def test_what_takes_too_long_is_answered_as_far_as_it_came():
	definition = flow(
		step("a", trigger={"type": "after_delay", "delay_days": 1}),
		step("b", after=["a"], trigger={"type": "after_delay", "delay_days": 1}),
	)
	outcome = simulate(Scenario(definition, now=NOW, seconds=0))
	assert (outcome["run"]["status"], outcome["run"]["cut"]) == ("running", True)
	assert (outcome["steps"]["a"]["status"], outcome["steps"]["b"]["status"]) == ("scheduled", "pending")
	assert "cut" not in simulate(Scenario(definition, now=NOW, seconds=600))["run"]
	waiting = flow(step("a", trigger={"type": "manual"}))
	assert "cut" not in simulate(Scenario(waiting, now=NOW, seconds=0))["run"]


def test_onboarding_takes_eleven_months_and_no_time():
	outcome = simulate(Scenario(SHIPPED["residential_onboarding"]["definition"], DOC, [ANN], now=NOW))
	assert outcome["run"] == {
		"status": "completed",
		"started_at": "2026-03-02T09:00:00+00:00",
		"completed_at": "2027-01-30T09:00:00+00:00",
		"read": {"doc.party_type": "Customer"},
		"sla": None,
	}
	assert outcome["steps"]["survey"]["trigger_at"] == "2026-03-03T09:00:00+00:00"
	assert [(m["channel"], m["step"]) for m in outcome["messages"]] == [
		("sms", "welcome_sms"),
		("email", "survey"),
		("email", "renewal_reminder"),
	]
	assert [d["doctype"] for d in outcome["documents"]] == ["Dispatch Job", "Issue"]


def test_the_same_scenario_gives_the_same_outcome():
	scenario = Scenario(SHIPPED["residential_onboarding"]["definition"], DOC, [ANN], now=NOW)
	assert simulate(scenario) == simulate(scenario)


UNTIL = [
	(None, "completed"),
	(timedelta(hours=1), "running"),
	(timedelta(hours=5), "completed"),
	(NOW + timedelta(hours=4), "running"),
	(timedelta(0), "running"),
]


@pytest.mark.parametrize(("until", "status"), UNTIL)
def test_it_goes_on_until_it_is_told_to_stop(until, status):
	wait = step("wait", when=("after_delay", {"delay_hours": 5}))
	assert run(wait, until=until)["run"]["status"] == status


def test_a_waiting_step_waits_until_it_is_completed_with_a_value():
	ask = step("ask", when="manual")
	assert moves(run(ask)) == [("ask", "waiting")]
	outcome = run(ask, completions=[("ask", {"ok": True})])
	assert moves(outcome) == [("ask", "waiting"), ("ask", "done")]
	assert outcome["steps"]["ask"]["result"] == {"input": {"ok": True}}


def test_completions_are_posted_in_order_each_when_its_step_waits():
	first, second = step("first", when="manual"), step("second", when="on_webhook", after=["first"])
	outcome = run(first, second, completions=[("second", 2), ("first", 1)])
	assert outcome["run"]["status"] == "completed"
	assert outcome["steps"]["second"]["result"] == {"input": 2}


def test_an_unanswered_wait_times_out():
	outcome = run(step("ask", when=("manual", {"timeout_hours": 2})))
	assert outcome["run"]["status"] == "failed"
	assert outcome["steps"]["ask"]["error"]["code"] == "timed_out"


def test_prepared_replies_are_used_in_order_and_then_calls_succeed():
	replies = [{"url": "/hook", "status": 503}, {"url": "/hook", "status": 200, "body": {"id": 7}}]
	outcome = run(hook("call"), replies=replies)
	assert outcome["steps"]["call"]["attempts"] == 2
	assert moves(outcome) == [("call", "scheduled"), ("call", "done")]
	calls = outcome["messages"]
	assert [(c["method"], c["url"], c["body"]) for c in calls] == [
		("POST", "https://example.com/hook", '{"of": "C-1"}')
	] * 2
	assert calls[0]["key"] == calls[1]["key"] != ""
	assert run(hook("call"))["steps"]["call"]["status"] == "done"


def test_an_unhandled_failure_fails_the_run():
	outcome = run(hook("call"), replies=[{"url": "example.com", "status": 404}])
	assert (outcome["run"]["status"], outcome["steps"]["call"]["status"]) == ("failed", "failed")


def test_a_document_that_is_changed_says_so():
	payload = {"doctype": "Contract", "docname_ref": "C-1", "fields_json": '{"status": "Active"}'}
	(changed,) = run(step("a", "erp_update", payload=payload))["documents"]
	assert (changed["change"], changed["values"]["status"]) == ("updated", "Active")


def test_a_condition_reads_what_became_of_a_document_that_only_the_simulation_made():
	closing = {
		"doctype": "Issue",
		"docname_ref": "{{steps.job.result.name}}",
		"fields_json": '{"status": "Closed"}',
	}
	asks = {"field": "steps.job.document.status", "op": "==", "value": "Closed"}
	outcome = run(
		issue("job", "For {{doc.name}}"),
		step("before", "condition", payload=asks, after=["job"]),
		step("close", "erp_update", payload=closing, after=["before"]),
		step("then", "condition", payload=asks, after=["close"]),
		issue("again", "{{steps.job.document.subject}}", after=["then"]),
	)
	read = {step_id: outcome["steps"][step_id]["read"] for step_id in ("before", "then")}
	assert read == {
		"before": {"steps.job.document.status": "Open"},
		"then": {"steps.job.document.status": "Closed"},
	}
	assert [entry["values"]["subject"] for entry in outcome["documents"]] == ["For C-1", "For C-1"]


def test_results_hold_what_their_kinds_say_they_do():
	update = {"doctype": "Contract", "docname_ref": "C-1", "fields_json": '{"status": "Active"}'}
	payloads = {
		"dispatch_job": {"subject": "Install"},
		"issue": {"subject": "Look"},
		"notify": {"channel": "email", "to": "ann@example.com", "subject": "Hello", "body": "There"},
		"webhook": {"url": "https://example.com/hook", "method": "POST"},
		"erp_update": update,
		"wait": {},
		"condition": {"field": "doc.name", "op": "not_empty"},
		"subscription_activate": {"subscription_ref": "SUB-1"},
	}
	subscription = {"doctype": "Subscription", "name": "SUB-1", "status": "Active"}
	outcome = run(
		*(step(name, name, payload=payload) for name, payload in payloads.items()), docs=[subscription]
	)
	for name, kind in PROJECT_KINDS.items():
		result = outcome["steps"][name]["result"]
		assert {one.name for one in kind.results} <= result.keys(), name
		made = kind.document or payloads[name].get(kind.document_field)
		assert made is None or (result["doctype"] == made and result["name"]), name


def test_a_condition_that_does_not_hold_starts_nothing_and_says_what_it_read():
	definition = flow(issue("a"))
	definition["trigger"]["condition"] = {"field": "doc.party_name", "op": "==", "value": "Bob"}
	outcome = simulate(Scenario(definition, DOC, now=NOW))
	assert outcome["run"]["status"] == "not_started"
	assert outcome["run"]["read"] == {"doc.party_name": "Ann"}


def test_naive_dates_of_steps_are_in_the_given_time_zone():
	at = step("a", when=("on_date", {"at": "2026-07-01T08:00:00"}))
	outcome = run(at, time_zone="America/Toronto")
	assert outcome["steps"]["a"]["started_at"] == "2026-07-01T12:00:00+00:00"


SURROGATE = {"doctype": "A", "name": "b", "c": "\ud800"}
ENDLESS = {"doctype": "A", "name": "b"}
ENDLESS["again"] = ENDLESS
BAD = [
	("no doctype", {"doc": {"name": "x"}}, BadInput),
	("no name", {"doc": {"doctype": "x"}}, BadInput),
	("name is no text", {"doc": {"doctype": "x", "name": 5}}, BadInput),
	("not an object", {"doc": [1]}, BadInput),
	("others without doctype", {"docs": [{"name": "x"}]}, BadInput),
	("two of one name", {"docs": [{**DOC, "party_name": "Bob"}]}, BadInput),
	("no text", {"doc": SURROGATE}, BadInput),
	("endless", {"doc": ENDLESS}, BadInput),
	("unknown step", {"completions": [("zz", 1)]}, BadInput),
	("too much for a step", {"completions": [("a", "x" * 70_000)]}, InputTooLarge),
	("another event", {"event": "on_x"}, None),
	("variables that are none", {"variables": [1]}, BadInput),
	("replies that are none", {"replies": [5]}, BadInput),
	("status that is none", {"replies": [{"url": "", "status": "x"}]}, BadInput),
	("time zone that is none", {"time_zone": "Mars/Base"}, BadInput),
	("end before the start", {"until": NOW - timedelta(days=1)}, BadInput),
	("end after all time", {"until": timedelta(days=99_999_999)}, BadInput),
]


@pytest.mark.parametrize(("why", "keys", "error"), BAD, ids=[row[0] for row in BAD])
def test_bad_input_is_refused_with_a_code(why, keys, error):
	if error is None:
		assert run(issue("a"), **keys)["run"]["status"] == "completed"
		return
	with pytest.raises(error):
		run(issue("a"), **keys)


def test_an_event_the_flow_does_not_listen_to_is_refused():
	definition = SHIPPED["residential_onboarding"]["definition"]
	with pytest.raises(BadInput):
		simulate(Scenario(definition, DOC, event="on_issue_opened", now=NOW))


def test_a_definition_with_problems_is_refused_with_all_of_them():
	with pytest.raises(InvalidDefinition) as caught:
		run(step("a", "nope"), step("a", after=["z"]))
	codes = {problem["code"] for problem in caught.value.as_dict()["problems"]}
	assert codes >= {"unknown_kind", "duplicate_id", "unknown_dependency"}


MOMENTS = [
	("2026-03-02", NOW.replace(hour=0)),
	("2026-03-02T09:00", NOW),
	("2026-03-02T09:00:00Z", NOW),
	("2026-03-02T10:00:00+01:00", NOW),
]


@pytest.mark.parametrize(("text", "moment"), MOMENTS)
def test_times_are_read_as_iso_8601(text, moment):
	assert read_moment(text) == moment


DURATIONS = [
	("P30D", timedelta(days=30)),
	("PT2H30M", timedelta(hours=2, minutes=30)),
	("P1Y", timedelta(days=365)),
	("3d 4h", timedelta(days=3, hours=4)),
	("3d4h", timedelta(days=3, hours=4)),
	("1.5h", timedelta(minutes=90)),
	("2w", timedelta(weeks=2)),
	("0m", timedelta(0)),
	("2026-03-02", NOW.replace(hour=0)),
]


@pytest.mark.parametrize(("text", "until"), DURATIONS)
def test_ends_are_read_as_times_or_durations(text, until):
	assert read_until(text) == until


@pytest.mark.parametrize(
	"text", ["", "P", "PT", "x", "3", "3x", "-3d", "P-3D", "2026-13-01", "9" * 400 + "d", "d"]
)
def test_what_is_neither_time_nor_duration_is_refused(text):
	with pytest.raises(FlowError):
		read_until(text)


def test_what_would_be_late_is_seen_with_the_virtual_clock():
	definition = flow(
		step("ask", when="manual", sla={"warn": "1d", "breach": "2d", "escalate": {"role": "Support"}}),
		issue("boss", "It is late", parent="ask", branch="sla_breach"),
	)
	definition["sla"] = {"breach": "1w"}
	start = datetime(2026, 3, 16, 9, tzinfo=timezone.utc)
	outcome = simulate(Scenario(definition, now=start))
	told = [(e["at"][:10], e["step"], e["sla"]) for e in outcome["timeline"] if "sla" in e]
	assert told == [
		("2026-03-17", "ask", "at_risk"),
		("2026-03-18", "ask", "overdue"),
		("2026-03-23", None, "overdue"),
	]
	assert outcome["steps"]["boss"]["status"] == "done"
	assert (outcome["steps"]["ask"]["sla"]["standing"], outcome["run"]["sla"]["standing"]) == ("overdue",) * 2
	notices = [(m["step"], m["subject"], m["to"]) for m in outcome["messages"] if m["channel"] == "notice"]
	assert notices == [
		("ask", "at_risk", ""), ("ask", "late", ""), ("ask", "escalated", "Support"), ("", "late", "")
	]  # fmt: skip
