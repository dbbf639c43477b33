"""What a flow asks of its payload, at the doors of a site over real HTTP."""

from __future__ import annotations

import pytest
from conftest import unique
from flows import definition, issue

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


@pytest.fixture
def template(flow):
	asked = {**definition(issue("tell", "{{variables.subject}}, {{variables.priority}}"))}
	return flow(flow_definition={**asked, "payload_schema": SCHEMA})


def test_a_good_payload_becomes_the_runs_variables_and_defaults_fill_in(
	template, start, settled, worker, site
):
	subject = unique("leak")
	run = start(template, variables={"subject": subject})
	view = settled(run, "completed", tell="done")
	assert view["variables"] == {"subject": subject}
	made = view["by_id"]["tell"]["result"]["name"]
	assert site("answer = frappe.db.get_value('Issue', name, 'subject')", name=made) == f"{subject}, Low"


def test_a_bad_payload_makes_no_run_and_every_problem_has_its_path(template, manager):
	bad = {"subject": "a", "lines": [{"qty": 1}, {"qty": "2"}], "other": 1}
	status, body = manager.post("runs.start", template=template, variables=bad)
	assert (status, body["code"]) == (422, "invalid_payload")
	assert sorted((p["path"], p["code"]) for p in body["problems"]) == [
		("lines[1].qty", "wrong_type"),
		("other", "unknown_key"),
		("subject", "bad_value"),
	]
	large = manager.post("runs.start", template=template, variables={"subject": "x" * 70_000})
	assert (large[0], large[1]["problems"][0]["code"]) == (422, "too_large")
	huge = manager.post("runs.start", template=template, variables={"subject": "x" * 5_000_000})
	assert huge[0] == 400 and "too large" in huge[1]["message"]
	assert manager.get("runs.list", template=template)[1]["message"]["runs"] == []


def test_whoever_may_start_flows_is_told_what_they_ask_for(template, callers):
	for who in ("manager", "user"):
		status, body = callers[who].get("templates.payload_schema", name=template)
		assert (status, body["message"]["payload_schema"]) == (200, SCHEMA), who
	assert callers["guest"].get("templates.payload_schema", name=template)[0] == 403
