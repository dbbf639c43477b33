"""Runs as the doors show them: one view for the API, the desk and the command line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from flow_engine.engine.allow_lists import Person, check_fire
from flow_engine.engine.compensation import EVENT as COMPENSATION
from flow_engine.engine.compensation import is_compensation
from flow_engine.engine.definition import DATE_TRIGGER_KEYS, FlowDefinition, TriggerType, dump_definition
from flow_engine.engine.errors import BadInput, FlowError, NotAllowed, TransientDatabaseError
from flow_engine.engine.ports import Host, RunRecord
from flow_engine.engine.running import Advanced
from flow_engine.engine.session import Session
from flow_engine.engine.state import RunStatus, StepState, StepStatus, in_log
from flow_engine.service.compensation import run_compensation
from flow_engine.service.service_levels import agreement_view, clocks_of


def describe_run(host: Host, record: RunRecord, values: bool = True) -> dict[str, Any]:
	"""A run with its steps. `values`: whether the viewer may see results, inputs and variables, or states and
	times only."""
	template = _template(host, record)
	view: dict[str, Any] = {
		"name": record.name,
		"flow_template": record.flow_template,
		"template_name": str(template.get("template_name") or record.flow_template),
		"template_version": record.template_version,
		"newer_version": _newer(record, template),
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
		"schedule": _schedule(record),
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
			"delegable": waits_for_somebody(record, step.trigger.type, state),
			"allowed": [] if view["compensation"] else allowed_actions(record, step.trigger.type, state),
			"undone": undone.get(step.id),
		}
		if values:
			result = state.result
			result = host.runs.log_result(record.name, step.id) if in_log(result) else result
			entry["result"] = result
			entry["read"] = result.get("read") if isinstance(result, Mapping) else None
			entry["agreement"] = agreement_view(host, result)
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
_FIRE_NAME = re.compile(r"[A-Za-z0-9.\-]{1,140}")
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


def waits_for_somebody(record: RunRecord, trigger: TriggerType, state: StepState) -> bool:
	"""Can the step be given to somebody else?"""
	waits = record.status == RunStatus.RUNNING and state.status is StepStatus.WAITING
	return waits and trigger is TriggerType.MANUAL


def limit_actions(session: Session, view: dict[str, Any], person: Person) -> None:
	"""Leave in the view of a run what this person may do with its steps."""
	for step in view["steps"]:
		may = [action for action in step["allowed"] if action == "complete" or person.manages]
		fires = False
		if "complete" in may:
			try:
				check_fire(session.definition.step(step["id"]), session.state(step["id"]), person)
				fires = True
			except NotAllowed:
				may.remove("complete")
		step["allowed"] = may
		step["delegable"] = step["delegable"] and (fires or person.manages)


def run_actions(run: Mapping[str, Any]) -> list[str]:
	"""What can be done to all of a run, by its view."""
	status = run["status"]
	if status == RunStatus.RUNNING:
		return ["cancel", "migrate"] if run.get("newer_version") else ["cancel"]
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


def _template(host: Host, record: RunRecord) -> Mapping[str, Any]:
	"""The flow of a run; nothing of one that is gone."""
	try:
		return host.definitions.template(record.flow_template)
	except FlowError:
		return {}


def _newer(record: RunRecord, template: Mapping[str, Any]) -> int | None:
	"""The version that a running run could be moved to: what is published now, where that is newer."""
	published = int(template.get("published_version") or 0)
	movable = record.status == RunStatus.RUNNING and record.trigger_event != COMPENSATION
	return published if movable and published > record.template_version else None


def _replayed(record: RunRecord) -> str | None:
	"""The run that this one repeats, if it does."""
	replay = record.trigger_data.get("replay") if isinstance(record.trigger_data, Mapping) else None
	return str(replay.get("of")) if isinstance(replay, Mapping) else None


def _schedule(record: RunRecord) -> dict[str, Any] | None:
	"""`{name, schedule_name, fire, fire_at, timezone}` of the schedule that started it, as it was then."""
	schedule = record.trigger_data.get("schedule") if isinstance(record.trigger_data, Mapping) else None
	return dict(schedule) if isinstance(schedule, Mapping) else None


def key_of_fire(name: str | None) -> str | None:
	"""How the trigger keys begin of the runs that a fire, or a schedule, has started. Raises BadInput."""
	if name is not None and not _FIRE_NAME.fullmatch(name):
		raise BadInput("`fire` must be the name of a fire, or of a schedule.")
	return f"schedule:{name.replace('.', ':', 1)}" if name else None


def _iso(when: Any) -> str | None:
	return when.isoformat() if when is not None else None


def title_of(host: Host, template: str) -> Mapping[str, Any]:
	"""`{name, template_name}`; runs outlive their template, so one that is gone is called by its id."""
	try:
		return host.definitions.template(template)
	except TransientDatabaseError:
		raise
	except FlowError:
		return {"name": template, "template_name": template}
