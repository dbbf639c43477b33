"""wait: does nothing; its trigger is the wait."""

from __future__ import annotations

from flow_engine.engine.kinds.base import Effect, Kind, StepContext
from flow_engine.engine.outcomes import Done


def wait(ctx: StepContext) -> Done:
	"""Nothing is left to do once the trigger has fired."""
	return Done()


KIND = Kind(
	name="wait",
	label="Wait",
	icon="today",
	colour="#6b7280",
	effect=Effect.NONE,
	handle=wait,
	help=(
		"Does nothing by itself. Choose when it fires: after a delay, on a date, when a person confirms or "
		"when another system calls its link; what comes after it waits as well."
	),
)
