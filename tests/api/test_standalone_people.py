"""The standalone server knows no logins: a call may say as whom, and is asked like that one then."""

import uuid

import pytest

from flow_engine.testing.builders import flow, step
from flow_engine.testing.served import Refused

WAIT = {"wait_seconds": 20}


def refusal(call, *arguments, **keywords):
	with pytest.raises(Refused) as caught:
		call(*arguments, **keywords)
	return caught.value.status, caught.value.code


@pytest.fixture
def asked(served):
	def start(**people):
		made = served.flow(f"asks {uuid.uuid4()}", flow(step("ask", when=("manual", people))))
		return served.api("runs.start", template=made["name"], **WAIT)["run"]

	served.api("documents.put", doc={"doctype": "User", "name": "fay", "roles": [{"role": "Fitter"}]})
	served.api("documents.put", doc={"doctype": "User", "name": "max", "roles": ["Flow Manager"]})
	return start


def may(served, run, **who):
	view = served.get("runs.get", run=run, **who)["run"]
	return view["steps"][0]["allowed"], view["steps"][0]["delegable"], view["allowed"]


def test_whoever_runs_it_may_everything_and_who_is_named_what_they_may(served, asked):
	run = asked(roles=["Fitter"])
	assert may(served, run) == (["complete"], True, ["cancel"])
	assert may(served, run, user="fay") == (["complete"], True, [])
	assert may(served, run, user="max") == ([], True, ["cancel"])
	assert may(served, run, user="nobody") == ([], False, [])
	for user in ("max", "nobody"):
		call = {"run": run, "step_id": "ask", "user": user}
		assert refusal(served.api, "runs.complete", **call) == (403, "not_on_allow_list")
	told = served.api("runs.complete", run=run, step_id="ask", user="fay", reason="Done", size="M", **WAIT)
	assert told["executed"] == ["ask"]
	assert served.run(run)["steps"][0]["result"]["input"] == {"size": "M"}


def test_a_step_is_given_on(served, asked):
	run = asked(assignee="ann")
	given = {"run": run, "step_id": "ask", "to": "ben, cid", "user": "ann"}
	assert refusal(served.api, "runs.delegate", **{**given, "user": "ben"}) == (403, "not_allowed")
	assert served.api("runs.delegate", **given, reason="Away")["run"] == run
	assert refusal(served.api, "runs.complete", run=run, step_id="ask", user="ann") == (403, "step_handed_on")
	assert refusal(served.api, "runs.delegate", run=run, step_id="ask", to="") == (400, "bad_input")
	assert served.api("runs.delegate", run=run, step_id="ask", to=["dan"])["run"] == run
	for user in ("ben", "cid", "dan"):
		assert may(served, run, user=user)[0] == ["complete"]


def test_a_flow_names_who_starts_it(served, asked):
	named = {**flow(step("a")), "starters": {"users": ["ann"], "roles": "Fitter"}}
	made = served.flow("named", named)
	for user in ("ann", "fay", None):
		assert served.api("runs.start", template=made["name"], user=user)["run"]
	assert refusal(served.api, "runs.start", template=made["name"], user="max") == (403, "not_on_allow_list")
	assert served.get("templates.get", name=made["name"])["template"]["flow_definition"]["starters"]


BAD = [
	({"starters": []}, "starters", "bad_value"),
	({"starters": {"people": ["a"]}}, "starters.people", "unknown_key"),
	({"starters": {"users": 5}}, "starters.users", "bad_value"),
	({"starters": {"users": ["a", 5]}}, "starters.users[1]", "bad_value"),
	({"starters": {"users": ["x" * 141]}}, "starters.users[0]", "bad_value"),
	({"starters": {"users": ["{{doc.owner}}"]}}, "starters.users[0]", "bad_value"),
	({"starters": {"roles": ["a"] * 101}}, "starters.roles", "bad_value"),
	({"users": {"a": 1}}, "steps[0].trigger.users", "bad_value"),
	({"users": ["{{doc.owner"]}, "steps[0].trigger.users[0]", "bad_template"),
	({"roles": ["{{secret.key}}"]}, "steps[0].trigger.roles[0]", "bad_template"),
]


@pytest.mark.parametrize(("wrong", "path", "code"), BAD)
def test_lists_that_name_nobody_are_problems_with_a_place(served, wrong, path, code):
	people = {} if "starters" in wrong else wrong
	definition = flow(step("ask", when=("manual", people)))
	definition.update(wrong if "starters" in wrong else {})
	problems = served.api("templates.validate", definition=definition)["problems"]
	assert [(problem["path"], problem["code"]) for problem in problems] == [(path, code)]


@pytest.mark.parametrize("lists", [{"users": []}, {"users": ""}, {"users": None, "roles": []}, {}])
def test_empty_lists_name_nobody_in_particular(served, lists, asked):
	run = asked(**lists)
	assert may(served, run, user="max")[0] == ["complete"]
	made = served.flow(f"empty {uuid.uuid4()}", {**flow(step("a")), "starters": lists})
	assert served.api("runs.start", template=made["name"], user="nobody")["run"]
