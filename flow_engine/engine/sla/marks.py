"""What a run remembers of a service level: since when its clock goes, and what has been marked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_KEYS = ("since", "warned_at", "breached_at")


@dataclass(frozen=True, slots=True)
class SlaMarks:
	"""Times are aware UTC. `since`: where the clock does not go since the step became ready. `warned_at`,
	`breached_at`: the moments it was due, not those at which somebody noticed, so that nothing that follows
	from them depends on a tick."""

	since: datetime | None = None
	warned_at: datetime | None = None
	breached_at: datetime | None = None

	def dump(self) -> dict[str, str]:
		return {key: when.isoformat() for key in _KEYS if (when := getattr(self, key)) is not None}


UNMARKED = SlaMarks()


def load_marks(data: Any, read: Callable[[str], datetime]) -> SlaMarks:
	"""Raises ValueError, TypeError for what `dump` never wrote."""
	if not isinstance(data, Mapping):
		raise ValueError("sla is not what it should be")
	return SlaMarks(**{key: read(data[key]) for key in _KEYS if data.get(key)})
