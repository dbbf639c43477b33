"""Payloads at the standalone server's doors: asked before a run is made, problems named by path."""

import pytest

from flow_engine.testing.builders import flow, issue
from flow_engine.testing.served import Refused

SCHEMA = {
	"type": "object",
	"properties": {
		"subject": {"type": "string", "minLength": 3},
		"priority": {"enum": ["Low", "High"], "default": "Low"},
		"lines": {"type": "array", "items": {"type": "object", "properties": {"qty": {"type": "integer"}}}},
	},
	"required": ["subject"],
	"additionalProperties": False,
}


@pytest.fixture(scope="module")
def template(served):
	definition = flow(issue("tell", "{{variables.subject}}, {{variables.priority}}"))
	return served.flow("Asks for a payload", {**definition, "payload_schema": SCHEMA})["name"]


def refused(served, **arguments):
	with pytest.raises(Refused) as caught:
		served.api("runs.start", **arguments)
	body = caught.value.body
	return caught.value.status, body["code"], [(p["path"], p["code"]) for p in body.get("problems", ())]


def test_a_good_payload_becomes_the_runs_variables_and_defaults_fill_in(served, template):
	run = served.api("runs.start", template=template, variables={"subject": "Leak"}, wait_seconds=20)["run"]
	view = served.run(run)
	assert view["variables"] == {"subject": "Leak"}
	made = view["steps"][0]["result"]["name"]
	assert served.get("documents.get", doctype="Issue", name=made)["document"]["subject"] == "Leak, Low"


def test_a_bad_payload_makes_no_run_and_every_problem_has_its_path(served, template):
	before = served.get("runs.list", template=template)["runs"]
	bad = {"subject": "a", "lines": [{"qty": 1}, {"qty": "2"}], "other": 1}
	status, code, problems = refused(served, template=template, variables=bad)
	assert (status, code) == (422, "invalid_payload")
	assert sorted(problems) == [
		("lines[1].qty", "wrong_type"),
		("other", "unknown_key"),
		("subject", "bad_value"),
	]
	assert refused(served, template=template)[2] == [("subject", "missing_field")]
	assert served.get("runs.list", template=template)["runs"] == before


def test_problems_are_said_in_the_readers_language(served, template):
	answer = served.session.post(
		served.path("runs.start"), json={"template": template}, headers={"Accept-Language": "fr"}, timeout=60
	)
	assert answer.json()["problems"][0]["message"] == "Cette valeur manque."


def test_a_payload_larger_than_it_may_be_is_refused_by_its_size_with_and_without_a_schema(served, template):
	free = served.flow("Asks for nothing", flow(issue("tell")))["name"]
	for name in (template, free):
		assert refused(served, template=name, variables={"subject": "x" * 70_000}) == (
			422,
			"invalid_payload",
			[("", "too_large")],
		)
		status, code, _ = refused(served, template=name, variables={"subject": "x" * 5_000_000})
		assert (status, code) == (413, "body_too_large")


def test_the_published_schema_is_what_counts_and_what_is_told(served, template):
	draft = served.get("templates.get", name=template)["template"]["flow_definition"]
	looser = {**draft, "payload_schema": {"type": "object"}}
	served.api("templates.update", name=template, flow_definition=looser)
	asked = served.get("templates.payload_schema", name=template)
	assert asked["payload_schema"] == SCHEMA
	assert refused(served, template=template)[2] == [("subject", "missing_field")]
	served.api("templates.update", name=template, flow_definition={**looser, "payload_schema": SCHEMA})


def test_a_replay_repeats_what_was_accepted_whatever_is_asked_for_now(served):
	definition = {**flow(issue("tell", "{{variables.subject}}")), "payload_schema": SCHEMA}
	name = served.flow("Asked less once", definition)["name"]
	run = served.api("runs.start", template=name, variables={"subject": "Leak"}, wait_seconds=20)["run"]
	stricter = {**SCHEMA, "required": ["subject", "lines"]}
	served.api("templates.update", name=name, flow_definition={**definition, "payload_schema": stricter})
	served.api("templates.publish", name=name)
	again = served.api("runs.replay", run=run, version="latest", wait_seconds=20)["run"]
	assert served.run(again)["variables"] == {"subject": "Leak"}


def test_a_schema_with_problems_can_be_saved_and_not_published(served):
	wrong = {
		**flow(issue("tell")),
		"payload_schema": {"type": "object", "properties": {"x": {"type": "text"}}},
	}
	made = served.api("templates.create", template_name="Wrong schema", flow_definition=wrong)["template"]
	assert [p["path"] for p in made["problems"]] == ["payload_schema.properties.x.type"]
	with pytest.raises(Refused) as caught:
		served.api("templates.publish", name=made["name"])
	assert caught.value.code == "invalid_definition"


def test_a_test_run_asks_for_what_a_start_by_hand_asks_for(served):
	definition = {**flow(issue("tell", "{{variables.subject}}")), "payload_schema": SCHEMA}
	with pytest.raises(Refused) as caught:
		served.api("editor.test_run", definition=definition)
	assert caught.value.code == "invalid_payload"
	tried = served.api("editor.test_run", definition=definition, variables={"subject": "Leak"})
	assert tried["run"]["status"] == "completed"


def test_an_exported_flow_brings_its_schema_along(served, template):
	exported = served.get("templates.export", name=template)
	assert exported["definition"]["payload_schema"] == SCHEMA
