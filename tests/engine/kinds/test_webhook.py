import json

import pytest

from flow_engine.engine.errors import BadTemplate, HttpNoAnswer, HttpNotSent
from flow_engine.engine.kinds import PROJECT_KINDS
from flow_engine.engine.outcomes import Done, Fail, Retry
from flow_engine.engine.ports import HttpReply

WEBHOOK = PROJECT_KINDS["webhook"]
URL = "https://crm.example/hooks"


def test_a_call_carries_the_key_of_its_step_and_json(world):
	world.do("webhook", {"url": URL, "body_template": '{"who": "{{customer.name}}", "n": 2}'})
	(request,) = world.http.requests
	assert request["method"] == "POST"
	assert request["url"] == URL
	assert request["headers"] == {"Idempotency-Key": "site:FR-00001:s1", "Content-Type": "application/json"}
	assert json.loads(request["body"]) == {"who": "CUST-1", "n": 2}
	assert request["timeout"] == 30


def test_a_value_cannot_change_the_structure_of_the_body(world):
	world.values["doc"]["subject"] = '", "admin": true, "x": "'
	world.do("webhook", {"url": URL, "body_template": {"s": "{{doc.subject}}"}})
	assert json.loads(world.http.requests[0]["body"]) == {"s": '", "admin": true, "x": "'}


@pytest.mark.parametrize(
	"payload", [{"method": "GET", "body_template": '{"a": 1}'}, {"body_template": " "}, {}]
)
def test_without_something_to_say_there_is_no_body(world, payload):
	world.do("webhook", {"url": URL, **payload})
	(request,) = world.http.requests
	assert request["body"] is None
	assert "Content-Type" not in request["headers"]


def test_own_headers_are_sent_and_may_name_the_content_type(world):
	headers = {"content-type": "application/vnd.x+json", "X-Count": 2, "X-Who": "{{customer.name}}"}
	world.do("webhook", {"url": URL, "headers": headers, "body_template": "[1]"})
	assert world.http.requests[0]["headers"] == {
		"content-type": "application/vnd.x+json",
		"X-Count": "2",
		"X-Who": "CUST-1",
		"Idempotency-Key": "site:FR-00001:s1",
	}


@pytest.mark.parametrize("part", ["url", "headers"])
def test_a_value_with_a_line_break_is_not_sent(world, part):
	world.values["doc"]["subject"] = "a\r\nX-Evil: 1"
	payload = (
		{"url": URL + "/{{doc.subject}}"}
		if part == "url"
		else {"url": URL, "headers": {"X": "{{doc.subject}}"}}
	)
	with pytest.raises(BadTemplate):
		world.do("webhook", payload)
	assert world.http.requests == []


REPLIES = [
	(200, '{"id": 7}', Done, {"id": 7}),
	(201, "created", Done, "created"),
	(204, "", Done, ""),
	(301, "", Fail, ""),
	(400, '{"error": "x"}', Fail, {"error": "x"}),
	(404, "", Fail, ""),
	(408, "", Retry, ""),
	(429, "", Retry, ""),
	(500, "oops", Retry, "oops"),
	(503, "", Retry, ""),
]


@pytest.mark.parametrize(("status", "body", "outcome", "parsed"), REPLIES)
def test_the_status_decides_what_becomes_of_the_step(world, status, body, outcome, parsed):
	world.http.reply = HttpReply(status, {}, body)
	answer = world.do("webhook", {"url": URL})
	assert isinstance(answer, outcome)
	assert answer.result == {"status": status, "body": parsed}
	if outcome is not Done:
		assert answer.code == "http_status"


WAITS = [
	("120", 120),
	("0", 0),
	("Wed, 18 Mar 2026 13:02:00 GMT", 120),
	("Wed, 18 Mar 2026 12:00:00 GMT", 0),
	("999999999999", 86_400),
	("Fri, 31 Dec 9999 23:59:59 GMT", 86_400),
	("soon", None),
	("-5", None),
	("1e9", None),
	("", None),
	(None, None),
]


@pytest.mark.parametrize(("header", "seconds"), WAITS)
def test_retry_after_is_honoured_up_to_a_day(world, header, seconds):
	world.http.reply = HttpReply(429, {} if header is None else {"retry-after": header})
	assert world.do("webhook", {"url": URL}).after_seconds == seconds


@pytest.mark.parametrize("error", [HttpNotSent("x"), HttpNoAnswer("x")])
def test_what_the_client_knows_about_a_failed_call_is_passed_on(world, error):
	world.http.reply = error
	with pytest.raises(type(error)):
		world.do("webhook", {"url": URL})


REPEATS = [
	({}, False),
	({"method": "POST"}, False),
	({"method": "PATCH"}, False),
	({"method": "GET"}, True),
	({"method": "PUT"}, True),
	({"method": "DELETE"}, True),
	({"method": "POST", "repeat_safe": True}, True),
	({"method": "POST", "repeat_safe": 1}, True),
	({"method": "GET", "repeat_safe": False}, False),
	({"method": "PUT", "repeat_safe": 0}, False),
	({"method": "GET", "repeat_safe": None}, True),
]


@pytest.mark.parametrize(("payload", "safe"), REPEATS)
def test_a_call_is_repeatable_when_the_step_or_its_method_says_so(payload, safe):
	assert WEBHOOK.repeat_safe(payload) is safe


def test_secrets_are_left_to_the_client_to_fill_in(world):
	world.secret = lambda name, host: "s3cr3t"
	payload = {"url": URL + "?k={{secret.crm}}", "headers": {"Authorization": "Bearer {{secret.crm}}"}}
	world.do("webhook", payload)
	(request,) = world.http.requests
	assert request["headers"]["Authorization"] == "Bearer {{secret.crm}}"
	assert request["url"] == URL + "?k={{secret.crm}}"
	assert request["secret"] is world.secret


def test_a_message_names_the_address_without_query_user_or_secret(world):
	world.http.reply = HttpReply(404)
	outcome = world.do("webhook", {"url": "https://me:pw@crm.example/{{secret.path}}/x?token=abc#frag"})
	assert outcome.message == "https://crm.example/***/x answered 404."


def test_an_address_that_is_none_still_gets_an_answer(world):
	world.http.reply = HttpReply(404)
	assert isinstance(world.do("webhook", {"url": "http://[broken"}), Fail)


HEADER_PROBLEMS = [
	(None, 0),
	("", 0),
	("{}", 0),
	('{"X-A": "1", "X-B": 2}', 0),
	({"Authorization": "Bearer {{secret.x}}"}, 0),
	("not json", 0),
	("[1]", 1),
	([], 1),
	({"Idempotency-Key": "x"}, 1),
	({"HOST": "x"}, 1),
	({"a b": "x", "": "y"}, 2),
	({"X": {"nested": 1}, "Y": [1]}, 2),
]


@pytest.mark.parametrize(("headers", "count"), HEADER_PROBLEMS)
def test_headers_are_one_flat_object_of_names_that_may_be_set(headers, count):
	problems = WEBHOOK.check({"url": URL, "headers": headers})
	assert [(field, code) for field, code, _ in problems] == [("headers", "bad_value")] * count
