"""Runs as the doors show them: one view for the API, the desk and the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flow_engine.engine.compensation import EVENT as COMPENSATION
from flow_engine.engine.compensation import is_compensation
from flow_engine.engine.definition import DATE_TRIGGER_KEYS, FlowDefinition, TriggerType, dump_definition
from flow_engine.engine.errors import FlowError, TransientDatabaseError
from flow_engine.engine.ports import Host, RunRecord
from flow_engine.engine.running import Advanced
from flow_engine.engine.session import Session
from flow_engine.engine.state import RunStatus, StepState, StepStatus, in_log
from flow_engine.service.compensation import run_compensation
from flow_engine.service.service_levels import clocks_of


def describe_run(host: Host, record: RunRecord, values: bool = True) -> dict[str, Any]:
	"""A run with its steps. `values`: whether the viewer may see results, inputs and variables, or states and
	times only."""
	view: dict[str, Any] = {
		"name": record.name,
		"flow_template": record.flow_template,
		"template_name": _template_name(host, record),
		"template_version": record.template_version,
		"status": record.status,
		"trigger_event": record.trigger_event,
		"context_doctype": record.context_doctype,
		"context_docname": record.context_docname,
		"customer": record.customer,
		"run_as": record.run_as,
		"started_at": _iso(record.started_at),
		"completed_at": _iso(record.completed_at),
		"wake_at": _iso(record.wake_at),
		"failed_steps": record.failed_steps,
		"parent_run": record.parent_run,
		"replay_of": _replayed(record),
	}
	if values:
		view["variables"] = record.variables
	try:
		session = Session(host, record)
	except TransientDatabaseError:
		raise
	except FlowError as error:
		return {**view, "steps": [], "error": {"code": error.code, "message": error.message}}
	view["failed_steps"] = session.frontier.failed_steps
	undoing, undone = run_compensation(host, session)
	view.update(undoing)
	if undoing["compensates"] and not values:
		undoing["compensates"].pop("reason")
	view["definition"] = drawn_definition(session.definition, values)
	clocks = clocks_of(session)
	view["sla"] = clocks.get(None)
	view["sla_status"] = session.clocks.standing() if session.definition.has_sla else None
	steps = []
	for step in session.definition.steps:
		state = session.state(step.id)
		entry = {
			"id": step.id,
			"label": step.label,
			"kind": step.kind,
			"parent_id": step.parent_id,
			"branch": step.branch,
			"trigger_type": step.trigger.type.value,
			**step_view(state),
			"sla": clocks.get(step.id),
			"allowed": [] if view["compensation"] else allowed_actions(record, step.trigger.type, state),
			"undone": undone.get(step.id),
		}
		if values:
			result = state.result
			result = host.runs.log_result(record.name, step.id) if in_log(result) else result
			entry["result"] = result
			entry["read"] = result.get("read") if isinstance(result, Mapping) else None
		elif entry["error"]:
			entry["error"] = {"code": entry["error"].get("code"), "message": ""}
		steps.append(entry)
	return {**view, "steps": steps}


def drawn_definition(definition: FlowDefinition, values: bool = True) -> dict[str, Any]:
	"""The version a run was made from, for drawing it. `values`: with payloads, conditions and variables;
	without, what the tree and its labels need."""
	data = dump_definition(definition)
	for step, drawn in zip(definition.steps, data["steps"], strict=True):
		if step.undo is not None:
			drawn["undo"] = step.undo.value
	if values:
		return data
	return {
		"version": data["version"],
		"trigger": {key: data["trigger"][key] for key in _DRAWN_TRIGGER if key in data["trigger"]},
		"variables": {},
		"steps": [
			{
				**{key: step[key] for key in _DRAWN_STEP if key in step},
				"trigger": {"type": step["trigger"]["type"]},
			}
			for step in data["steps"]
		],
	}


def describe_attempts(attempts: Iterable[Mapping[str, Any]], values: bool) -> list[dict[str, Any]]:
	"""A step's attempts as the doors give them. `values`: whether the viewer may see results and messages."""
	shown = []
	for attempt in attempts:
		entry = {
			key: _iso(value) if key in ("started", "finished", "next_at") else value
			for key, value in attempt.items()
		}
		shown.append(entry if values else {key: v for key, v in entry.items() if key not in _ATTEMPT_VALUES})
	return shown


_DRAWN_TRIGGER = ("event", "doctype", "doc_event", "field", *DATE_TRIGGER_KEYS)
_DRAWN_STEP = ("id", "kind", "label", "parent_id", "branch", "depends_on", "on_error", "disabled", "undo")
_ATTEMPT_VALUES = ("result", "error_message", "late_outcome")


def step_view(state: StepState) -> dict[str, Any]:
	"""One step's state as the doors give it: times in ISO 8601, UTC."""
	return {
		"status": state.status.value,
		"ready_at": _iso(state.ready_at),
		"trigger_at": _iso(state.trigger_at),
		"started_at": _iso(state.started_at),
		"completed_at": _iso(state.completed_at),
		"attempts": state.attempts,
		"error": dict(state.error) if state.error else None,
		"reason": state.reason.value if state.reason else None,
		"handled": state.handled.value if state.handled else None,
	}


def allowed_actions(record: RunRecord, trigger: TriggerType, state: StepState) -> list[str]:
	"""What the state of a step allows; who may do it is asked elsewhere."""
	if record.status == RunStatus.RUNNING and state.status in (StepStatus.WAITING, StepStatus.SCHEDULED):
		return ["complete"]
	if (
		record.status in (RunStatus.RUNNING, RunStatus.FAILED)
		and state.status is StepStatus.FAILED
		and state.handled is None
	):
		allowed = ["retry", "skip", "mark_done"]
		ended = record.status != RunStatus.RUNNING
		return [*allowed, "replay"] if ended and not is_compensation(record) else allowed
	replayable = record.status != RunStatus.RUNNING and not is_compensation(record)
	if replayable and (state.settled and state.status is not StepStatus.SKIPPED):
		return ["replay"]
	return []


def run_actions(run: Mapping[str, Any]) -> list[str]:
	"""What can be done to all of a run, by its view."""
	status = run["status"]
	if status == RunStatus.RUNNING:
		return ["cancel"]
	allowed = ["cancel"] if status == RunStatus.FAILED else []
	if run["trigger_event"] != COMPENSATION:
		allowed.append("replay")
	return [*allowed, "compensate"] if run.get("compensable") else allowed


def advanced_view(run: str, advanced: Advanced | None = None) -> dict[str, Any]:
	"""`{run, executed, scheduled}`, as far as known when the answer is given."""
	return {
		"run": run,
		"executed": list(advanced.executed) if advanced else [],
		"scheduled": list(advanced.scheduled) if advanced else [],
	}


def _template_name(host: Host, record: RunRecord) -> str:
	try:
		template: Mapping[str, Any] = host.definitions.template(record.flow_template)
	except FlowError:
		return record.flow_template
	return str(template.get("template_name") or record.flow_template)


def _replayed(record: RunRecord) -> str | None:
	"""The run that this one repeats, if it does."""
	replay = record.trigger_data.get("replay") if isinstance(record.trigger_data, Mapping) else None
	return str(replay.get("of")) if isinstance(replay, Mapping) else None


def _iso(when: Any) -> str | None:
	return when.isoformat() if when is not None else None
