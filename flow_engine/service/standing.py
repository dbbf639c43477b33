"""How many runs of a flow stand at which step now: what the picture of a flow shows beside its steps.

Decides what counts as standing somewhere: a step that waits, has a time, is running, or has failed with
nobody having handled it. What is pending or settled says nothing about where a run is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flow_engine.engine.errors import StateTooNew, StateUnreadable
from flow_engine.engine.sla.clocks import standing_of
from flow_engine.engine.state import StepState, StepStatus, load_state
from flow_engine.service import arguments as read
from flow_engine.service.templates import TemplateStore
from flow_engine.store.standing import FlowStanding

# The newest of them: a picture is for seeing, and reading more states than these takes too long for one.
SHOWN_RUNS = 500
LISTED_RUNS = 100
COUNTED_RUNS = 10_000
_SHOWN = (StepStatus.WAITING, StepStatus.SCHEDULED, StepStatus.RUNNING, StepStatus.FAILED)


def standing(host: Any, store: TemplateStore, name: Any, step_id: Any = None) -> dict[str, Any]:
	"""`{steps: {id: {waiting, scheduled, running, failed, overdue?, at_risk?}}, runs: {running, failed,
	completed, cancelled}, more}`; with `step_id` also `here`: which runs stand at that step, `[{name, status,
	trigger_at, standing, context_doctype, context_docname, customer}]`, `status` being the step's.

	The newest 500 running and the newest 500 failed runs are looked at (`more`: there are others); each
	number of `runs` stops at 10,000. Raises TemplateNotFound, BadInput.
	"""
	template = store.get(read.needed(name, "name"))["name"]
	stored_runs = FlowStanding(host.runs)
	runs = stored_runs.count_runs(template, COUNTED_RUNS)
	wanted = read.text(step_id, "step_id")
	steps: dict[str, dict[str, int]] = {}
	here: list[dict[str, Any]] = []
	for status in ("failed", "running"):
		for run in stored_runs.states_of(template, status, SHOWN_RUNS):
			shown = _shown(run["step_state"])
			for step, state in shown.items():
				counts = steps.setdefault(step, {one.value: 0 for one in _SHOWN})
				counts[state.status.value] += 1
				late = standing_of(state)
				if late:
					counts[late] = counts.get(late, 0) + 1
			if wanted in shown and len(here) < LISTED_RUNS:
				here.append(_here(run, shown[wanted]))
	picture = {"steps": steps, "runs": runs, "more": max(runs["running"], runs["failed"]) > SHOWN_RUNS}
	return {**picture, "here": here} if wanted else picture


def _shown(stored: Any) -> dict[str, StepState]:
	try:
		states = load_state(stored)
	except (StateUnreadable, StateTooNew):
		# The run says so itself; the others are still worth seeing.
		return {}
	return {step: s for step, s in states.items() if s.status in _SHOWN and s.handled is None}


def _here(run: Mapping[str, Any], state: StepState) -> dict[str, Any]:
	about = {key: run[key] for key in ("name", "context_doctype", "context_docname", "customer")}
	due = state.trigger_at.isoformat() if state.trigger_at is not None else None
	return {**about, "status": state.status.value, "trigger_at": due, "standing": standing_of(state) or ""}
