"""The `Retry-After` header: how long the other side asks to be left alone."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

# No server gets to put a step off for longer than this.
LONGEST_SECONDS = 86_400.0

_SECONDS = re.compile(r"\A[0-9]{1,12}(\.[0-9]{1,6})?\Z")


def retry_after_seconds(header: str | None, now: datetime) -> float | None:
	"""Seconds or an HTTP date → seconds from `now`, 0 to a day; None when there is no readable header."""
	text = (header or "").strip()
	if not text:
		return None
	if _SECONDS.match(text):
		return min(float(text), LONGEST_SECONDS)
	try:
		moment = parsedate_to_datetime(text)
	except (TypeError, ValueError, OverflowError):
		return None
	if moment.tzinfo is None:
		moment = moment.replace(tzinfo=timezone.utc)
	return min(max((moment - now).total_seconds(), 0.0), LONGEST_SECONDS)
