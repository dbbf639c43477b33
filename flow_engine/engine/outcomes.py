"""What a step's handler may answer. Handlers return one of these and never write state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flow_engine.engine.errors import StepError


@dataclass(frozen=True, slots=True)
class Done:
	"""The step did its work.

	result: small JSON object; `branch` names the branch taken, `read` the values a condition read,
	`{doctype, name}` the document written.
	touched: `(doctype, name, "created" | "updated")` of every document written, for the run's connections.
	kept: what undoing it will need and nobody is shown, such as values before a change; JSON, kept whole up
	to 64 KB, else not at all.
	"""

	result: Mapping[str, Any] = field(default_factory=dict)
	touched: tuple[tuple[str, str, str], ...] = ()
	kept: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Retry:
	"""The attempt failed in a way that may pass; the step's retry policy decides.

	after_seconds: the least time to wait that the other side asked for (`Retry-After`), or None.
	"""

	code: str
	message: str
	after_seconds: float | None = None
	result: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unknown:
	"""An external call was sent and its outcome is not known: sent again only when the step is
	repeat-safe."""

	message: str
	code: str = "outcome_unknown"


@dataclass(frozen=True, slots=True)
class Fail:
	"""The step failed and trying again as it is would fail again."""

	code: str
	message: str
	result: Mapping[str, Any] = field(default_factory=dict)

	@classmethod
	def of(cls, error: StepError) -> Fail:
		return cls(error.code, error.message)


Outcome = Done | Retry | Unknown | Fail
