"""What others promise of a document: ERPNext's Service Level Agreement of an Issue. It is read, never kept:
ERPNext moves its times while an Issue is on hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Agreement:
	"""`status` is ERPNext's own word. Times are aware UTC. `open`: the promise has yet to be kept."""

	name: str
	status: str
	response_by: datetime | None
	resolution_by: datetime | None
	open: bool
