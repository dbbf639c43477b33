"""What is done about fires that are due: those missed, those that meet a run still going, and how far apart
they are spread."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from flow_engine.engine.enums import StrEnum
from flow_engine.engine.schedules.timing import Timing, fires_after

# A fire noticed later than this was missed: workers and ticks may be a little late without anybody caring.
GRACE = timedelta(minutes=10)
MOST_CAUGHT_UP = 100
# So many of a long outage's fires are counted one by one.
MOST_COUNTED = 2_000
_SPANS = [
	timedelta(hours=3),
	timedelta(days=2),
	timedelta(days=60),
	timedelta(days=1_000),
	timedelta(days=36_525),
]


class Missed(StrEnum):
	"""Fires whose time passed while nothing could fire: forget them, fire once for all of them, or fire each
	(the last so many)."""

	SKIP = "skip"
	RUN_ONCE = "run_once"
	ALL = "run_all"


class Overlap(StrEnum):
	"""A run that this schedule started is still going at the next fire."""

	ALLOW = "allow"
	SKIP = "skip"
	QUEUE = "queue"


@dataclass(frozen=True, slots=True)
class Due:
	"""What to do now. `fires`: the moments to fire for, in order. `missed`: those given up (first, last, how
	many at least), or None. `next_at`: the first fire that is still to come; None: never again."""

	fires: tuple[datetime, ...]
	missed: tuple[datetime, datetime, int] | None
	next_at: datetime | None


def jitter_of(schedule: str, at: datetime, seconds: int) -> timedelta:
	"""How much later than `at` this fire happens: the same at every look, spread evenly up to `seconds`."""
	if seconds <= 0:
		return timedelta()
	digest = hashlib.sha256(f"{schedule}\n{at.isoformat()}".encode()).digest()
	return timedelta(seconds=int.from_bytes(digest[:8], "big") % (seconds + 1))


def decide_due(
	timing: Timing,
	next_at: datetime,
	now: datetime,
	missed: Missed,
	cap: int,
	spread: timedelta = timedelta(),
) -> Due:
	"""`next_at`: the fire that was to come next, and is due. `cap`: how many missed ones `run_all` fires.
	`spread`: how late this schedule's fires may be on purpose."""
	due, more, following = _due(timing, next_at, now)
	late = [at for at in due if now - at > GRACE + spread]
	if not late:
		return Due(tuple(due), None, following)
	if missed is Missed.RUN_ONCE:
		# The last one stands for all of them, in time or not.
		fires = due[-1:]
	elif missed is Missed.SKIP:
		fires = due[len(late) :]
	else:
		fires = due[max(len(late) - min(max(cap, 1), MOST_CAUGHT_UP), 0) :]
	given_up = due[: len(due) - len(fires)]
	span = (given_up[0], given_up[-1], len(given_up) + more) if given_up else None
	return Due(tuple(fires), span, following)


def _due(timing: Timing, next_at: datetime, now: datetime) -> tuple[list[datetime], int, datetime | None]:
	"""What is due, in order; how many at least are left out of it; what comes then."""
	due = [next_at]
	for at in _times(timing, next_at):
		if at > now:
			return due, 0, at
		due.append(at)
		if len(due) > MOST_COUNTED:
			return _latest(timing, due, now)
	return due, 0, None


def _latest(
	timing: Timing, oldest: list[datetime], now: datetime
) -> tuple[list[datetime], int, datetime | None]:
	"""Of an outage that long the first and the last are told apart, and how many there were at least."""
	recent: list[datetime] = []
	for span in _SPANS:
		recent = list(takewhile(lambda at: at <= now, _times(timing, max(now - span, oldest[0]))))
		if len(recent) > MOST_CAUGHT_UP:
			break
	return [oldest[0], *recent], max(len(oldest) - 1 - len(recent), 0), next(_times(timing, now), None)


def _times(timing: Timing, after: datetime) -> Iterator[datetime]:
	return (fire.at for fire in fires_after(timing, after) if fire.because is None)
