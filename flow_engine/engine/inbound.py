"""Calls from outside that start flows: what proves a call, how old it may be, and what is wrong with one.

Decides from the bytes that came and from the hook's own settings; where calls arrive, are counted and kept is
the hosts'. A caller that proves nothing hears the same whatever is the matter, so that nobody learns which
hooks there are.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flow_engine.engine.errors import FlowError
from flow_engine.engine.plain import parse_json

HMAC, TOKEN = "hmac", "token"
AUTHENTICATIONS = (HMAC, TOKEN)
TIMESTAMP, SIGNATURE, SECRET_TOKEN = "x-flow-timestamp", "x-flow-signature", "x-flow-token"
# The second is what our own deliveries carry, so that one Flow Engine can call another.
CALL_IDS = ("x-flow-id", "idempotency-key")
# No call may be larger, whatever its hook says: it is read whole before its signature can be checked.
MAX_BODY_BYTES = 1_048_576
# As much as a payload may have.
DEFAULT_BODY_BYTES = 65_536
DEFAULT_WINDOW_SECONDS, MAX_WINDOW_SECONDS = 300, 86_400
DEFAULT_PER_MINUTE, MAX_PER_MINUTE = 120, 6_000
_ID = re.compile(r"[\x21-\x7e]{1,100}")
_SECONDS = re.compile(r"\d{1,12}", re.ASCII)
_MOST_SIGNATURES = 5
# What a hook that does not exist is compared with, so that it takes as long to refuse as one that does.
_NOBODYS = ("nobody knows this secret, and nothing is signed with it",)


class HookNotFound(FlowError):
	"""There is no such inbound hook."""

	code = "hook_not_found"
	http_status = 404


class InvalidHook(FlowError):
	"""The inbound hook has problems."""

	code = "invalid_hook"
	http_status = 422


class CallRefused(FlowError):
	"""There is no such hook, or the call does not prove that it may use it."""

	code = "call_refused"
	http_status = 401


class StaleTimestamp(FlowError):
	"""The call is older or newer than the hook allows."""

	code = "stale_timestamp"
	http_status = 401


class HookDisabled(FlowError):
	"""The hook is switched off."""

	code = "hook_disabled"
	http_status = 409


class TooManyCalls(FlowError):
	"""The hook takes no more calls this minute."""

	code = "too_many_calls"
	http_status = 429


class CallTooLarge(FlowError):
	"""The body of the call is too large."""

	code = "body_too_large"
	http_status = 413


class WrongContentType(FlowError):
	"""The body of a call is JSON: send it with the content type application/json."""

	code = "unsupported_content_type"
	http_status = 415


class BadBody(FlowError):
	"""The body of the call is not JSON."""

	code = "bad_json"


class BadCallId(FlowError):
	"""The id of a call has 1 to 100 letters, digits and signs, without blanks."""

	code = "bad_call_id"


class DuplicateCall(FlowError):
	"""This call has been received before; `run` is what it started."""

	code = "duplicate_call"
	http_status = 409

	def as_dict(self) -> dict[str, Any]:
		return {**super().as_dict(), "run": self.facts.get("run")}


@dataclass(frozen=True, slots=True)
class Call:
	"""A call as it came. `headers`: lower-case names. `dry`: it is tried, and starts nothing."""

	body: bytes
	headers: Mapping[str, str] = field(default_factory=dict)
	address: str = ""
	dry: bool = False

	@property
	def content_type(self) -> str:
		return self.headers.get("content-type", "").partition(";")[0].strip().lower()

	@property
	def call_id(self) -> str:
		"""What its sender calls it; empty when nothing is said."""
		return next((self.headers[name].strip() for name in CALL_IDS if self.headers.get(name)), "")


@dataclass(frozen=True, slots=True)
class Rules:
	"""What a hook asks of its calls. Seconds and bytes."""

	authentication: str = HMAC
	window_seconds: int = DEFAULT_WINDOW_SECONDS
	max_body_bytes: int = DEFAULT_BODY_BYTES
	enabled: bool = True


def sign(secret: str, timestamp: str, body: bytes) -> str:
	"""`sha256=<hex>`: HMAC-SHA256 with the secret over `<timestamp>.<body>`."""
	return "sha256=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def proves_itself(call: Call, authentication: str, secrets: Sequence[str]) -> bool:
	"""Does the call carry what only somebody with one of the secrets can know? Compared in constant time,
	and with as much work when there is nothing to compare with."""
	known = [secret for secret in secrets if secret]
	compared = known or _NOBODYS
	if authentication == TOKEN:
		given = call.headers.get(SECRET_TOKEN, "").encode("utf-8", "replace")
		matched = [hmac.compare_digest(given, secret.encode()) for secret in compared]
	else:
		timestamp = call.headers.get(TIMESTAMP, "")
		signatures = call.headers.get(SIGNATURE, "").split(",")[:_MOST_SIGNATURES]
		wanted = [sign(secret, timestamp, call.body).encode() for secret in compared]
		matched = [
			hmac.compare_digest(given.strip().encode("utf-8", "replace"), each)
			for given in signatures
			for each in wanted
		]
	return any(matched) and bool(known)


def check_call(call: Call, rules: Rules, now: datetime) -> Any:
	"""The payload of a call that has proved itself: JSON data. Raises HookDisabled, StaleTimestamp,
	BadCallId, CallTooLarge, WrongContentType, BadBody."""
	if not rules.enabled:
		raise HookDisabled()
	_check_time(call, rules, now)
	if call.call_id and not _ID.fullmatch(call.call_id):
		raise BadCallId()
	if len(call.body) > rules.max_body_bytes:
		raise CallTooLarge(f"The body of a call to this hook has {rules.max_body_bytes:,} bytes at most.")
	if call.content_type != "application/json" and not call.content_type.endswith("+json"):
		raise WrongContentType()
	try:
		return parse_json(call.body.decode("utf-8-sig"))
	except (UnicodeDecodeError, ValueError) as error:
		raise BadBody(f"The body of the call is not JSON: {error}.") from None


def _check_time(call: Call, rules: Rules, now: datetime) -> None:
	text = call.headers.get(TIMESTAMP, "").strip()
	if not text and rules.authentication == TOKEN:
		# A token says nothing about when: there is no time to hold against it.
		return
	if not _SECONDS.fullmatch(text):
		raise StaleTimestamp("X-Flow-Timestamp is the time in seconds since 1970, in digits.")
	away = int(text) - int(now.timestamp())
	if abs(away) > rules.window_seconds:
		raise StaleTimestamp(
			f"X-Flow-Timestamp is {abs(away):,} seconds {'ahead of' if away > 0 else 'behind'} this server, "
			f"which allows {rules.window_seconds:,}. The time here is {int(now.timestamp())}."
		)


def replay_key(hook: str, call: Call, authentication: str) -> str:
	"""What the same call again would have too: its signature, which holds its time and its body, whatever
	else is said about it. Empty when nothing is signed."""
	if authentication != HMAC:
		return ""
	signed = f"{hook}\n{call.headers.get(TIMESTAMP, '')}\n".encode() + call.body
	return hashlib.sha256(signed).hexdigest()


def trigger_key(hook: str, call: Call, key: str) -> str | None:
	"""The key under which a run is started once."""
	if call.call_id:
		return f"hook:{hook}:{call.call_id}"
	return f"hook:{hook}:signature:{key[:40]}" if key else None
