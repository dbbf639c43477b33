"""Is it tried again, and when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flow_engine.engine.attempts import outcome_of
from flow_engine.engine.definition import RetryPolicy, Step
from flow_engine.engine.errors import (
	Conflict,
	GuardRefused,
	HttpNoAnswer,
	HttpNotSent,
	HttpRefused,
	PermissionDenied,
	ValidationFailed,
)
from flow_engine.engine.kinds.base import Effect
from flow_engine.engine.outcomes import Fail, Retry, Unknown
from flow_engine.engine.retry import Again, GiveUp, decide_retry, delay_before, policy_of, timeout_of
from flow_engine.testing.builders import make_kind

DATABASE = make_kind("db", effect=Effect.DATABASE)
EXTERNAL = make_kind("call", effect=Effect.EXTERNAL)
REPEATABLE = make_kind("get", effect=Effect.EXTERNAL, repeat_safe=True)
PLAIN = Step("s", "db")


def tried(outcome, kind, attempt, step=PLAIN):
	return isinstance(decide_retry(outcome, step, kind, attempt, 0.5), Again)


BUSY, CONFLICT = Retry("http_status", "503"), Retry("conflict", "changed meanwhile")
DEADLOCK, LOST = Retry("transient_database_error", "deadlock"), Unknown("no answer")
INVALID = Fail("validation_failed", "no")


@pytest.mark.parametrize(
	("outcome", "kind", "last"),
	[
		# the attempt after which it is given up
		(BUSY, DATABASE, 1),
		(BUSY, EXTERNAL, 5),
		(BUSY, REPEATABLE, 5),
		(LOST, EXTERNAL, 1),
		(LOST, REPEATABLE, 5),
		(CONFLICT, DATABASE, 5),
		(DEADLOCK, DATABASE, 5),
		(DEADLOCK, EXTERNAL, 5),
		(INVALID, DATABASE, 1),
		(INVALID, REPEATABLE, 1),
	],
)
def test_without_a_policy_of_its_own_a_step_is_tried_this_often(outcome, kind, last):
	assert [tried(outcome, kind, n) for n in range(1, last + 1)] == [True] * (last - 1) + [False]


@pytest.mark.parametrize(
	("retry", "outcome", "kind", "last"),
	[
		({"max_attempts": 3}, BUSY, DATABASE, 3),
		({"max_attempts": 1}, BUSY, EXTERNAL, 1),
		({"max_attempts": 20}, LOST, EXTERNAL, 1),
		({"max_attempts": 2}, LOST, REPEATABLE, 2),
		({"max_attempts": 2}, CONFLICT, DATABASE, 5),
		({"max_attempts": 9}, CONFLICT, DATABASE, 9),
		({"max_attempts": 20}, INVALID, EXTERNAL, 1),
	],
)
def test_a_steps_own_policy_counts_but_never_repeats_what_must_not_be(retry, outcome, kind, last):
	step = Step("s", "db", retry=retry)
	assert [tried(outcome, kind, n, step) for n in range(1, last + 1)] == [True] * (last - 1) + [False]


def test_giving_up_says_what_the_last_attempt_said():
	assert decide_retry(LOST, PLAIN, EXTERNAL, 1, 0) == GiveUp("outcome_unknown", "no answer")
	assert decide_retry(BUSY, PLAIN, EXTERNAL, 5, 0) == GiveUp("http_status", "503")


@pytest.mark.parametrize(
	("policy", "attempt", "seconds"),
	[
		(RetryPolicy(jitter=False), 1, 30),
		(RetryPolicy(jitter=False), 2, 60),
		(RetryPolicy(jitter=False), 4, 240),
		(RetryPolicy(jitter=False), 9, 3600),
		(RetryPolicy(jitter=False, backoff_rate=1), 9, 30),
		(RetryPolicy(jitter=False, backoff_seconds=0), 3, 0),
		(RetryPolicy(jitter=False, backoff_rate=1e300), 20, 3600),
	],
)
def test_the_backoff_grows_to_its_limit(policy, attempt, seconds):
	assert delay_before(policy, attempt, 0.3) == seconds


@given(st.integers(1, 40), st.floats(0, 1, exclude_max=True))
def test_jitter_takes_between_half_and_all_of_the_delay(attempt, chance):
	whole = delay_before(RetryPolicy(jitter=False), attempt, chance)
	assert whole / 2 <= delay_before(RetryPolicy(), attempt, chance) <= whole


@pytest.mark.parametrize(
	("asked", "seconds"), [(None, 30), (0, 30), (10, 30), (31, 31), (7_200, 7_200), (1e12, 86_400)]
)
def test_retry_after_is_a_floor_of_at_most_a_day(asked, seconds):
	assert delay_before(RetryPolicy(jitter=False), 1, 0, asked) == seconds


def test_a_steps_policy_is_laid_over_the_default_of_its_effect():
	step = Step("s", "call", retry={"backoff_seconds": 5, "jitter": False})
	assert policy_of(step, Effect.EXTERNAL) == RetryPolicy(5, 5, 2, 3600, False)
	assert policy_of(step, Effect.DATABASE).max_attempts == 1


@pytest.mark.parametrize(("given_seconds", "expected"), [(None, 30), (5, 5), (300, 300), (9_000, 300)])
def test_a_call_takes_at_most_its_timeout(given_seconds, expected):
	assert timeout_of(Step("s", "call", timeout_seconds=given_seconds)) == expected


@pytest.mark.parametrize(
	("error", "expected"),
	[
		(HttpNoAnswer(), Unknown),
		(HttpNotSent(), Retry),
		(Conflict(), Retry),
		(HttpRefused(), Fail),
		(ValidationFailed(), Fail),
		(PermissionDenied(), Fail),
		(GuardRefused(), Fail),
	],
)
def test_what_a_raised_error_means_for_the_attempt(error, expected):
	assert isinstance(outcome_of(error), expected)
