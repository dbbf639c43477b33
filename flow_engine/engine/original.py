"""What the steps of a compensation see of the run that they undo."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from flow_engine.engine.compensation import compensates, is_compensation
from flow_engine.engine.errors import CannotCompensate, RunNotFound
from flow_engine.engine.kinds.base import DoneStep
from flow_engine.engine.ports import Host, RunRecord
from flow_engine.engine.session import Session
from flow_engine.engine.state import StepState, in_log


class Original:
	"""The run that `record`, a compensation, undoes. It has ended and cannot go on, so it is read once."""

	def __init__(self, host: Host, record: RunRecord):
		self.host = host
		self.record = record

	@cached_property
	def session(self) -> Session:
		"""Raises CannotCompensate when the run is no longer kept."""
		run = str(compensates(self.record).get("run") or "")
		try:
			return Session(self.host, self.host.runs.read(run))
		except RunNotFound:
			raise CannotCompensate(f"{run}, which was to be undone, is no longer kept.") from None

	def states(self) -> dict[str, StepState]:
		return self.session.frontier.states

	def result(self, step_id: str) -> Any:
		"""The step's whole result."""
		result = self.session.state(step_id).result
		return self.host.runs.log_result(self.session.record.name, step_id) if in_log(result) else result

	def done(self, step_id: str) -> DoneStep:
		"""What the step of this id did, for its kind to undo."""
		result = self.result(step_id)
		run = self.session.record.name
		kept = self.host.runs.log_kept(run, step_id)
		return DoneStep(run, step_id, result if isinstance(result, dict) else {}, kept)

	def told(self, step_id: str) -> dict[str, Any]:
		"""`{{compensates.…}}` in a step of the compensation: which run, why, and what the undone step's
		result was."""
		kept = compensates(self.record)
		undone = self._undone(step_id)
		return {
			**{key: kept.get(key) for key in ("run", "why", "reason", "status", "error")},
			"step": undone,
			"result": self.result(undone) if undone is not None else None,
		}

	def _undone(self, step_id: str) -> str | None:
		"""The step that this one belongs to the undoing of."""
		definition, at = self.session.definition, step_id
		while at not in self._undone_steps:
			above = definition.step(at).parent_id if at in definition else None
			if above is None:
				return None
			at = above
		return at

	@cached_property
	def _undone_steps(self) -> frozenset[str]:
		return frozenset(compensates(self.record)["steps"])


def original_of(host: Host, session: Session) -> Original | None:
	"""What a compensation undoes, read once for as long as its session holds; None in any other run."""
	if session.original is None and is_compensation(session.record):
		session.original = Original(host, session.record)
	return session.original
