"""Webhook endpoints: who is told of which audit events, in which words, and when an endpoint is given up.

Pure decisions. An event is matched when it is written, and delivered like every delivery, at least once
(`delivery_rules.py`). What is told is the event as the audit trail has it: no values of documents, no
secrets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from flow_engine.engine.deliveries import Delivery, NewDelivery
from flow_engine.engine.problems import Problem, quoted

DOCTYPE = "Flow Webhook Endpoint"
TEST_EVENT = "test.ping"
# An endpoint that has taken nothing in between is left alone after so many deliveries given up, or so long.
GIVEN_UP_LIMIT = 5
FAILING_LIMIT = timedelta(hours=24)
# Attempts in that time, at least: a quiet endpoint that failed twice, a day apart, is not dead.
FAILING_ATTEMPTS = 6
MAX_PATTERNS = 50
MAX_URL = 1_000
LEAST_SECRET = 16
_PATTERN = re.compile(r"\*|[a-z][a-z_]*\.(?:\*|[a-z][a-z_]*)")
_SEPARATORS = re.compile(r"[\s,]+")


@dataclass(frozen=True, slots=True)
class Endpoint:
	"""A webhook endpoint that is on. `patterns`: `*`, `run.*`, `run.failed`. `flow_template`: only what
	concerns this flow. `paused`: what it would be told is held."""

	name: str
	url: str = field(repr=False)
	patterns: tuple[str, ...]
	flow_template: str | None = None
	paused: bool = False

	def wants(self, event: Mapping[str, Any]) -> bool:
		"""Is it told of this event? Never of what concerns itself: telling would make the next event."""
		if self.flow_template and event.get("flow_template") != self.flow_template:
			return False
		if (event.get("details") or {}).get("endpoint") == self.name:
			return False
		return any(matches(pattern, str(event["event_type"])) for pattern in self.patterns)


def matches(pattern: str, event_type: str) -> bool:
	if pattern.endswith("*"):
		return event_type.startswith(pattern[:-1])
	return pattern == event_type


def read_patterns(text: Any) -> tuple[str, ...]:
	"""Patterns as people write them: one a line, or with commas between."""
	if isinstance(text, list | tuple):
		text = "\n".join(str(one) for one in text)
	return tuple(dict.fromkeys(one for one in _SEPARATORS.split(str(text or "").strip()) if one))


def endpoint_problems(values: Mapping[str, Any]) -> Iterator[Problem]:
	"""What is wrong with an endpoint as people fill it in; its address is for whoever can parse one."""
	if not str(values.get("endpoint_name") or "").strip():
		yield Problem("endpoint_name", None, "missing_field", "The endpoint needs a name.")
	patterns = read_patterns(values.get("events"))
	if not patterns:
		message = "Say which events it is told of, for example run.failed or *."
		yield Problem("events", None, "missing_field", message)
	if len(patterns) > MAX_PATTERNS:
		yield Problem("events", None, "too_many", f"There are more than {MAX_PATTERNS} patterns.")
	for pattern in patterns[:MAX_PATTERNS]:
		if not _PATTERN.fullmatch(pattern):
			message = f"{quoted(pattern)} is no pattern: write run.failed, run.* or * for everything."
			yield Problem("events", None, "bad_value", message)
	secret = values.get("secret")
	if secret and len(str(secret)) < LEAST_SECRET:
		yield Problem("secret", None, "too_short", f"The secret needs {LEAST_SECRET} characters at least.")


def deliveries_of(
	events: Iterable[Mapping[str, Any]], endpoints: Sequence[Endpoint]
) -> Iterator[NewDelivery]:
	"""What these endpoints are told of these events. An event: `{id, event_type, happened_at (aware), user,
	flow_template, flow_run, step_id, reason, from_status, to_status, details}`."""
	for event in events:
		for endpoint in endpoints:
			if endpoint.wants(event):
				yield NewDelivery(
					str(event["event_type"]),
					endpoint.url,
					body_of(event),
					reference_doctype=DOCTYPE,
					reference_name=endpoint.name,
					flow_run=event.get("flow_run"),
					flow_step=event.get("step_id"),
					held=endpoint.paused,
				)


def body_of(event: Mapping[str, Any]) -> dict[str, Any]:
	"""The event as a receiver reads it."""
	happened_at: datetime = event["happened_at"]
	return {
		"id": event["id"],
		"event_type": event["event_type"],
		"created_at": happened_at.isoformat(timespec="microseconds"),
		"actor": event.get("user"),
		"template": event.get("flow_template"),
		"run": event.get("flow_run"),
		"step": event.get("step_id"),
		"status_from": event.get("from_status"),
		"status_to": event.get("to_status"),
		"reason": event.get("reason") or None,
		"metadata": event.get("details") or {},
	}


@dataclass(frozen=True, slots=True)
class Health:
	"""What has become of an endpoint's deliveries since it last took one."""

	given_up: int = 0
	attempts: int = 0
	failing_since: datetime | None = None

	def failed(self, given_up: bool, now: datetime) -> Health:
		"""After another attempt that was not taken."""
		return Health(self.given_up + int(given_up), self.attempts + 1, self.failing_since or now)

	def is_dead(self, now: datetime) -> bool:
		if self.given_up >= GIVEN_UP_LIMIT:
			return True
		if self.failing_since is None or self.attempts < FAILING_ATTEMPTS:
			return False
		return now - self.failing_since >= FAILING_LIMIT

	def why(self, now: datetime) -> str:
		if self.given_up >= GIVEN_UP_LIMIT:
			return f"Paused by itself: {self.given_up} deliveries in a row were given up."
		return "Paused by itself: it has taken nothing for a day."


def endpoint_of(delivery: Delivery) -> str | None:
	"""The endpoint that a delivery goes to; None for other deliveries."""
	return delivery.reference_name if delivery.reference_doctype == DOCTYPE else None
