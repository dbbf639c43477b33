"""What came of one worker's turn at one run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Advanced:
	"""What one advance did. `more` when the run yielded with work left; `lost` when another worker took
	over."""

	run: str
	executed: tuple[str, ...] = ()
	scheduled: tuple[str, ...] = ()
	status: str | None = None
	more: bool = False
	lost: bool = False
