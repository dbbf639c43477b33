"""How many runs of a flow stand at which step now: what the picture of a flow shows beside its steps.

Decides what counts as standing somewhere: a step that waits, has a time, is running, or has failed with
nobody having handled it. What is pending or settled says nothing about where a run is.
"""

from __future__ import annotations

from typing import Any

from flow_engine.engine.errors import StateTooNew, StateUnreadable
from flow_engine.engine.state import StepStatus, load_state
from flow_engine.service import arguments as read
from flow_engine.service.templates import TemplateStore
from flow_engine.store.standing import FlowStanding

# The newest of them: a picture is for seeing, and reading more states than these takes too long for one.
SHOWN_RUNS = 500
COUNTED_RUNS = 10_000
_SHOWN = (StepStatus.WAITING, StepStatus.SCHEDULED, StepStatus.RUNNING, StepStatus.FAILED)


def standing(host: Any, store: TemplateStore, name: Any) -> dict[str, Any]:
	"""`{steps: {id: {waiting, scheduled, running, failed}}, runs: {running, failed, completed, cancelled},
	more}`.

	The newest 500 running and the newest 500 failed runs are looked at (`more`: there are others); each
	number of `runs` stops at 10,000. Raises TemplateNotFound, BadInput.
	"""
	template = store.get(read.needed(name, "name"))["name"]
	stored_runs = FlowStanding(host.runs)
	runs = stored_runs.count_runs(template, COUNTED_RUNS)
	steps: dict[str, dict[str, int]] = {}
	for status in ("running", "failed"):
		for stored in stored_runs.states_of(template, status, SHOWN_RUNS):
			_add(steps, stored)
	return {"steps": steps, "runs": runs, "more": max(runs["running"], runs["failed"]) > SHOWN_RUNS}


def _add(steps: dict[str, dict[str, int]], stored: Any) -> None:
	try:
		states = load_state(stored)
	except (StateUnreadable, StateTooNew):
		# The run says so itself; the others are still worth seeing.
		return
	for step_id, state in states.items():
		if state.status in _SHOWN and state.handled is None:
			counts = steps.setdefault(step_id, {shown.value: 0 for shown in _SHOWN})
			counts[state.status.value] += 1
