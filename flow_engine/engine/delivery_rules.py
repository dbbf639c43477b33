"""What an attempt to deliver came to, when there is a next one, and how a delivery is signed: pure decisions.

Deliveries are sent *at least* once: an attempt without an answer is repeated with the same key, and the
receiver tells repetitions by it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from flow_engine.engine.definition import RetryPolicy
from flow_engine.engine.deliveries import Delivery, DeliveryStatus
from flow_engine.engine.errors import FlowError, HttpNoAnswer, HttpNotSent
from flow_engine.engine.kinds.retry_after import retry_after_seconds
from flow_engine.engine.ports import HttpReply
from flow_engine.engine.retry import delay_before

# A minute, doubled up to six hours: the last of twelve attempts comes some twenty hours after the first.
POLICY = RetryPolicy(
	max_attempts=12, backoff_seconds=60, backoff_rate=2, max_delay_seconds=6 * 3600, jitter=True
)
TIMEOUT_SECONDS = 15.0
TRY_AGAIN = (408, 429)
MAX_KEPT_ANSWER = 2_000
MAX_KEPT_ERROR = 500


@dataclass(frozen=True, slots=True)
class Verdict:
	"""What becomes of a delivery after an attempt. `after_seconds`: when it is tried again, while pending.
	`http_status` and `answer`: what the receiver said, if anything."""

	status: DeliveryStatus
	after_seconds: float | None = None
	http_status: int | None = None
	answer: str = ""
	error: str = ""


def judge(outcome: HttpReply | FlowError, attempts: int, now: datetime, chance: float) -> Verdict:
	"""Decide from what came of attempt number `attempts` (1 is the first).

	2xx is delivered. No answer, never sent, 408, 429 and 5xx are tried again, as long as there are attempts
	left. Everything else would fail again: other answers, redirects among them, and refused addresses.
	"""
	if isinstance(outcome, FlowError):
		error = outcome.message[:MAX_KEPT_ERROR]
		if isinstance(outcome, HttpNotSent | HttpNoAnswer):
			return _again(attempts, chance, None, None, "", error)
		return Verdict(DeliveryStatus.FAILED, error=error)
	status, answer = outcome.status, outcome.body[:MAX_KEPT_ANSWER]
	if 200 <= status < 300:
		return Verdict(DeliveryStatus.DELIVERED, http_status=status, answer=answer)
	if status in TRY_AGAIN or status >= 500:
		after = retry_after_seconds(outcome.headers.get("retry-after"), now)
		return _again(attempts, chance, after, status, answer, f"The receiver answered {status}.")
	if 300 <= status < 400:
		error = f"The receiver answered {status}: a delivery follows no redirect, give the final address."
	else:
		error = f"The receiver answered {status}."
	return Verdict(DeliveryStatus.FAILED, http_status=status, answer=answer, error=error)


def judge_lost(delivery: Delivery) -> Verdict | None:
	"""The verdict on a delivery whose last attempt took its worker down; None while there are attempts
	left."""
	if delivery.attempts <= POLICY.max_attempts:
		return None
	return Verdict(DeliveryStatus.FAILED, error="Its last attempt never ended: the worker was lost.")


def _again(
	attempts: int, chance: float, at_least: float | None, status: int | None, answer: str, error: str
) -> Verdict:
	if attempts >= POLICY.max_attempts:
		error = f"{error} Given up after {attempts} attempts."
		return Verdict(DeliveryStatus.FAILED, http_status=status, answer=answer, error=error)
	seconds = delay_before(POLICY, attempts, chance, at_least)
	return Verdict(DeliveryStatus.PENDING, seconds, status, answer, error)


def headers_of(delivery: Delivery, secrets: Sequence[str], now: datetime) -> Mapping[str, str]:
	"""The headers of one attempt. Key and body stay the same on every attempt; the time and with it the
	signature are the attempt's own. With several secrets, while one takes the other's place, there is a
	signature of each, with commas between; a receiver accepts any of them."""
	timestamp = str(int(now.timestamp()))
	return {
		"Content-Type": "application/json",
		"Idempotency-Key": delivery.key,
		"X-Flow-Event": delivery.event,
		"X-Flow-Timestamp": timestamp,
		"X-Flow-Signature": ",".join(sign(secret, timestamp, delivery.body) for secret in secrets),
	}


def sign(secret: str, timestamp: str, body: str) -> str:
	"""`sha256=<hex>`: HMAC-SHA256 with the secret over `<timestamp>.<body>`, in UTF-8."""
	signed = f"{timestamp}.{body}".encode()
	return "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
