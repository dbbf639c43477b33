"""States of steps, one of each sort, for tests of planning."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

from flow_engine.engine.state import Handled, SkipReason, StepState, StepStatus

START = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
DONE = StepState(StepStatus.DONE, completed_at=START)
DISABLED = StepState(StepStatus.SKIPPED, reason=SkipReason.DISABLED, completed_at=START)
NOT_TAKEN = StepState(StepStatus.SKIPPED, reason=SkipReason.NOT_TAKEN, completed_at=START)
BY_HAND = StepState(StepStatus.SKIPPED, reason=SkipReason.OPERATOR, completed_at=START)
CANCELLED = StepState(StepStatus.CANCELLED, completed_at=START)


def done(branch=None):
	return replace(DONE, result={"branch": branch} if branch else {})


def failed(handled=None):
	return StepState(
		StepStatus.FAILED, handled=handled, error={"code": "boom", "message": ""}, completed_at=START
	)


def active(status):
	return StepState(status, trigger_at=START + timedelta(days=1))


UNHANDLED, CONTINUED = failed(), failed(Handled.CONTINUE)
INTO_ERROR, INTO_TIMEOUT = failed(Handled.ERROR), failed(Handled.TIMEOUT)
