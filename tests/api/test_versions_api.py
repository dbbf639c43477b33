"""Versions over the standalone API: what is refused, with which code, and that nothing changes then."""

import pytest

from flow_engine.testing.builders import flow, step
from flow_engine.testing.served import Refused

FIRST, SECOND = flow(step("a", when="manual")), flow(step("a", when="manual"), step("b", after=["a"]))


@pytest.fixture
def made(served, request):
	name = served.api("templates.create", template_name=request.node.name, flow_definition=FIRST)
	name = name["template"]["name"]
	served.api("templates.update", name=name, is_active=1)
	served.api("templates.update", name=name, flow_definition=SECOND)
	served.api("templates.publish", name=name)
	return name


BAD = [
	("templates.history", {"name": "nope"}, 404, "template_not_found"),
	("templates.history", {}, 400, "bad_input"),
	("templates.history", {"limit": "many"}, 400, "bad_input"),
	("templates.diff", {"before": 99}, 404, "template_not_found"),
	("templates.diff", {"before": "the first"}, 400, "bad_input"),
	("templates.diff", {"definition": "{"}, 400, "bad_input"),
	("templates.diff", {"definition": [1]}, 422, "invalid_definition"),
	("templates.diff", {"definition": {"steps": "\ud800"}}, 400, "bad_input"),
	("templates.roll_back", {}, 400, "bad_input"),
	("templates.roll_back", {"version": 99}, 404, "template_not_found"),
	("templates.roll_back", {"version": -1}, 404, "template_not_found"),
	("templates.roll_back", {"version": 1e300}, 400, "bad_input"),
	("templates.roll_back", {"version": 2, "draft": "burn"}, 400, "bad_input"),
	("templates.roll_back", {"version": 2, "modified": "2001-01-01"}, 409, "save_conflict"),
	("templates.roll_back", {"version": 2, "modified": "yesterday"}, 400, "bad_input"),
	("templates.retire", {"reason": {"a": 1}}, 400, "bad_input"),
	("templates.duplicate", {"version": 99}, 404, "template_not_found"),
	("templates.migration", {}, 400, "bad_input"),
	("templates.migration", {"version": 2, "to": 99}, 404, "template_not_found"),
	("runs.migrate", {}, 400, "bad_input"),
	("runs.migrate", {"run": "FR-99999"}, 404, "run_not_found"),
	("runs.bulk", {"action": "migrate", "filters": {}}, 400, "bad_input"),
	("runs.bulk", {"action": "migrate", "names": ["FR-00001"], "version": "newest"}, 400, "bad_input"),
	("runs.list", {"version": "all"}, 400, "bad_input"),
	("templates.update", {"is_active": 1, "publish": "maybe"}, 400, "bad_input"),
]


@pytest.mark.parametrize(
	("path", "arguments", "status", "code"), BAD, ids=[f"{row[0]} {row[1]}"[:60] for row in BAD]
)
def test_bad_input_is_a_coded_problem_and_changes_nothing(served, made, path, arguments, status, code):
	before = served.get("templates.get", name=made)["template"]
	name = (
		{} if path.startswith("runs.") or (not arguments and path == "templates.history") else {"name": made}
	)
	with pytest.raises(Refused) as caught:
		served.api(path, **{**name, **arguments})
	assert (caught.value.status, caught.value.body["code"]) == (status, code)
	assert served.get("templates.get", name=made)["template"] == before


def test_a_refused_move_names_the_step_in_the_way(served, made):
	run = served.api("runs.start", template=made, wait_seconds=5)["run"]
	served.api("templates.update", name=made, flow_definition=flow(step("other", when="manual")))
	served.api("templates.publish", name=made)
	with pytest.raises(Refused) as caught:
		served.api("runs.migrate", run=run)
	(problem,) = caught.value.body["problems"]
	assert (problem["step"], problem["code"]) == ("a", "step_gone")
