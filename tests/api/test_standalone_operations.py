"""Operations through the standalone API: replay, many runs at once, pausing with or without the runs."""

import uuid

import pytest

from flow_engine.testing.served import Refused

WAIT = {"wait_seconds": 20}


@pytest.fixture
def flow(served):
	"""A flow whose first step opens an issue and whose second waits for a person; with one run that waits."""
	steps = [
		{"id": "report", "kind": "issue", "payload": {"subject": "About it"}},
		{"id": "ask", "kind": "wait", "depends_on": ["report"], "trigger": {"type": "manual"}},
	]
	definition = {"version": 1, "trigger": {"event": "manual"}, "variables": {}, "steps": steps}
	made = served.flow(uuid.uuid4().hex, definition)
	return made["name"]


def started(served, flow):
	run = served.api("runs.start", template=flow, **WAIT)["run"]
	assert served.steps(run) == {"report": "done", "ask": "waiting"}
	return run


def refusal(call, *arguments, **keywords):
	with pytest.raises(Refused) as caught:
		call(*arguments, **keywords)
	return caught.value.status, caught.value.code


def test_a_run_is_replayed_from_a_step_and_from_its_start(served, flow):
	run = started(served, flow)
	assert refusal(served.api, "runs.replay", run=run) == (409, "run_not_ended")
	served.api("runs.cancel", run=run, reason="a mistake")
	assert served.run(run)["allowed"] == ["replay", "compensate"]
	first = served.api("runs.replay", run=run, version="latest", **WAIT)
	assert (first["replay_of"], first["executed"]) == (run, ["report"])
	second = served.api("runs.replay", run=run, step_id="ask", **WAIT)["run"]
	report = {step["id"]: step for step in served.run(second)["steps"]}["report"]
	assert report["result"] == {s["id"]: s for s in served.run(run)["steps"]}["report"]["result"]
	assert served.run(second)["replay_of"] == run
	served.api("runs.complete", run=second, step_id="ask", **WAIT)
	assert served.run(second)["status"] == "completed"


@pytest.mark.parametrize(
	("path", "given", "refused"),
	[
		("runs.replay", {"run": "FR-99999"}, (404, "run_not_found")),
		("runs.replay", {"run": "FR-99999", "version": "first"}, (400, "bad_input")),
		("runs.bulk", {"action": "delete", "names": ["FR-99999"]}, (400, "bad_input")),
		("runs.bulk", {"action": "cancel"}, (400, "bad_input")),
		("runs.bulk", {"action": "cancel", "filters": {"owner": "me"}}, (400, "bad_input")),
		("runs.bulk", {"action": "cancel", "filters": "no object"}, (400, "bad_input")),
		("runs.bulk", {"action": "cancel", "names": {"a": 1}}, (400, "bad_input")),
		(
			"runs.bulk",
			{"action": "cancel", "filters": {"template": "no such flow"}},
			(404, "template_not_found"),
		),
		("templates.cancel_runs", {}, (400, "bad_input")),
		("templates.update", {"name": "FT-00001", "running": "cancel"}, (400, "bad_input")),
		("templates.update", {"name": "FT-00001", "is_active": 0, "running": "x"}, (400, "bad_input")),
	],
)
def test_what_makes_no_sense_is_refused(served, path, given, refused):
	assert refusal(served.api, path, **given) == refused


def test_many_runs_are_cancelled_and_replayed_at_once(served, flow):
	runs = [started(served, flow) for _ in range(3)]
	filters = {"template": flow}
	answer = served.api("runs.bulk", action="cancel", filters=filters, reason="wrong price")
	assert (answer["job"], answer["count"], answer["done"], answer["failed"]) == (None, 3, 3, 0)
	assert {served.run(run)["status"] for run in runs} == {"cancelled"}
	answer = served.api("runs.bulk", action="replay", names=[*runs, "FR-99999"])
	assert (answer["done"], answer["failed"]) == (3, 1)
	assert answer["refusals"][0]["code"] == "run_not_found"
	assert served.get("runs.list", template=flow, limit=10)["runs"][0]["parent_run"] in runs


@pytest.mark.parametrize(("running", "left"), [("finish", "running"), ("cancel", "cancelled")])
def test_pausing_says_what_becomes_of_the_runs(served, flow, running, left):
	run = started(served, flow)
	answer = served.api("templates.update", name=flow, is_active=0, running=running, reason="for now")
	assert (answer["template"]["is_active"], answer["template"]["paused_reason"]) == (0, "for now")
	assert served.run(run)["status"] == left
	assert refusal(served.api, "runs.start", template=flow) == (409, "template_inactive")
	back = served.api("templates.update", name=flow, is_active=1)["template"]
	assert (back["is_active"], back["paused_reason"]) == (1, "")


@pytest.mark.parametrize("field", ["recursion_limit", "failure_limit"])
def test_limits_are_whole_numbers(served, flow, field):
	for value in (-1, "many", 1.5, [1]):
		assert refusal(served.api, "templates.update", name=flow, **{field: value}) == (400, "bad_input")
	assert int(served.api("templates.update", name=flow, **{field: 7})["template"][field]) == 7
