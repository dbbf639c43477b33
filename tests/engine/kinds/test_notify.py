import pytest

from flow_engine.engine.errors import HttpNoAnswer, HttpNotSent, MessageRefused
from flow_engine.engine.kinds import PROJECT_KINDS
from flow_engine.engine.kinds.base import Effect
from flow_engine.engine.outcomes import Fail, Unknown

NOTIFY = PROJECT_KINDS["notify"]
EMAIL = {"channel": "email", "to": "a@example.org", "subject": "Hi", "body": "Hello"}
SMS = {"channel": "sms", "to": "+15145550134", "body": "Hello"}


def test_an_email_goes_through_the_sites_queue_with_its_reference_and_key(world):
	outcome = world.do("notify", EMAIL)
	assert outcome.result == {
		"channel": "email",
		"to": ["a@example.org"],
		"doctype": "Email Queue",
		"name": "EQ-1",
	}
	assert world.messages.emails == [
		{
			"to": ["a@example.org"],
			"subject": "Hi",
			"html": "Hello",
			"template": None,
			"values": None,
			"reference": ("Issue", "ISS-1"),
			"key": "site:FR-00001:s1",
		}
	]


RECIPIENTS = [
	("a@example.org; b@example.org,\nc@example.org", ["a@example.org", "b@example.org", "c@example.org"]),
	("Ada <a@example.org>, a@example.org", ["a@example.org"]),
	("{{customer.email_id}}", ["zoe@example.org"]),
	("", ["ada@example.org"]),
	("zoé@example.org", ["zoé@example.org"]),
]


@pytest.mark.parametrize(("to", "expected"), RECIPIENTS)
def test_emails_go_to_everyone_named_once(world, to, expected):
	world.do("notify", {**EMAIL, "to": to})
	assert world.messages.emails[0]["to"] == expected


DEFAULTS = [
	({"contact_email": "c@example.org", "raised_by": "r@example.org"}, "c@example.org"),
	({"raised_by": "r@example.org"}, "r@example.org"),
	({}, "zoe@example.org"),
]


@pytest.mark.parametrize(("doc", "expected"), DEFAULTS)
def test_without_a_recipient_the_documents_contact_is_told_else_the_customer(world, doc, expected):
	world.values["doc"] = doc
	world.do("notify", {**EMAIL, "to": ""})
	assert world.messages.emails[0]["to"] == [expected]


BAD_EMAILS = [
	"nobody",
	"a@b",
	"a b@example.org",
	"a@example.org\rBcc: x@example.org",
	"a@exa<mple.org",
	"@example.org",
]


@pytest.mark.parametrize("to", BAD_EMAILS)
def test_a_bad_address_refuses_the_whole_email(world, to):
	with pytest.raises(MessageRefused):
		world.do("notify", {**EMAIL, "to": f"ok@example.org, {to}"})
	assert world.messages.emails == []


@pytest.mark.parametrize("channel", ["email", "sms"])
def test_a_message_to_nobody_is_refused(world, channel):
	world.values.update(doc={}, customer=None)
	with pytest.raises(MessageRefused):
		world.do("notify", {**EMAIL, "channel": channel, "to": "{{doc.nothing}}"})


def test_values_in_an_email_are_escaped_and_its_subject_is_one_line(world):
	world.values["doc"]["subject"] = "a\r\nBcc: x@example.org"
	world.do("notify", {**EMAIL, "subject": "{{doc.subject}}", "body": "<p>{{customer.customer_name}}</p>"})
	(mail,) = world.messages.emails
	assert mail["html"] == "<p>Zoé &lt;b&gt;Roy&lt;/b&gt; &amp; fils</p>"
	assert mail["subject"] == "a Bcc: x@example.org"


def test_plain_text_keeps_its_lines_in_an_email(world):
	world.do("notify", {**EMAIL, "body": "Dear {{customer.name}},\nbye"})
	assert world.messages.emails[0]["html"] == "Dear CUST-1,<br>\nbye"


def test_an_email_template_gets_the_document_and_the_customer(world):
	world.do("notify", {"template_id": "Welcome", "to": "a@example.org"})
	(mail,) = world.messages.emails
	assert mail["template"] == "Welcome"
	assert mail["values"]["doc"]["name"] == "ISS-1"
	assert mail["values"]["customer"]["name"] == "CUST-1"
	assert mail["values"]["run"]["name"] == "FR-00001"


@pytest.mark.parametrize(
	"payload", [{"subject": "x"}, {"body": "x"}, {"subject": "x", "body": "{{doc.none}}"}]
)
def test_an_email_without_text_is_refused(world, payload):
	with pytest.raises(MessageRefused):
		world.do("notify", {"to": "a@example.org", **payload})


def test_an_sms_is_sent_as_typed_with_values_as_they_are(world):
	body = "{{customer.customer_name}}: https://x.example/?a=1&region=2 <now>"
	outcome = world.do("notify", {**SMS, "to": "{{customer.mobile_no}}", "body": body})
	assert world.messages.texts == [
		{
			"to": "+15145550134",
			"body": "Zoé <b>Roy</b> & fils: https://x.example/?a=1&region=2 <now>",
			"key": "site:FR-00001:s1",
			"timeout_seconds": 30,
		}
	]
	assert outcome.result == {"channel": "sms", "to": ["+15145550134"], "gateway": "accepted"}


def test_a_value_that_spells_an_escape_arrives_in_an_sms_unchanged(world):
	world.values["doc"]["subject"] = "&amp;lt; &lt; \"'"
	world.do("notify", {**SMS, "body": "{{doc.subject}}"})
	assert world.messages.texts[0]["body"] == "&amp;lt; &lt; \"'"


def test_several_numbers_share_the_time_and_have_their_own_keys(world):
	world.do("notify", {**SMS, "to": "(514) 555-0001; 514.555.0002"})
	assert [(t["to"], t["key"], t["timeout_seconds"]) for t in world.messages.texts] == [
		("5145550001", "site:FR-00001:s1:0", 15),
		("5145550002", "site:FR-00001:s1:1", 15),
	]


@pytest.mark.parametrize(
	"to", ["12", "call me", "+1+2345678", "1" * 16, ", ".join(f"51455500{n}" for n in range(10, 21))]
)
def test_bad_or_too_many_numbers_are_refused_before_anything_is_sent(world, to):
	with pytest.raises(MessageRefused):
		world.do("notify", {**SMS, "to": to})
	assert world.messages.texts == []


def test_an_sms_without_text_is_refused(world):
	with pytest.raises(MessageRefused):
		world.do("notify", {**SMS, "body": " {{doc.none}} "})


def test_an_sms_without_an_answer_has_an_unknown_outcome(world):
	world.messages.failures[0] = HttpNoAnswer("No answer.")
	assert isinstance(world.do("notify", SMS), Unknown)


def test_an_sms_that_never_left_may_be_tried_again(world):
	world.messages.failures[0] = HttpNotSent("Connection refused.")
	with pytest.raises(HttpNotSent):
		world.do("notify", SMS)


@pytest.mark.parametrize("error", [HttpNotSent("Refused."), MessageRefused("Blocked.")])
def test_once_one_of_several_was_sent_the_step_is_not_tried_again(world, error):
	world.messages.failures[1] = error
	outcome = world.do("notify", {**SMS, "to": "5145550001, 5145550002, 5145550003"})
	assert isinstance(outcome, Fail) and outcome.code == "partly_sent"
	assert outcome.result["to"] == ["5145550001"]
	assert outcome.result["not_sent"] == ["5145550002", "5145550003"]


@pytest.mark.parametrize(
	("payload", "effect"),
	[({}, Effect.DATABASE), ({"channel": "email"}, Effect.DATABASE), ({"channel": "sms"}, Effect.EXTERNAL)],
)
def test_only_an_sms_is_an_external_effect(payload, effect):
	assert NOTIFY.effect_for(payload) is effect


def test_an_sms_is_never_safe_to_repeat():
	assert NOTIFY.repeat_safe({"channel": "sms", "repeat_safe": True}) is False
