"""What an attempt to deliver came to, and how it is signed."""

import hashlib
import hmac
from datetime import datetime, timedelta, timezone

import pytest

from flow_engine.engine.deliveries import Delivery, DeliveryStatus, delivery_key
from flow_engine.engine.delivery_rules import POLICY, headers_of, judge, judge_lost, sign
from flow_engine.engine.errors import BadTemplate, HttpNoAnswer, HttpNotSent, HttpRefused
from flow_engine.engine.ports import HttpReply

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
IN_AN_HOUR = (NOW + timedelta(hours=1)).strftime("%a, %d %b %Y %H:%M:%S GMT")


def delivery(attempts=1, body="{}"):
	return Delivery(
		"FD-1", "dispatch_job.opened", "sending", "https://a.example/", body, "k", attempts, *[None] * 3
	)


@pytest.mark.parametrize(
	("outcome", "status"),
	[
		(HttpReply(200), DeliveryStatus.DELIVERED),
		(HttpReply(299), DeliveryStatus.DELIVERED),
		(HttpReply(304), DeliveryStatus.FAILED),
		(HttpReply(302), DeliveryStatus.FAILED),
		(HttpReply(400), DeliveryStatus.FAILED),
		(HttpReply(410), DeliveryStatus.FAILED),
		(HttpReply(408), DeliveryStatus.PENDING),
		(HttpReply(429), DeliveryStatus.PENDING),
		(HttpReply(500), DeliveryStatus.PENDING),
		(HttpReply(599), DeliveryStatus.PENDING),
		(HttpNotSent("no such name"), DeliveryStatus.PENDING),
		(HttpNoAnswer("dropped"), DeliveryStatus.PENDING),
		(HttpRefused("private"), DeliveryStatus.FAILED),
		(BadTemplate("line break"), DeliveryStatus.FAILED),
	],
)
def test_every_outcome_has_one_meaning(outcome, status):
	verdict = judge(outcome, 1, NOW, 0.5)
	assert verdict.status is status
	assert (verdict.after_seconds is not None) == (status is DeliveryStatus.PENDING)
	assert bool(verdict.error) == (status is not DeliveryStatus.DELIVERED)


@pytest.mark.parametrize(
	("attempt", "least", "most"),
	[
		(1, 30, 60),
		(2, 60, 120),
		(5, 480, 960),
		(9, 7_680, 15_360),
		(10, 10_800, 21_600),
		(11, 10_800, 21_600),
	],
)
def test_the_pauses_double_up_to_six_hours(attempt, least, most):
	assert judge(HttpReply(500), attempt, NOW, 0.0).after_seconds == least
	assert judge(HttpReply(500), attempt, NOW, 1.0).after_seconds == most


def test_all_attempts_together_take_hours_not_days():
	pauses = [judge(HttpReply(500), n, NOW, 1.0).after_seconds for n in range(1, POLICY.max_attempts)]
	assert 12 * 3600 < sum(pauses) < 48 * 3600


@pytest.mark.parametrize(
	("header", "seconds"),
	[("7200", 7200), (IN_AN_HOUR, 3600), ("5", 60), ("99999999", 86_400), ("soon", 60), ("-1", 60)],
)
def test_a_receiver_may_ask_for_more_time_up_to_a_day(header, seconds):
	for status in (429, 503):
		assert judge(HttpReply(status, {"retry-after": header}), 1, NOW, 1.0).after_seconds == seconds


@pytest.mark.parametrize("outcome", [HttpReply(500), HttpReply(429), HttpNoAnswer("dropped")])
def test_after_the_last_attempt_it_has_failed(outcome):
	assert judge(outcome, POLICY.max_attempts - 1, NOW, 0.5).status is DeliveryStatus.PENDING
	assert judge(outcome, POLICY.max_attempts, NOW, 0.5).status is DeliveryStatus.FAILED


def test_attempts_that_only_took_workers_down_are_counted():
	assert judge_lost(delivery(POLICY.max_attempts)) is None
	assert judge_lost(delivery(POLICY.max_attempts + 1)).status is DeliveryStatus.FAILED


def test_what_is_kept_of_an_answer_is_bounded():
	verdict = judge(HttpReply(400, {}, "x" * 100_000), 1, NOW, 0.5)
	assert len(verdict.answer) == 2_000
	assert len(judge(HttpRefused("y" * 9_999), 1, NOW, 0.5).error) == 500


def test_the_signature_is_a_plain_hmac_of_time_and_body():
	expected = hmac.new(b"secret", b'1772366400.{"a": 1}', hashlib.sha256).hexdigest()
	assert sign("secret", "1772366400", '{"a": 1}') == f"sha256={expected}"
	headers = headers_of(delivery(body='{"a": 1}'), ["secret"], NOW)
	assert headers["X-Flow-Timestamp"] == "1772366400"
	assert headers["X-Flow-Signature"] == f"sha256={expected}"
	assert headers["Idempotency-Key"] == "k"


@pytest.mark.parametrize("change", [("other", "1", "{}"), ("secret", "2", "{}"), ("secret", "1", "{ }")])
def test_secret_time_and_body_all_count(change):
	assert sign(*change) != sign("secret", "1", "{}")


def test_a_key_names_site_and_delivery():
	assert delivery_key("erp.example.com", "FD-00001") == "erp.example.com:delivery:FD-00001"
