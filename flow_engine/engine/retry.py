"""Is a failed attempt tried again, and when: one decision, as data.

Decides from the outcome, the step's policy and how often it was tried. Leaves to others what happens to the
step when there is no next attempt (state.handling).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flow_engine.engine.definition import RetryPolicy, Step
from flow_engine.engine.kinds.base import Effect, Kind
from flow_engine.engine.outcomes import Fail, Outcome, Retry, Unknown

DEFAULT_TIMEOUT_SECONDS = 30.0
MAX_TIMEOUT_SECONDS = 300.0
# Deadlocks that outlast the store's own repetition and documents changed at the same moment: nobody's fault,
# so they are tried again whatever the step's policy says.
TRANSIENT_CODES = ("conflict", "transient_database_error")
TRANSIENT_POLICY = RetryPolicy(max_attempts=5, backoff_seconds=1, backoff_rate=2, max_delay_seconds=60)
EXTERNAL_POLICY = RetryPolicy(max_attempts=5, backoff_seconds=30, backoff_rate=2, max_delay_seconds=3600)
DATABASE_POLICY = RetryPolicy(max_attempts=1)


@dataclass(frozen=True, slots=True)
class Again:
	"""Try once more after this many seconds."""

	seconds: float


@dataclass(frozen=True, slots=True)
class GiveUp:
	"""The step has failed with this code and message."""

	code: str
	message: str


def policy_of(step: Step, effect: Effect) -> RetryPolicy:
	"""The step's own policy over the default of its effect."""
	default = EXTERNAL_POLICY if effect is Effect.EXTERNAL else DATABASE_POLICY
	if not step.retry:
		return default
	own: Mapping[str, Any] = step.retry
	return RetryPolicy(
		max_attempts=int(own.get("max_attempts", default.max_attempts)),
		backoff_seconds=float(own.get("backoff_seconds", default.backoff_seconds)),
		backoff_rate=float(own.get("backoff_rate", default.backoff_rate)),
		max_delay_seconds=float(own.get("max_delay_seconds", default.max_delay_seconds)),
		jitter=bool(own.get("jitter", default.jitter)),
	)


def timeout_of(step: Step) -> float:
	"""Seconds an external call of this step may take."""
	return min(float(step.timeout_seconds or DEFAULT_TIMEOUT_SECONDS), MAX_TIMEOUT_SECONDS)


def delay_before(policy: RetryPolicy, attempt: int, chance: float, at_least: float | None = None) -> float:
	"""Seconds between attempt `attempt` (1 is the first) and the next.

	Jitter takes between half and all of the computed delay; what the other side asked for is a floor, capped
	at a day so that a hostile `Retry-After` cannot park a run for ever.
	"""
	try:
		delay = policy.backoff_seconds * policy.backoff_rate ** (attempt - 1)
	except OverflowError:
		delay = policy.max_delay_seconds
	delay = min(delay, policy.max_delay_seconds)
	if policy.jitter:
		delay *= 0.5 + 0.5 * chance
	return max(delay, min(at_least or 0.0, 86_400.0))


def decide_retry(outcome: Outcome, step: Step, kind: Kind, attempt: int, chance: float) -> Again | GiveUp:
	"""What follows an attempt that was not Done. `attempt` counts from the first one, or from the first after
	an operator's retry."""
	effect = kind.effect_for(step.payload)
	policy = policy_of(step, effect)
	if isinstance(outcome, Fail):
		return GiveUp(outcome.code, outcome.message)
	if isinstance(outcome, Unknown):
		if not kind.repeat_safe(step.payload):
			return GiveUp(outcome.code, outcome.message)
		outcome = Retry(outcome.code, outcome.message)
	assert isinstance(outcome, Retry)
	if outcome.code in TRANSIENT_CODES and policy.max_attempts < TRANSIENT_POLICY.max_attempts:
		policy = TRANSIENT_POLICY
	if attempt >= policy.max_attempts:
		return GiveUp(outcome.code, outcome.message)
	return Again(delay_before(policy, attempt, chance, outcome.after_seconds))
