"""Every function of the API over real HTTP: what it refuses, and to whom."""

from __future__ import annotations

import json

import pytest
from callers import Caller, is_readable
from conftest import unique
from flows import definition, step
from people import PASSWORD

PATHS_FOR_READING = ("catalog", "templates.list", "templates.get", "templates.validate", "templates.export")
PATHS_OF_TEMPLATES = (
	"templates.create",
	"templates.update",
	"templates.delete",
	"templates.duplicate",
	"templates.publish",
	"templates.import_templates",
)
PATHS_FOR_MANAGERS = ("runs.advance", "runs.event", "runs.cancel", "runs.retry")
EVERY_PATH = (
	*PATHS_FOR_READING,
	*PATHS_OF_TEMPLATES,
	*PATHS_FOR_MANAGERS,
	"runs.start",
	"runs.complete",
	"runs.delegate",
	"runs.list",
	"runs.get",
)


# --- envelope, errors, doors --------------------------------------------------------------------------------


def test_an_answer_is_an_object_with_message(manager, draft):
	for path, arguments, key in (
		("catalog", {}, "kinds"),
		("templates.list", {}, "templates"),
		("templates.get", {"name": draft["name"]}, "template"),
		("templates.validate", {"definition": json.dumps(definition())}, "problems"),
		("templates.export", {"name": draft["name"]}, "definition"),
		("runs.list", {}, "runs"),
	):
		status, body = manager.get(path, **arguments)
		assert status == 200, (path, body)
		assert set(body) == {"message"} and key in body["message"], path


def test_the_catalog_offers_kinds_events_and_trigger_types_as_data(manager):
	offered = manager.get("catalog")[1]["message"]
	assert {"dispatch_job", "issue", "notify", "webhook", "erp_update", "wait", "condition"} <= {
		kind["name"] for kind in offered["kinds"]
	}
	assert {"on_issue_opened", "on_contract_signed", "manual"} <= {e["name"] for e in offered["events"]}


def test_whoever_sees_runs_sees_what_their_trees_are_drawn_from_and_no_secrets(callers):
	status, body = callers["user"].get("catalog")
	assert status == 200 and body["message"]["kinds"]
	assert body["message"]["secrets"] == []


@pytest.mark.parametrize("path", EVERY_PATH)
def test_a_guest_gets_nothing_without_a_token(callers, path):
	status, body = callers["guest"].post(path, name="FT-00001", run="FR-00001", step_id="a")
	assert status == 403, body
	assert "message" not in body or isinstance(body["message"], str)


@pytest.mark.parametrize(
	("who", "path"),
	[
		*(
			("nobody", path)
			for path in EVERY_PATH
			if path not in ("runs.complete", "runs.delegate", "runs.get", "runs.list")
		),
		*(
			("user", path)
			for path in (*PATHS_FOR_READING, *PATHS_OF_TEMPLATES, *PATHS_FOR_MANAGERS)
			if path not in ("templates.list", "catalog")
		),
	],
)
def test_what_is_for_managers_is_refused_to_others_in_words(callers, who, path, draft):
	arguments = {
		"templates.create": {"template_name": unique("refused"), "category": "other"},
		"templates.update": {"name": draft["name"], "notes": "mine"},
		"templates.import_templates": {
			"templates": [{"template_name": unique("refused"), "definition": definition()}]
		},
		"runs.start": {"template": draft["name"]},
		"runs.event": {"event": "manual"},
	}.get(path, {"name": draft["name"], "run": "FR-00000", "step_id": "a"})
	send = callers[who].get if path in PATHS_FOR_READING else callers[who].post
	status, body = send(path, **arguments)
	assert status == 403 and body["code"] == "not_allowed" and is_readable(body), body


@pytest.mark.parametrize(
	("path", "arguments", "status", "code"),
	[
		("templates.get", {}, 400, "bad_input"),
		("templates.get", {"name": ["FT-1"]}, 400, "bad_input"),
		("templates.get", {"name": {"like": "%"}}, 400, "bad_input"),
		("templates.get", {"name": "no such flow"}, 404, "template_not_found"),
		("templates.get", {"name": "x" * 100_000}, 404, "template_not_found"),
		("templates.get", {"name": "a\u0000b"}, 404, "template_not_found"),
		("templates.list", {"is_active": "perhaps"}, 400, "bad_input"),
		("templates.list", {"category": ["other"]}, 400, "bad_input"),
		("templates.create", {"template_name": 7, "category": "other"}, 400, "bad_input"),
		("templates.create", {"category": "other"}, 400, "bad_input"),
		("templates.create", {"template_name": "x", "category": "no such"}, 400, "bad_input"),
		("templates.create", {"template_name": "x", "is_system": 1}, 400, "bad_input"),
		("templates.create", {"template_name": "x", "owner": "Administrator"}, 400, "bad_input"),
		("templates.create", {"template_name": "x", "flow_definition": [1, 2]}, 422, "invalid_definition"),
		("templates.update", {"name": "no such flow", "notes": "x"}, 404, "template_not_found"),
		("templates.delete", {"name": "no such flow"}, 404, "template_not_found"),
		("templates.duplicate", {"name": "no such flow"}, 404, "template_not_found"),
		("templates.publish", {"name": "no such flow"}, 404, "template_not_found"),
		("templates.import_templates", {"templates": "{"}, 400, "bad_input"),
		("templates.import_templates", {"templates": [1]}, 400, "bad_input"),
		("templates.import_templates", {}, 400, "bad_input"),
		("runs.start", {}, 400, "bad_input"),
		("runs.start", {"template": "no such flow"}, 404, "template_not_found"),
		("runs.start", {"template": 5}, 400, "bad_input"),
		("runs.start", {"template": "x", "variables": "[]"}, 400, "bad_input"),
		("runs.start", {"template": "x", "variables": "{nope"}, 400, "bad_input"),
		("runs.start", {"template": "x", "doctype": "Issue"}, 400, "bad_input"),
		("runs.event", {}, 400, "bad_input"),
		("runs.event", {"event": {"a": 1}}, 400, "bad_input"),
		("runs.event", {"event": "e", "doctype": "No Such", "docname": "x"}, 400, "unknown_doctype"),
		("runs.advance", {"run": "FR-00000"}, 404, "run_not_found"),
		("runs.advance", {"run": True}, 400, "bad_input"),
		("runs.cancel", {"run": "' or 1=1 --"}, 404, "run_not_found"),
		("runs.retry", {"run": "FR-00000", "step_id": "a"}, 404, "run_not_found"),
		("runs.complete", {"run": "FR-00000", "step_id": "a"}, 404, "run_not_found"),
		("runs.complete", {"run": "FR-00000"}, 400, "bad_input"),
		("runs.get", {"run": "FR-00000"}, 404, "run_not_found"),
		("runs.list", {"limit": "many"}, 400, "bad_input"),
		("runs.list", {"template": "no such flow"}, 404, "template_not_found"),
		("templates.validate", {}, 400, "bad_input"),
	],
)
def test_bad_input_is_a_coded_refusal(manager, path, arguments, status, code):
	answered, body = manager.post(path, **arguments)
	assert (answered, body.get("code")) == (status, code), body
	assert is_readable(body)


@pytest.mark.parametrize(
	"body",
	[b"", b"{", b"[1, 2]", b'"text"', b"null", b"\xff\xfe\x00", b"[" * 50_000, b'{"name": ' + b"[" * 5_000],
	ids=["empty", "cut", "list", "text", "null", "bytes", "deep", "deep value"],
)
def test_a_body_that_is_no_object_is_refused_and_the_next_call_answered(manager, body):
	reply = manager.reply(
		"POST",
		"/api/method/flow_engine.api.templates.get",
		data=body,
		headers={"Content-Type": "application/json"},
	)
	# Most of these never reach the app: the framework reads the body first and answers for itself.
	assert reply.status_code >= 400
	assert manager.get("templates.list")[0] == 200


def test_a_huge_definition_is_a_problem_and_a_huge_argument_a_refusal(manager):
	huge = definition(*(step(f"s{n}") for n in range(2_001)))
	status, body = manager.post("templates.validate", definition=huge)
	assert status == 200 and "too_many_steps" in {p["code"] for p in body["message"]["problems"]}
	status, body = manager.post(
		"templates.create", template_name=unique("big"), category="other", notes="x" * 3_000_000
	)
	assert 400 <= status < 500 and is_readable(body)


def test_a_wrong_method_is_refused(manager, draft):
	for path in ("templates.delete", "templates.publish", "runs.start", "runs.complete", "runs.cancel"):
		status, _ = manager.get(path, name=draft["name"], template=draft["name"], run="FR-0", step_id="a")
		assert status == 403, path
	assert manager.get("templates.get", name=draft["name"])[0] == 200


def test_a_session_needs_its_csrf_token_and_a_key_does_not(url, people, manager):
	name = unique("csrf")
	browser = Caller(url)
	token = browser.log_in(people["manager"]["email"], PASSWORD)
	assert browser.get("templates.list")[0] == 200
	status, body = browser.post("templates.create", template_name=name, category="other")
	assert status == 400 and "CSRF" in json.dumps(body), body
	browser.session.headers["X-Frappe-CSRF-Token"] = token
	status, body = browser.post("templates.create", template_name=name, category="other")
	assert status == 200, body
	assert manager.post("templates.delete", name=name)[0] == 200


def test_a_wrong_key_is_nobody(url, people):
	stranger = Caller(
		url, Authorization="token " + people["manager"]["key"].split()[1].split(":")[0] + ":wrong"
	)
	assert stranger.get("templates.list")[0] == 401
