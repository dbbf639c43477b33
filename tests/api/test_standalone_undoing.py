"""Undoing through the standalone API: what it would come to, that it happens once, and what is refused."""

import time
import uuid

import pytest

from flow_engine.testing.builders import flow as flow_of
from flow_engine.testing.builders import issue, step
from flow_engine.testing.served import Refused

WAIT = {"wait_seconds": 20}


def started(served, *steps, **keys):
	made = served.flow(uuid.uuid4().hex, {**flow_of(*steps), **keys})
	return served.api("runs.start", template=made["name"], **WAIT)["run"]


def waiting(served, **keys):
	"""A run that has opened an Issue, sent a message, and waits."""
	mail = {"channel": "email", "to": "a@example.com", "subject": "Hello", "body": "x"}
	return started(
		served,
		issue("report", "About it"),
		step("mail", "notify", after=["report"], payload=mail),
		step("ask", after=["mail"], when="manual"),
		**keys,
	)


def status_of(served, run):
	result = next(one for one in served.run(run)["steps"] if one["id"] == "report")["result"]
	return served.get("documents.get", doctype="Issue", name=result["name"])["document"]["status"]


def refusal(call, *arguments, **keywords):
	with pytest.raises(Refused) as caught:
		call(*arguments, **keywords)
	return caught.value.status, caught.value.code


def test_the_plan_says_what_would_be_undone_in_which_order_and_what_stays(served):
	run = waiting(served)
	plan = served.get("runs.compensation_plan", run=run)
	assert [(one["id"], one["how"]) for one in plan["steps"]] == [("mail", "nothing"), ("report", "kind")]
	assert plan["steps"][0]["help"] == "A message that was sent cannot be taken back."
	assert plan["steps"][1]["document"]["doctype"] == "Issue"
	assert (plan["status"], plan["compensate"], plan["compensation"]) == ("running", "ask", None)
	assert status_of(served, run) == "Open", "looking changes nothing"


def test_a_run_is_undone_once_however_often_somebody_asks(served):
	run = waiting(served)
	assert refusal(served.api, "runs.compensate", run=run) == (409, "run_not_ended")
	served.api("runs.cancel", run=run, reason="a mistake")
	assert served.run(run)["allowed"] == ["replay", "compensate"]
	first = served.api("runs.compensate", run=run, reason="ordered twice", **WAIT)
	again = served.api("runs.compensate", run=run)
	assert (first["compensates"], first["again"]) == (run, False)
	assert (again["run"], again["again"]) == (first["run"], True)
	assert status_of(served, run) == "Closed"
	view = served.run(run)
	assert view["compensation"] == {"run": first["run"], "status": "completed", "outcome": "complete"}
	assert {one["id"]: one["undone"] for one in view["steps"]} == {"report": "all", "mail": None, "ask": None}
	assert view["allowed"] == ["replay"]
	undone = served.run(first["run"])
	assert undone["compensates"]["run"] == run
	assert undone["allowed"] == []
	assert undone["definition"]["steps"][0]["undo"] == "kind"
	assert served.get("runs.log", run=first["run"], step_id="report")["attempts"][0]["state"] == "done"
	assert refusal(served.api, "runs.replay", run=first["run"]) == (409, "is_compensation")
	assert refusal(served.api, "runs.compensate", run=first["run"]) == (409, "is_compensation")


def test_what_undoes_a_run_stands_nowhere_in_its_flow(served):
	missing = {"doctype": "Gadget", "docname_ref": "none", "fields_json": {"a": 1}}
	fails = step("undo", "erp_update", parent="report", branch="compensate", payload=missing)
	run = started(served, issue("report", "About it"), fails, step("ask", after=["report"], when="manual"))
	served.api("runs.cancel", run=run, reason="enough", compensate=1)
	child = served.run(run)["compensation"]["run"]
	for _ in range(200):
		if served.run(child)["status"] == "failed":
			break
		time.sleep(0.1)
	assert served.run(run)["compensation"]["outcome"] == "incomplete"
	assert {one["id"]: one["undone"] for one in served.run(run)["steps"]}["report"] == "failed"
	standing = served.get("templates.standing", name=served.run(run)["flow_template"])
	assert standing["steps"] == {}


def test_cancelling_undoes_what_the_caller_says_or_else_the_flow(served):
	for keys, given, undone in (
		({}, {}, False),
		({}, {"compensate": 1}, True),
		({"compensate": "on_cancel"}, {}, True),
		({"compensate": "both"}, {"compensate": "0"}, False),
	):
		run = waiting(served, **keys)
		answer = served.api("runs.cancel", run=run, reason="enough", **given)
		assert (answer["compensation"] is not None) == undone
		assert (served.run(run)["compensation"] is not None) == undone


def test_many_runs_are_undone_at_once(served):
	runs = [waiting(served) for _ in range(3)]
	for run in runs[:2]:
		served.api("runs.cancel", run=run, reason="enough")
	done = served.api("runs.bulk", action="compensate", names=runs, reason="recalled")
	assert (done["count"], done["done"]) == (3, 2)
	assert [(one["run"], one["code"]) for one in done["refusals"]] == [(runs[2], "run_not_ended")]


@pytest.mark.parametrize(
	("path", "given", "refused"),
	[
		("runs.compensate", {}, (400, "bad_input")),
		("runs.compensate", {"run": "FR-99999"}, (404, "run_not_found")),
		("runs.compensate", {"run": "FR-99999", "happened": "call"}, (400, "bad_input")),
		("runs.compensate", {"run": "FR-99999", "happened": {"call": 1}}, (400, "bad_input")),
		("runs.compensate", {"run": "FR-99999", "happened": [1]}, (400, "bad_input")),
		("runs.compensation_plan", {"run": "FR-99999"}, (404, "run_not_found")),
		("runs.cancel", {"run": "FR-99999", "compensate": "perhaps"}, (400, "bad_input")),
	],
)
def test_what_cannot_be_undone_is_refused_with_a_code(served, path, given, refused):
	assert refusal(served.api, path, **given) == refused


def test_only_steps_of_unknown_outcome_can_be_said_to_have_happened(served):
	run = waiting(served)
	served.api("runs.cancel", run=run, reason="enough")
	for happened in (["report"], ["ask"], ["nobody"]):
		assert refusal(served.api, "runs.compensate", run=run, happened=happened) == (400, "bad_input")
	assert served.run(run)["compensation"] is None


PROBLEMS = [
	({"compensate": "always"}, [], "compensate", "bad_value"),
	({}, [step("a", compensate="no")], "steps[0].compensate", "bad_value"),
	({}, [step("a", compensate=True)], "steps[0].compensate", "bad_value"),
	({}, [step("u", branch="compensate")], "steps[0].branch", "branch_without_parent"),
	(
		{},
		[step("a"), step("u", parent="a", branch="compensate"), step("v", parent="u", branch="compensate")],
		"steps[2].branch",
		"unknown_branch",
	),
	(
		{},
		[step("a"), step("b"), step("u", parent="a", branch="compensate", after=["b"])],
		"steps[2].depends_on[0]",
		"unreachable",
	),
	(
		{},
		[step("a"), step("u", parent="a", branch="compensate"), step("b", after=["u"])],
		"steps[2].depends_on[0]",
		"unreachable",
	),
	(
		{},
		[step("a", compensate=False), step("u", parent="a", branch="compensate")],
		"steps[0].compensate",
		"unreachable",
	),
	({}, [issue("a", "{{compensates.run}}")], "steps[0].payload.subject", "unknown_variable"),
	(
		{},
		[step("a"), issue("u", "{{compensates.weather}}", parent="a", branch="compensate")],
		"steps[1].payload.subject",
		"unknown_variable",
	),
]


@pytest.mark.parametrize(("keys", "steps", "path", "code"), PROBLEMS)
def test_what_is_wrong_with_undoing_in_a_flow_is_said_with_its_place(served, keys, steps, path, code):
	found = served.api("templates.validate", definition={**flow_of(*steps), **keys})["problems"]
	assert (path, code) in [(one["path"], one["code"]) for one in found]


def test_a_test_run_shows_how_it_would_be_undone(served):
	steps = (issue("report", "About it"), step("ask", after=["report"], when="manual"))
	answer = served.api("editor.test_run", definition=flow_of(*steps), compensate=1)
	assert answer["run"]["status"] == "cancelled"
	assert answer["compensation"]["steps"]["report"]["undone"] == "all"
	assert [one["step"] for one in answer["compensation"]["timeline"]] == ["report"]
	assert answer["documents"][0]["values"]["status"] == "Closed"
	assert served.api("editor.test_run", definition=flow_of(*steps))["compensation"] is None
