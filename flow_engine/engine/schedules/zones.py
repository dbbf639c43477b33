"""From what the clock on the wall shows to moments, where clocks are put forward and back.

In spring a local time may not exist, in autumn it may come twice; a schedule says what then. Moments are
aware UTC.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from flow_engine.engine.enums import StrEnum
from flow_engine.engine.errors import FlowError
from flow_engine.engine.problems import quoted


class UnknownZone(FlowError):
	"""There is no such time zone."""

	code = "unknown_zone"
	http_status = 422


class Gap(StrEnum):
	"""A local time that clocks jump over: at the first moment after the jump, or not at all."""

	AFTER = "after"
	SKIP = "skip"


class Fold(StrEnum):
	"""A local time that comes twice: the first time, or both times."""

	FIRST = "first"
	BOTH = "both"


def read_zone(name: str) -> ZoneInfo:
	"""Raises UnknownZone for what is no IANA time zone."""
	try:
		return ZoneInfo(name)
	except (ValueError, OSError, LookupError):
		raise UnknownZone(f"{quoted(name)} is not a time zone; one is America/Toronto.") from None


def moments(local: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
	"""The moments at which the wall shows this naive local time: none, one or two, in order. A local time at
	the very edge of the calendar that is no moment in UTC has none."""
	try:
		first = local.replace(tzinfo=zone, fold=0).astimezone(timezone.utc)
		second = local.replace(tzinfo=zone, fold=1).astimezone(timezone.utc)
	except OverflowError:
		return ()
	if first == second:
		return (first,)
	# In a gap the two readings come in the other order, and neither is shown by any clock.
	return (first, second) if first < second else ()


def end_of_gap(local: datetime, zone: ZoneInfo) -> datetime:
	"""The first moment after the jump over this local time, which `moments` has none for."""
	late = local.replace(tzinfo=zone, fold=0).astimezone(timezone.utc)
	early = local.replace(tzinfo=zone, fold=1).astimezone(timezone.utc)
	return _change_between(early, late, zone)


def second_pass(moment: datetime, zone: ZoneInfo) -> datetime | None:
	"""When the clocks will be put back over the local time shown at `moment`; None where it comes once, or
	this is the second time already."""
	local = moment.astimezone(zone)
	shown = moments(local.replace(tzinfo=None, fold=0), zone)
	if len(shown) < 2 or local.fold:
		return None
	return _change_between(moment, shown[1], zone)


def _change_between(early: datetime, late: datetime, zone: ZoneInfo) -> datetime:
	"""The moment, to the second, from which the zone's offset is the one it has at `late`."""
	before = early.astimezone(zone).utcoffset()
	low, high = early.replace(microsecond=0), late
	while high - low > timedelta(seconds=1):
		middle = (low + (high - low) / 2).replace(microsecond=0)
		if middle == low:
			break
		if middle.astimezone(zone).utcoffset() == before:
			low = middle
		else:
			high = middle
	return high.replace(microsecond=0)
